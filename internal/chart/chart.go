package chart

import (
	"path"
	"sort"
	"strings"

	hchart "helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

// Chart is one chart at one version. It is immutable and safe for concurrent
// use.
type Chart struct {
	Name, Version, AppVersion string
	// KubeVersion is the range of Kubernetes versions it accepts.
	KubeVersion string
	// Digest is "sha256:…" of the archive, or of a folder's files.
	Digest      string
	Annotations map[string]string

	loaded *hchart.Chart
}

func newChart(loaded *hchart.Chart, digest string) *Chart {
	// The archive is kept in the cache; its bytes need not be in memory twice.
	drop(loaded)
	m := loaded.Metadata
	return &Chart{
		Name: m.Name, Version: m.Version, AppVersion: m.AppVersion, KubeVersion: m.KubeVersion,
		Digest: digest, Annotations: m.Annotations, loaded: loaded,
	}
}

// drop frees the raw files and puts the subcharts, which Helm loads in random
// order, into one that is always the same.
func drop(c *hchart.Chart) {
	c.Raw = nil
	deps := append([]*hchart.Chart(nil), c.Dependencies()...)
	sort.Slice(deps, func(i, j int) bool { return deps[i].Name() < deps[j].Name() })
	c.SetDependencies(deps...)
	for _, d := range deps {
		drop(d)
	}
}

// Helm returns the loaded chart, which is shared: it must not be modified, and
// Helm's actions do modify what they are given. See [Chart.Copy].
func (c *Chart) Helm() *hchart.Chart { return c.loaded }

// Copy returns a chart that Helm may modify. File contents stay shared.
func (c *Chart) Copy() *hchart.Chart { return copyChart(c.loaded) }

func copyChart(c *hchart.Chart) *hchart.Chart {
	meta := *c.Metadata
	meta.Dependencies = make([]*hchart.Dependency, len(c.Metadata.Dependencies))
	for i, d := range c.Metadata.Dependencies {
		dep := *d
		dep.ImportValues = append([]any(nil), d.ImportValues...)
		dep.Tags = append([]string(nil), d.Tags...)
		meta.Dependencies[i] = &dep
	}
	out := &hchart.Chart{
		Metadata: &meta, Lock: c.Lock, Schema: c.Schema,
		Templates: append([]*hchart.File(nil), c.Templates...),
		Files:     append([]*hchart.File(nil), c.Files...),
	}
	if c.Values != nil {
		out.Values = copyValue(c.Values).(map[string]any)
	}
	for _, d := range c.Dependencies() {
		out.AddDependency(copyChart(d))
	}
	return out
}

func copyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = copyValue(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = copyValue(e)
		}
		return out
	default:
		return v
	}
}

// HasTemplate says whether the chart itself, not a subchart, holds a template
// at a path such as templates/jobs/migrate.yaml.
func (c *Chart) HasTemplate(name string) bool {
	name = path.Clean(strings.TrimPrefix(name, "./"))
	for _, f := range c.loaded.Templates {
		if f.Name == name {
			return true
		}
	}
	return false
}

// Defaults are the chart's own values, a private copy.
func (c *Chart) Defaults() map[string]any {
	v, _ := copyValue(c.loaded.Values).(map[string]any)
	return v
}

// Texts are what the chart and its subcharts say themselves: templates, other
// files and the keys and texts of their values.
func (c *Chart) Texts() []string { return texts(nil, c.loaded) }

func texts(into []string, c *hchart.Chart) []string {
	into = append(into, c.Name())
	for _, f := range append(c.Templates[:len(c.Templates):len(c.Templates)], c.Files...) {
		into = append(into, string(f.Data))
	}
	into = valueTexts(into, c.Values)
	for _, d := range c.Dependencies() {
		into = texts(into, d)
	}
	return into
}

func valueTexts(into []string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			into = valueTexts(append(into, k), e)
		}
	case []any:
		for _, e := range v {
			into = valueTexts(into, e)
		}
	case string:
		into = append(into, v)
	}
	return into
}

// Subchart is a chart within a chart.
type Subchart struct{ Name, Version, AppVersion string }

// Subcharts are the vendored dependencies, by name, enabled or not.
func (c *Chart) Subcharts() []Subchart {
	var all []Subchart
	for _, d := range c.loaded.Dependencies() {
		all = append(all, Subchart{Name: d.Name(), Version: d.Metadata.Version, AppVersion: d.Metadata.AppVersion})
	}
	return all
}

// MissingDependencies are the subcharts that the chart declares and does not
// contain. Helm renders such a chart without a word.
func (c *Chart) MissingDependencies() []string {
	has := map[string]bool{}
	for _, d := range c.loaded.Dependencies() {
		has[d.Name()] = true
	}
	var missing []string
	for _, d := range c.loaded.Metadata.Dependencies {
		if !has[d.Name] {
			missing = append(missing, d.Name)
		}
	}
	return missing
}

// Change is one entry of a chart's release notes.
type Change struct {
	// Kind is added, changed, deprecated, removed, fixed or security; empty
	// when the chart does not say.
	Kind        string `json:"kind"`
	Description string `json:"description"`
}

// Breaking are the breaking changes in the annotation soctalk.io/breaking: a
// YAML list of lines, or one text.
func (c *Chart) Breaking() []string {
	text := c.Annotations["soctalk.io/breaking"]
	var lines []string
	if err := yaml.Unmarshal([]byte(text), &lines); err == nil {
		return lines
	}
	return []string{strings.TrimSpace(text)}
}

// Changes are the release notes in the annotation artifacthub.io/changes.
func (c *Chart) Changes() []Change {
	text := c.Annotations["artifacthub.io/changes"]
	var full []Change
	if err := yaml.Unmarshal([]byte(text), &full); err == nil {
		return full
	}
	var plain []string
	if err := yaml.Unmarshal([]byte(text), &plain); err != nil {
		return nil
	}
	for _, p := range plain {
		full = append(full, Change{Description: p})
	}
	return full
}
