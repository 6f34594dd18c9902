package helm

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"

	hchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/chart"
)

// Helm logs the values that it merges, through the standard logger.
func init() { log.SetOutput(io.Discard) }

// Rendered is what Helm would send to the cluster.
type Rendered struct {
	// Objects are all but hooks, in Helm's order.
	Objects []*unstructured.Unstructured
	Hooks   []Hook
	// CRDs are those of the chart's crds folders, which Helm creates but
	// never upgrades.
	CRDs []*unstructured.Unstructured
	// Subcharts are those that the values enable.
	Subcharts []chart.Subchart
	// Unstable lists what differs from one render to the next, hooks included.
	Unstable []Unstable
	// Again holds, of the second render, the objects whose templates came out
	// differently; whatever is not in it is stable.
	Again []*unstructured.Unstructured
	// Lookups are what the templates asked of the cluster.
	Lookups []Lookup
	// Files are the rendered templates by their path within the chart, such as
	// templates/jobs/migrate.yaml; those of subcharts begin with
	// charts/<subchart>/. Hooks are among them, notes and blank ones are not.
	Files map[string]string
	// LookedUp is what live Secrets hold that the templates looked up.
	LookedUp []string

	documents []document
}

// Manifest is all objects but hooks, in Helm's order and bytes.
func (r *Rendered) Manifest() string {
	var b strings.Builder
	for _, d := range r.documents {
		fmt.Fprintf(&b, "---\n# Source: %s\n%s\n", d.source, d.text)
	}
	return b.String()
}

// Render returns what Helm would send to the cluster for the target: the same
// bytes as helm upgrade --dry-run=server, or helm install where there is no
// live release. Nothing is changed.
//
// Its errors are, where they are no API errors, a [SchemaError], a
// [TemplateError], a [KubeVersionError], a [DependencyError], a [SizeError] or a
// [SetError].
func (c *Client) Render(ctx context.Context, t Target) (*Rendered, error) {
	values, caps, err := c.inputs(ctx, t)
	if err != nil {
		return nil, err
	}
	ch := t.Chart.Copy()
	if err := chartutil.ProcessDependenciesWithMerge(ch, values); err != nil {
		return nil, &InvalidChartError{Chart: t.Chart.Name, Version: t.Chart.Version, Why: c.scrubber(t, values).text(err.Error())}
	}
	top, err := c.renderValues(t, ch, values, caps)
	if err != nil {
		return nil, err
	}
	if err := c.checkSchema(t, ch, top); err != nil {
		return nil, err
	}
	provider := c.lookups.during(ctx)
	files, err := c.execute(ctx, t, ch, top, values, provider)
	if err != nil {
		return nil, err
	}
	found := secretTexts(*provider.found)
	out, err := c.assemble(t, files, values, found)
	if err != nil {
		return nil, err
	}
	if err := t.checkSize(ch, values, out); err != nil {
		return nil, err
	}
	for _, d := range ch.Dependencies() {
		out.Subcharts = append(out.Subcharts, chart.Subchart{Name: d.Name(), Version: d.Metadata.Version, AppVersion: d.Metadata.AppVersion})
	}
	for _, crd := range ch.CRDObjects() {
		objs, err := ParseManifest(string(crd.File.Data))
		if err != nil {
			return nil, &InvalidChartError{Chart: t.Chart.Name, Version: t.Chart.Version, Why: crd.Name + ": " + err.Error()}
		}
		out.CRDs = append(out.CRDs, objs...)
	}
	defer func() { out.Lookups = slices.Collect(maps.Keys(provider.seen)) }()
	mood := c.moods.of(t.Chart)
	if mood.stable(values) {
		return out, nil
	}
	skipped := mood.again(ch)
	if top, err = c.renderValues(t, ch, values, caps); err != nil {
		return nil, err
	}
	again, err := c.execute(ctx, t, ch, top, values, provider)
	if err != nil {
		return nil, err
	}
	for _, name := range skipped {
		if text, rendered := files[name]; rendered {
			again[name] = text
		}
	}
	if out.Unstable, out.Again, err = compareFiles(files, again); err != nil {
		return nil, templateError(t, err, c.scrubber(t, values).and(found))
	}
	return out, nil
}

// inputs are the values that a target's chart is rendered with and what its
// cluster is capable of, if Helm takes the chart there.
func (c *Client) inputs(ctx context.Context, t Target) (map[string]any, *chartutil.Capabilities, error) {
	values, err := EffectiveValues(t.Values, t.Set)
	if err != nil {
		return nil, nil, err
	}
	caps, err := c.capabilities(ctx)
	if err != nil {
		return nil, nil, err
	}
	return values, caps, acceptable(t, caps)
}

// acceptable refuses what Helm refuses, and a chart without its dependencies,
// which Helm's SDK renders as if they were not wanted.
func acceptable(t Target, caps *chartutil.Capabilities) error {
	if err := complete(t.Chart); err != nil {
		return err
	}
	if t.Chart.KubeVersion != "" && !chartutil.IsCompatibleRange(t.Chart.KubeVersion, caps.KubeVersion.String()) {
		return &KubeVersionError{Chart: t.Chart.Name, Version: t.Chart.Version, Wants: t.Chart.KubeVersion, Has: caps.KubeVersion.String()}
	}
	return nil
}

func complete(ch *chart.Chart) error {
	if missing := ch.MissingDependencies(); len(missing) > 0 {
		return &DependencyError{Chart: ch.Name, Version: ch.Version, Missing: missing}
	}
	return nil
}

func (c *Client) scrubber(t Target, values map[string]any) *scrubber {
	return newScrubber(values, t.Namespace, t.Name, t.Chart.Name, t.Chart.Version, t.Chart.AppVersion)
}

// renderValues are what the templates see. They are private: templates can
// modify them.
func (c *Client) renderValues(t Target, ch *hchart.Chart, values map[string]any, caps *chartutil.Capabilities) (chartutil.Values, error) {
	options := chartutil.ReleaseOptions{Name: t.Name, Namespace: t.Namespace, Revision: 1, IsInstall: true}
	if t.upgrades() {
		options.Revision, options.IsInstall, options.IsUpgrade = t.Base.Revision+1, false, true
	}
	top, err := chartutil.ToRenderValuesWithSchemaValidation(ch, values, options, caps, true)
	if err != nil {
		return nil, templateError(t, err, c.scrubber(t, values))
	}
	return top, nil
}

func (c *Client) checkSchema(t Target, ch *hchart.Chart, top chartutil.Values) error {
	coalesced, _ := top["Values"].(chartutil.Values)
	lines, err := c.schemas.check(t.Chart, ch, coalesced)
	if err != nil {
		return &InvalidChartError{Chart: t.Chart.Name, Version: t.Chart.Version, Why: err.Error()}
	}
	if len(lines) > 0 {
		return &SchemaError{Namespace: t.Namespace, Name: t.Name, Chart: t.Chart.Name, Version: t.Chart.Version, Lines: lines}
	}
	return nil
}

// execute renders the templates. Notes and blank ones are left out.
func (c *Client) execute(ctx context.Context, t Target, ch *hchart.Chart, top chartutil.Values, values map[string]any, provider lookupProvider) (map[string]string, error) {
	files, err := engine.RenderWithClientProvider(ch, top, provider)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := secretTexts(*provider.found)
	if failure := *provider.failure; failure != nil {
		return nil, &scrubbedError{text: c.scrubber(t, values).and(found).text(failure.Error()), cause: failure}
	}
	if err != nil {
		return nil, templateError(t, err, c.scrubber(t, values).and(found))
	}
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") || strings.TrimSpace(text) == "" {
			delete(files, name)
		}
	}
	return files, nil
}

// assemble does with rendered templates what Helm does.
func (c *Client) assemble(t Target, files map[string]string, values map[string]any, found []string) (*Rendered, error) {
	hooks, documents, err := sortFiles(files)
	if err != nil {
		return nil, templateError(t, err, c.scrubber(t, values).and(found))
	}
	out := &Rendered{LookedUp: found, Hooks: hooksOf(hooks), Files: make(map[string]string, len(files)), documents: documents}
	for _, d := range documents {
		out.Objects = append(out.Objects, d.objects...)
	}
	for name, text := range files {
		out.Files[withinChart(t.Chart, name)] = text
	}
	return out, nil
}

// compareFiles parses only the templates whose text differs. It returns their
// objects in the second render, those of hooks left out.
func compareFiles(a, b map[string]string) (differing []Unstable, again []*unstructured.Unstructured, err error) {
	objects := func(files, others map[string]string) (hooks, rest []*unstructured.Unstructured, err error) {
		some := map[string]string{}
		for name, text := range files {
			if others[name] != text {
				some[name] = text
			}
		}
		sorted, documents, err := sortFiles(some)
		if err != nil {
			return nil, nil, err
		}
		for _, h := range sorted {
			objs, err := parseDocument("# Source: " + h.Path + "\n" + h.Manifest)
			if err != nil {
				return nil, nil, err
			}
			hooks = append(hooks, objs...)
		}
		for _, d := range documents {
			rest = append(rest, d.objects...)
		}
		return hooks, rest, nil
	}
	hooks, rest, err := objects(a, b)
	if err != nil {
		return nil, nil, err
	}
	hooksAgain, again, err := objects(b, a)
	if err != nil {
		return nil, nil, err
	}
	return compareRenders(append(hooks, rest...), append(hooksAgain, again...)), again, nil
}

func hooksOf(hooks []*release.Hook) []Hook {
	var all []Hook
	for _, h := range hooks {
		hook := Hook{Name: h.Name, Kind: h.Kind, Path: h.Path, Manifest: h.Manifest, Weight: h.Weight}
		for _, e := range h.Events {
			hook.Events = append(hook.Events, e.String())
		}
		for _, p := range h.DeletePolicies {
			hook.DeletePolicies = append(hook.DeletePolicies, p.String())
		}
		all = append(all, hook)
	}
	return all
}

// schemas compiles the values schema of each chart once.
type schemas struct{ charts sync.Map }

type schemaEntry struct {
	once   sync.Once
	schema *valuesSchema
	err    error
}

// of returns the schema of a chart. Only the subcharts that ch, a processed
// copy, still has are enabled and count.
func (s *schemas) of(c *chart.Chart, ch *hchart.Chart) (*valuesSchema, error) {
	v, _ := s.charts.LoadOrStore(schemaKey{c, shape(ch)}, &schemaEntry{})
	e := v.(*schemaEntry)
	e.once.Do(func() { e.schema, e.err = compileSchema(ch) })
	return e.schema, e.err
}

// check returns one line a violation.
func (s *schemas) check(c *chart.Chart, ch *hchart.Chart, values map[string]any) ([]string, error) {
	schema, err := s.of(c, ch)
	if err != nil {
		return nil, err
	}
	lines := schema.check(values, nil)
	sort.Strings(lines)
	return lines, nil
}

// schemaKey tells a chart with other subcharts enabled apart.
type schemaKey struct {
	chart *chart.Chart
	shape string
}

// shape names the subcharts, and theirs.
func shape(c *hchart.Chart) string {
	var names []string
	for _, d := range c.Dependencies() {
		names = append(names, d.Name()+"("+shape(d)+")")
	}
	sort.Strings(names)
	return strings.Join(names, ",")
}
