package plan

import (
	"strings"
	"testing"
)

func TestSystemInAnotherNamespace(t *testing.T) {
	t.Parallel()
	there := ReleaseKey{Cluster: "default", Namespace: "right", Name: "soctalk-system"}
	for name, c := range map[string]struct {
		live, chart string
		warns       bool
	}{
		"mistyped":         {"", "soctalk-system", true},
		"chart not known":  {"", "", true},
		"another chart":    {"", "something-else", false},
		"it is live":       {"0.2.1", "soctalk-system", false},
		"it is to upgrade": {"0.2.0", "soctalk-system", false},
	} {
		w := newWorld(c.live, "0.2.1")
		w.live.Elsewhere = map[ReleaseKey]string{there: c.chart}
		doc := w.plan()
		warned := false
		for _, d := range doc.Diagnostics {
			if d.Summary == "System is live in another namespace" {
				warned = true
				if d.Severity != Warning || d.Range == nil || !strings.Contains(d.Detail, `namespace = "right"`) {
					t.Errorf("%s: %+v", name, d)
				}
			}
		}
		if warned != c.warns {
			t.Errorf("%s: %+v", name, doc.Diagnostics)
		}
	}
}
