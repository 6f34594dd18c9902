package helm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	hchart "helm.sh/helm/v3/pkg/chart"
)

// valuesSchema is the values.schema.json of a chart and its subcharts, compiled
// once. It accepts and refuses what Helm does; Helm's own check compiles anew
// each time, and quotes the values in its errors.
type valuesSchema struct {
	own       *jsonschema.Schema
	subcharts map[string]*valuesSchema
}

func compileSchema(c *hchart.Chart) (*valuesSchema, error) {
	s := &valuesSchema{subcharts: map[string]*valuesSchema{}}
	if c.Schema != nil {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.Schema))
		if err != nil {
			return nil, fmt.Errorf("values.schema.json of chart %s is no JSON: %w", c.Name(), err)
		}
		compiler := jsonschema.NewCompiler()
		// Schemas in files and on the web would reach beyond the chart, and what
		// they say may be another thing at the next plan.
		compiler.UseLoader(jsonschema.SchemeURLLoader{"http": elsewhere{}, "https": elsewhere{}, "urn": anySchema{}})
		if err := compiler.AddResource("file:///values.schema.json", doc); err != nil {
			return nil, fmt.Errorf("values.schema.json of chart %s: %w", c.Name(), err)
		}
		if s.own, err = compiler.Compile("file:///values.schema.json"); err != nil {
			return nil, fmt.Errorf("values.schema.json of chart %s: %w", c.Name(), err)
		}
	}
	for _, d := range c.Dependencies() {
		sub, err := compileSchema(d)
		if err != nil {
			return nil, err
		}
		s.subcharts[d.Name()] = sub
	}
	return s, nil
}

// check returns one line a violation.
func (s *valuesSchema) check(values map[string]any, at []string) []string {
	var lines []string
	if s.own != nil {
		if err := s.own.Validate(values); err != nil {
			if v, ok := err.(*jsonschema.ValidationError); ok {
				lines = violations(v, at)
			} else {
				lines = []string{joinPath(at) + ": the schema cannot be applied"}
			}
		}
	}
	for name, sub := range s.subcharts {
		switch v := values[name].(type) {
		case nil:
		case map[string]any:
			lines = append(lines, sub.check(v, append(at[:len(at):len(at)], name))...)
		default:
			lines = append(lines, joinPath(append(at[:len(at):len(at)], name))+": must be an object, as it is a subchart")
		}
	}
	return lines
}

// violations describes the innermost causes, without a word of the values.
func violations(e *jsonschema.ValidationError, at []string) []string {
	path := append(at[:len(at):len(at)], e.InstanceLocation...)
	var lines []string
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, p := range k.Properties {
			lines = append(lines, joinPath(append(path[:len(path):len(path)], p))+": not allowed, the chart does not know it")
		}
		return lines
	case *kind.Required:
		for _, p := range k.Missing {
			lines = append(lines, joinPath(append(path[:len(path):len(path)], p))+": missing")
		}
		return lines
	case *kind.AnyOf, *kind.OneOf:
		var alternatives []string
		for _, c := range e.Causes {
			alternatives = append(alternatives, strings.Join(violations(c, at), ", "))
		}
		if len(alternatives) == 0 {
			return []string{joinPath(path) + ": meets more than one of the alternatives where one is allowed"}
		}
		return []string{joinPath(path) + ": meets none of the alternatives: either " + strings.Join(alternatives, ", or ")}
	}
	if len(e.Causes) == 0 {
		return []string{joinPath(path) + ": " + rule(e.ErrorKind)}
	}
	for _, c := range e.Causes {
		lines = append(lines, violations(c, at)...)
	}
	return lines
}

func rule(k jsonschema.ErrorKind) string {
	number := func(v interface{ Float64() (float64, bool) }) string {
		f, _ := v.Float64()
		return fmt.Sprintf("%v", f)
	}
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("is of type %s, must be %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Enum:
		var want []string
		for _, w := range k.Want {
			want = append(want, fmt.Sprintf("%v", w))
		}
		return "must be one of " + strings.Join(want, ", ")
	case *kind.Const:
		return fmt.Sprintf("must be %v", k.Want)
	case *kind.Format:
		return "must be a valid " + k.Want
	case *kind.Pattern:
		return "must match the pattern " + k.Want
	case *kind.Minimum:
		return "must be at least " + number(k.Want)
	case *kind.Maximum:
		return "must be at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + number(k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d items", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d items", k.Want)
	case *kind.FalseSchema:
		return "not allowed here"
	}
	return "does not meet the rule " + strings.Join(k.KeywordPath(), "/")
}

func joinPath(path []string) string {
	if len(path) == 0 {
		return "(root)"
	}
	var p Path
	for _, s := range path {
		p = append(p, s)
	}
	return p.String()
}

// elsewhere refuses a schema that another one refers to.
type elsewhere struct{}

// Load implements jsonschema.URLLoader.
func (elsewhere) Load(string) (any, error) {
	return nil, errors.New("it is outside of the chart, and is not fetched; put the schema into the chart's own")
}

// anySchema accepts everything, as Helm does with a URN that it cannot resolve.
type anySchema struct{}

// Load implements jsonschema.URLLoader.
func (anySchema) Load(string) (any, error) { return true, nil }
