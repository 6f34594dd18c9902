package plan

import (
	"slices"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// TestBreakingReleases holds whoever says that a hop breaks something against
// whether a snapshot and a window are then mandatory.
func TestBreakingReleases(t *testing.T) {
	t.Parallel()
	wazuh := func(tag string, claims bool) Object {
		spec := map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "main", "image": "wazuh/indexer:" + tag}},
		}}}
		if claims {
			spec["volumeClaimTemplates"] = []any{map[string]any{"metadata": map[string]any{"name": "data"}}}
		}
		return Object{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": map[string]any{"name": "indexer", "namespace": "tenant-acme"}, "spec": spec}
	}
	claim := Object{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "data", "namespace": "tenant-acme"}}
	for name, test := range map[string]struct {
		files, chart  bool
		before, after []Object
		want          bool
	}{
		"nobody":                              {before: []Object{wazuh("4.1.0", true)}, after: []Object{wazuh("4.2.0", true)}},
		"the files":                           {files: true, want: true},
		"the chart, of what keeps data":       {chart: true, before: []Object{wazuh("4.1.0", true)}, after: []Object{wazuh("4.2.0", true)}, want: true},
		"the chart, of a claim of its own":    {chart: true, before: []Object{claim}, after: []Object{claim}, want: true},
		"the chart, of what keeps none":       {chart: true, before: []Object{wazuh("4.1.0", false)}, after: []Object{wazuh("4.2.0", false)}},
		"the image's major version":           {before: []Object{wazuh("4.1.0", true)}, after: []Object{wazuh("5.0.0", true)}, want: true},
		"the image's, of what keeps no data":  {before: []Object{wazuh("4.1.0", false)}, after: []Object{wazuh("5.0.0", false)}},
		"the chart, of what begins with this": {chart: true, after: []Object{wazuh("5.0.0", true)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, prepared := range []bool{false, true} {
				w := newWorld("0.2.1", "0.2.1")
				acme := w.tenant("acme", "0.2.0", "0.2.1")
				w.before[acme.Address] = append(w.before[acme.Address], test.before...)
				r := w.rendered[acme.Address]
				r.Objects, r.Again = append(r.Objects, test.after...), append(r.Again, test.after...)
				if test.files {
					w.fleet.Facts = []*schema.Facts{{Component: schema.ComponentTenant, Version: semver.MustParse("0.2.1"), Breaking: []string{"the indexes move"}}}
				}
				if test.chart {
					w.wanted[acme.Address].Chart.Breaking = []string{"the indexes move"}
				}
				if prepared {
					acme.Window, acme.Snapshots = "night", []*schema.Snapshot{{Name: "volumes", Driver: "csi", When: "breaking"}}
				}
				got := w.plan().errorSummaries()
				for _, summary := range []string{"Breaking release without snapshot", "Breaking release without window"} {
					if want := test.want && !prepared; slices.Contains(got, summary) != want {
						t.Errorf("prepared %v: errors %q, and %q is expected: %v", prepared, got, summary, want)
					}
				}
			}
		})
	}
}
