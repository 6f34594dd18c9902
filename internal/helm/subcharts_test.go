package helm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
)

func TestSubchartsThatTheValuesEnable(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	ch := load(t, files{
		"Chart.yaml": meta("parent", "1.0.0") + `
dependencies:
  - {name: exact, version: 1.2.3, repository: "file://x", condition: exact.enabled}
  - {name: locked, version: ">=2.0.0", repository: "file://x"}
  - {name: ranged, version: "3.x", repository: "file://x"}
`,
		"Chart.lock":               "generated: 2026-01-01T00:00:00Z\ndigest: sha256:x\ndependencies:\n  - {name: locked, version: 2.5.0, repository: file://x}\n",
		"values.yaml":              "exact: {enabled: false}\n",
		"charts/exact/Chart.yaml":  meta("exact", "1.2.3"),
		"charts/locked/Chart.yaml": meta("locked", "2.5.0"),
		"charts/ranged/Chart.yaml": meta("ranged", "3.1.0"),
	})
	for name, test := range map[string]struct {
		values     map[string]any
		live, want []chart.Subchart
	}{
		"default": {
			live: []chart.Subchart{{Name: "locked", Version: "2.5.0"}, {Name: "ranged"}},
			want: []chart.Subchart{{Name: "locked", Version: "2.5.0", AppVersion: "2.5.0"}, {Name: "ranged", Version: "3.1.0", AppVersion: "3.1.0"}},
		},
		"enabled": {
			values: map[string]any{"exact": map[string]any{"enabled": true}},
			live:   []chart.Subchart{{Name: "exact", Version: "1.2.3"}, {Name: "locked", Version: "2.5.0"}, {Name: "ranged"}},
			want: []chart.Subchart{{Name: "exact", Version: "1.2.3", AppVersion: "1.2.3"}, {Name: "locked", Version: "2.5.0", AppVersion: "2.5.0"},
				{Name: "ranged", Version: "3.1.0", AppVersion: "3.1.0"}},
		},
	} {
		target := helm.Target{Namespace: ns, Name: name, Chart: ch, Values: test.values}
		rendered, err := c.Render(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, rendered.Subcharts); diff != "" {
			t.Errorf("%s, rendered: %s", name, diff)
		}
		install(t, c, target, helm.ApplyOptions{})
		live, err := c.Get(t.Context(), ns, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.live, live.Subcharts); diff != "" {
			t.Errorf("%s, live: %s", name, diff)
		}
		if string(live.ChartDefaults) == "" {
			t.Errorf("%s: no defaults", name)
		}
	}
}
