package plan

import (
	"strings"
	"testing"

	"github.com/soctalk/fleet/schema"
)

// A removed block that finds nothing is told of where a tenant of nearly its name
// is live and in no other block; never when it has merely done its work.
func TestRemovedTenantThatNeverWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, unmanaged string
		destroy, warns  bool
	}{
		"a slip":                {"bta", "beta", true, true},
		"a long slip":           {"northwnid-traders", "northwind-traders", true, true},
		"gone":                  {"beta", "", true, false},
		"gone, others stay":     {"beta", "gamma", true, false},
		"short other names":     {"abc", "xyz", true, false},
		"numbered":              {"t0001", "t0002", true, false},
		"not to be uninstalled": {"bta", "beta", false, false},
	} {
		w := newWorld("0.2.1", "0.2.1")
		w.leaves(c.from, schema.DefaultCluster).Destroy = c.destroy
		if c.unmanaged != "" {
			w.live.Unmanaged = []ReleaseKey{{schema.DefaultCluster, "tenant-" + c.unmanaged, "tenant-" + c.unmanaged}}
		}
		warned := false
		for _, d := range w.plan().Diagnostics {
			if d.Summary == "Nothing to remove" {
				warned = true
				if d.Severity != Warning || d.Range == nil || !strings.Contains(d.Detail, `from = "`+c.unmanaged+`"`) {
					t.Errorf("%s: %+v", name, d)
				}
			}
		}
		if warned != c.warns {
			t.Errorf("%s: warned %v", name, warned)
		}
	}
	// What it names is there, beside one of nearly its name.
	w := newWorld("0.2.1", "0.2.1")
	w.leaves("beta", schema.DefaultCluster, "tenant-beta")
	w.live.Unmanaged = []ReleaseKey{{schema.DefaultCluster, "tenant-bta", "tenant-bta"}}
	if doc := w.plan(); len(doc.Diagnostics) > 0 {
		t.Errorf("%+v", doc.Diagnostics)
	}
}
