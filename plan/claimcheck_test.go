package plan

import (
	"strings"
	"testing"
)

// An install into a namespace in which an earlier one has left volume claims says
// what becomes of them, and of the Secrets that do not fit them any more.
func TestInstallMeetsClaims(t *testing.T) {
	t.Parallel()
	set := Object{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": tree{"name": "db"}, "spec": tree{
		"replicas": int64(2), "volumeClaimTemplates": []any{tree{"metadata": tree{"name": "data"}}},
	}}
	creds := func(data string) Object { return secret("creds", "", tree{"password": data}) }
	for name, c := range map[string]struct {
		live   string
		claims []string
		again  string
		want   []string // nil: no warning
	}{
		"all are there":       {"", []string{"data-db-1", "data-db-0", "other"}, "Mg==", []string{"are there still", "data-db-0, data-db-1.", "Secret creds", "kubectl delete pvc data-db-0 data-db-1 -n tenant-acme"}},
		"the Secret is there": {"", []string{"data-db-0"}, "MQ==", []string{": data-db-0. To begin anew"}},
		"others are there":    {"", []string{"other", "data-db-2"}, "Mg==", nil},
		"it is an upgrade":    {"0.2.0", []string{"data-db-0"}, "MQ==", nil},
	} {
		w := newWorld("0.2.1", "0.2.1")
		r := &w.tenant("acme", c.live, "0.2.1").Release
		w.before[r.Address] = []Object{set}
		w.rendered[r.Address] = &Rendered{Objects: []Object{set, creds("MQ==")}, Again: []Object{set, creds(c.again)}}
		w.claims = map[Namespace][]string{{r.Cluster, r.Namespace}: c.claims}
		var warned string
		for _, d := range w.plan().Diagnostics {
			if d.Summary == "Volume claims of an earlier install are there" && d.Severity == Warning && d.Address == r.Address {
				warned = d.Detail
			}
		}
		if (warned != "") != (c.want != nil) {
			t.Errorf("%s: %q", name, warned)
		}
		for _, part := range c.want {
			if !strings.Contains(warned, part) {
				t.Errorf("%s: no %q in %q", name, part, warned)
			}
		}
	}
}
