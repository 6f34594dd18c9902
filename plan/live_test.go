package plan

import (
	"fmt"
	"strings"
	"testing"
)

func TestEqualFindingsAreOneDiagnostic(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	findings := map[string][]LiveFinding{}
	var moves []*Move
	for i := range 1000 {
		slug := fmt.Sprintf("t%d", i)
		tenant := w.tenant(slug, "0.2.0", "0.2.1")
		moves = append(moves, &Move{Release: &tenant.Release, Tenant: tenant, Slug: slug, Action: Upgrade})
		findings[tenant.Address] = []LiveFinding{
			{Kind: LiveRefused, ObjectKind: "StatefulSet", Name: "tenant-" + slug + "-data", Message: "spec.volumeClaimTemplates cannot be changed"},
			{Kind: LiveUntried, Message: "3 objects: namespace tenant-" + slug + " does not exist yet"},
		}
	}
	findings["tenant.t7"] = append(findings["tenant.t7"],
		LiveFinding{Kind: LiveDrift, ObjectKind: "Deployment", Name: "tenant-t7-adapter", Paths: []string{"spec.replicas"}, By: "kubectl-edit"},
		LiveFinding{Kind: LiveDrift, ObjectKind: "ConfigMap", Name: "gone", Missing: true})
	got := LiveDiagnostics(moves, findings)
	if len(got) != 3 {
		t.Fatalf("%d diagnostics: %+v", len(got), got)
	}
	for i, want := range []struct {
		severity Severity
		summary  string
		detail   []string
	}{
		{Error, "The cluster would refuse this upgrade", []string{"1000 releases (tenant.t0, tenant.t1, tenant.t2, …)", "StatefulSet tenant-<slug>-data: spec.volumeClaimTemplates cannot be changed"}},
		{Warning, "Changed by hand since the last revision", []string{"tenant.t7 (release tenant-t7", "Deployment tenant-t7-adapter: spec.replicas (last written by kubectl-edit)", "ConfigMap gone is missing",
			"chart's values again", "makes again what is missing"}},
		{Warning, "Not everything could be tried", []string{"1000 releases", "namespace tenant-<slug> does not exist yet"}},
	} {
		if got[i].Severity != want.severity || got[i].Summary != want.summary || got[i].Range == nil {
			t.Errorf("got %+v", got[i])
		}
		for _, text := range want.detail {
			if !strings.Contains(got[i].Detail, text) {
				t.Errorf("%q is not in %s", text, got[i].Detail)
			}
		}
	}
}

func TestDriftOfAnUntouchedReleaseStays(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.0")
	tenant := w.tenant("acme", "0.2.0", "0.2.0")
	moves := []*Move{{Release: &tenant.Release, Tenant: tenant, Slug: "acme", Action: Unchanged}}
	got := LiveDiagnostics(moves, map[string][]LiveFinding{tenant.Address: {{Kind: LiveDrift, ObjectKind: "Service", Name: "a", Paths: []string{"spec.type"}}}})
	if len(got) != 1 || !strings.Contains(got[0].Detail, "does not touch") {
		t.Errorf("got %+v", got)
	}
}

func TestLongFindingsAreCut(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	tenant := w.tenant("acme", "0.2.0", "0.2.1")
	var all []LiveFinding
	for i := range 40 {
		all = append(all, LiveFinding{Kind: LiveRefused, ObjectKind: "ConfigMap", Name: fmt.Sprint(i), Message: "no"})
	}
	got := LiveDiagnostics([]*Move{{Release: &tenant.Release, Tenant: tenant, Slug: "acme", Action: Install}}, map[string][]LiveFinding{tenant.Address: all})
	if len(got) != 1 || strings.Count(got[0].Detail, "\n") > 15 || !strings.Contains(got[0].Detail, "and 28 more") || !strings.Contains(got[0].Summary, "install") {
		t.Errorf("got %+v", got)
	}
}
