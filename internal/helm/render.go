package helm

import (
	"context"
	"fmt"
	"io"
	"log"
	"slices"
	"sort"
	"strings"
	"sync"

	hchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/chart"
)

// Helm logs the values that it merges, through the standard logger.
func init() { log.SetOutput(io.Discard) }

// Rendered is what Helm would send to the cluster.
type Rendered struct {
	// Manifest is all objects but hooks, in Helm's order and bytes.
	Manifest string
	Objects  []*unstructured.Unstructured
	Hooks    []Hook
	// CRDs are those of the chart's crds folders, which Helm creates but
	// never upgrades.
	CRDs []*unstructured.Unstructured
	// Unstable lists what differs from one render to the next, hooks included.
	Unstable []Unstable
	// Again holds, of the second render, the objects whose templates came out
	// differently; whatever is not in it is stable.
	Again []*unstructured.Unstructured
	// Files are the rendered templates by their path within the chart, such as
	// templates/jobs/migrate.yaml; those of subcharts begin with
	// charts/<subchart>/. Hooks are among them, notes and blank ones are not.
	Files map[string]string
}

// Minted are the Secrets whose generated content an upgrade would replace:
// those that the live release holds already and that render differently each
// time.
func (r *Rendered) Minted(live []*unstructured.Unstructured) []Unstable {
	has := map[[2]string]bool{}
	for _, o := range live {
		if o.GetKind() == "Secret" {
			has[[2]string{o.GetNamespace(), o.GetName()}] = true
		}
	}
	var minted []Unstable
	for _, u := range r.Unstable {
		if u.Kind != "Secret" || !has[[2]string{u.Namespace, u.Name}] {
			continue
		}
		content := func(p Path) bool { return len(p) > 0 && (p[0] == "data" || p[0] == "stringData") }
		if len(u.Paths) == 0 || slices.ContainsFunc(u.Paths, content) {
			minted = append(minted, u)
		}
	}
	return minted
}

// Render returns what Helm would send to the cluster for the target: the same
// bytes as helm upgrade --dry-run=server, or helm install where there is no
// live release. Nothing is changed.
//
// Its errors are, where they are no API errors, a [SchemaError], a
// [TemplateError], a [KubeVersionError], a [DependencyError] or a [SetError].
func (c *Client) Render(ctx context.Context, t Target) (*Rendered, error) {
	values, err := EffectiveValues(t.Values, t.Set)
	if err != nil {
		return nil, err
	}
	caps, err := c.capabilities(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.acceptable(t, caps); err != nil {
		return nil, err
	}
	mood := c.moods.of(t.Chart)
	private := t.Chart.Copy()
	first, err := c.renderOnce(ctx, t, private, values, caps)
	if err != nil {
		return nil, err
	}
	out := &Rendered{Manifest: first.manifest, Files: first.files, Hooks: hooksOf(first.hooks)}
	if out.Objects, err = first.objects(); err != nil {
		return nil, templateError(t, err, c.scrubber(t, values))
	}
	for _, crd := range private.CRDObjects() {
		objs, err := ParseManifest(string(crd.File.Data))
		if err != nil {
			return nil, fmt.Errorf("chart %s %s: %s: %w", t.Chart.Name, t.Chart.Version, crd.Name, err)
		}
		out.CRDs = append(out.CRDs, objs...)
	}
	if mood.stable(values) {
		return out, nil
	}
	twin := t.Chart.Copy()
	mood.elsewhen(twin)
	second, err := c.renderOnce(ctx, t, twin, values, caps)
	if err != nil {
		return nil, err
	}
	out.Unstable, out.Again, err = compare(first, second)
	if err != nil {
		return nil, templateError(t, err, c.scrubber(t, values))
	}
	return out, nil
}

// acceptable refuses what Helm refuses, and a chart without its dependencies,
// which Helm's SDK renders as if they were not wanted.
func (c *Client) acceptable(t Target, caps *chartutil.Capabilities) error {
	if missing := t.Chart.MissingDependencies(); len(missing) > 0 {
		return &DependencyError{Chart: t.Chart.Name, Version: t.Chart.Version, Missing: missing}
	}
	if t.Chart.KubeVersion != "" && !chartutil.IsCompatibleRange(t.Chart.KubeVersion, caps.KubeVersion.String()) {
		return &KubeVersionError{Chart: t.Chart.Name, Version: t.Chart.Version, Wants: t.Chart.KubeVersion, Has: caps.KubeVersion.String()}
	}
	return nil
}

func (c *Client) scrubber(t Target, values map[string]any) *scrubber {
	return newScrubber(values, t.Namespace, t.Name, t.Chart.Name, t.Chart.Version, t.Chart.AppVersion)
}

type render struct {
	manifest  string
	manifests []releaseutil.Manifest
	hooks     []*release.Hook
	files     map[string]string
}

func (r *render) objects() ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, m := range r.manifests {
		objs, err := parseDocument("# Source: " + m.Name + "\n" + m.Content)
		if err != nil {
			return nil, err
		}
		all = append(all, objs...)
	}
	return all, nil
}

func (c *Client) renderOnce(ctx context.Context, t Target, ch *hchart.Chart, values map[string]any, caps *chartutil.Capabilities) (*render, error) {
	if err := chartutil.ProcessDependenciesWithMerge(ch, values); err != nil {
		return nil, &DependencyError{Chart: t.Chart.Name, Version: t.Chart.Version, Missing: []string{c.scrubber(t, values).text(err.Error())}}
	}
	options := chartutil.ReleaseOptions{Name: t.Name, Namespace: t.Namespace, Revision: 1, IsInstall: true}
	if t.upgrades() {
		options.Revision, options.IsInstall, options.IsUpgrade = t.Base.Revision+1, false, true
	}
	top, err := chartutil.ToRenderValuesWithSchemaValidation(ch, values, options, caps, true)
	if err != nil {
		return nil, templateError(t, err, c.scrubber(t, values))
	}
	coalesced, _ := top["Values"].(chartutil.Values)
	if lines, err := c.schemas.check(t.Chart, ch, coalesced); err != nil {
		return nil, err
	} else if len(lines) > 0 {
		return nil, &SchemaError{Namespace: t.Namespace, Name: t.Name, Chart: t.Chart.Name, Version: t.Chart.Version, Lines: lines}
	}
	provider := c.lookups.during(ctx)
	files, err := engine.RenderWithClientProvider(ch, top, provider)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if *provider.failure != nil {
		return nil, *provider.failure
	}
	if err != nil {
		return nil, templateError(t, err, c.scrubber(t, coalesced))
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	r := &render{files: map[string]string{}}
	if r.hooks, r.manifests, err = releaseutil.SortManifests(files, nil, releaseutil.InstallOrder); err != nil {
		return nil, templateError(t, err, c.scrubber(t, coalesced))
	}
	var b strings.Builder
	for _, m := range r.manifests {
		fmt.Fprintf(&b, "---\n# Source: %s\n%s\n", m.Name, m.Content)
	}
	r.manifest = b.String()
	for name, text := range files {
		if strings.TrimSpace(text) != "" {
			r.files[withinChart(t.Chart, name)] = text
		}
	}
	return r, nil
}

// compare parses only what differs in its text.
func compare(a, b *render) ([]Unstable, []*unstructured.Unstructured, error) {
	if a.manifest == b.manifest && slices.EqualFunc(a.hooks, b.hooks, func(x, y *release.Hook) bool { return x.Manifest == y.Manifest }) {
		return nil, nil, nil
	}
	differing := func(r, other *render) ([]*unstructured.Unstructured, error) {
		same := map[string]bool{}
		for _, m := range other.manifests {
			same[m.Name+"\n"+m.Content] = true
		}
		for _, h := range other.hooks {
			same[h.Path+"\n"+h.Manifest] = true
		}
		var all []*unstructured.Unstructured
		add := func(name, content string) error {
			if same[name+"\n"+content] {
				return nil
			}
			objs, err := parseDocument("# Source: " + name + "\n" + content)
			all = append(all, objs...)
			return err
		}
		for _, m := range r.manifests {
			if err := add(m.Name, m.Content); err != nil {
				return nil, err
			}
		}
		for _, h := range r.hooks {
			if err := add(h.Path, h.Manifest); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	left, err := differing(a, b)
	if err != nil {
		return nil, nil, err
	}
	right, err := differing(b, a)
	if err != nil {
		return nil, nil, err
	}
	return compareRenders(left, right), right, nil
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

// capabilities are those of the cluster, in a private copy.
func (c *Client) capabilities(ctx context.Context) (*chartutil.Capabilities, error) {
	v, err := c.cluster.Version(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := c.cluster.APIVersions()
	if err != nil {
		return nil, err
	}
	return &chartutil.Capabilities{
		KubeVersion: chartutil.KubeVersion{Version: v.GitVersion, Major: v.Major, Minor: v.Minor},
		APIVersions: chartutil.VersionSet(versions),
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}, nil
}

// schemas compiles the values schema of each chart once.
type schemas struct{ charts sync.Map }

type schemaEntry struct {
	once   sync.Once
	schema *valuesSchema
	err    error
}

// check returns one line a violation. Only the subcharts that ch, a processed
// copy, still has are enabled and count.
func (s *schemas) check(c *chart.Chart, ch *hchart.Chart, values map[string]any) ([]string, error) {
	v, _ := s.charts.LoadOrStore(schemaKey{c, shape(ch)}, &schemaEntry{})
	e := v.(*schemaEntry)
	e.once.Do(func() { e.schema, e.err = compileSchema(ch) })
	if e.err != nil {
		return nil, e.err
	}
	lines := e.schema.check(values, nil)
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
