package helm

import (
	"maps"
	"slices"
	"sort"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	hchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/soctalk/fleet/internal/chart"
)

// KnownValues leaves out of values what the chart's schema says that the chart
// does not know, and returns the paths of that, sorted. What the schema refuses
// for any other reason stays, for a render to say so. The values are not
// modified.
func (c *Client) KnownValues(ch *chart.Chart, values map[string]any) (known map[string]any, unknown []string) {
	if !hasSchema(ch.Helm()) {
		return values, nil
	}
	for {
		some := slices.DeleteFunc(c.unknownValues(ch, values), func(p Path) bool { return !holdsPath(values, p) })
		if len(some) == 0 {
			sort.Strings(unknown)
			return values, unknown
		}
		for _, p := range some {
			values = without(values, p)
			unknown = append(unknown, p.String())
		}
	}
}

func hasSchema(c *hchart.Chart) bool {
	return c.Schema != nil || slices.ContainsFunc(c.Dependencies(), hasSchema)
}

// unknownValues asks the schema about values as a render does: with the chart's
// defaults under them, and for the subcharts that they enable.
func (c *Client) unknownValues(of *chart.Chart, values map[string]any) []Path {
	ch := of.Copy()
	if err := chartutil.ProcessDependenciesWithMerge(ch, values); err != nil {
		return nil // the render says so
	}
	all, err := chartutil.CoalesceValues(ch, values)
	if err != nil {
		return nil
	}
	schema, err := c.schemas.of(of, ch)
	if err != nil {
		return nil
	}
	return schema.unknown(all, nil)
}

// unknown are the values that no schema has a place for.
func (s *valuesSchema) unknown(values map[string]any, at Path) []Path {
	var all []Path
	if s.own != nil {
		if e, ok := s.own.Validate(values).(*jsonschema.ValidationError); ok {
			all = misplaced(e, at)
		}
	}
	for name, sub := range s.subcharts {
		if v, ok := values[name].(map[string]any); ok {
			all = append(all, sub.unknown(v, append(slices.Clone(at), name))...)
		}
	}
	return all
}

// misplaced finds the keys that a schema has no place for. Those that only one
// of several alternatives refuses are not among them.
func misplaced(e *jsonschema.ValidationError, at Path) []Path {
	path := slices.Clone(at)
	for _, name := range e.InstanceLocation {
		path = append(path, name)
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		var all []Path
		for _, name := range k.Properties {
			all = append(all, append(slices.Clone(path), name))
		}
		return all
	case *kind.FalseSchema:
		return []Path{path}
	case *kind.AnyOf, *kind.OneOf, *kind.Not:
		return nil
	}
	var all []Path
	for _, cause := range e.Causes {
		all = append(all, misplaced(cause, at)...)
	}
	return all
}

// holdsPath says whether there is something at a path of keys.
func holdsPath(values map[string]any, p Path) bool {
	for i, element := range p {
		key, ok := element.(string)
		if !ok {
			return false
		}
		v, there := values[key]
		if !there || i == len(p)-1 {
			return there
		}
		if values, ok = v.(map[string]any); !ok {
			return false
		}
	}
	return false
}

// without is a copy that lacks what is at a path.
func without(values map[string]any, p Path) map[string]any {
	out := maps.Clone(values)
	key, _ := p[0].(string)
	if inner, ok := out[key].(map[string]any); ok && len(p) > 1 {
		out[key] = without(inner, p[1:])
	} else {
		delete(out, key)
	}
	return out
}
