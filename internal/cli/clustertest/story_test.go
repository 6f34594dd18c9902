package clustertest

import (
	"strings"
	"testing"
)

// step is a part of a story; without it the rest makes no sense.
func step(t *testing.T, name string, do func(*testing.T)) {
	t.Helper()
	if !t.Run(name, do) {
		t.FailNow()
	}
}

func installs(t *testing.T, f *fleet) {
	f.run(t, 0, "init")
	text := f.run(t, 0, "apply", "-auto-approve")
	inOrder(t, text, "Plan: 2 to install, 0 to upgrade, 0 to uninstall. 0 unchanged.",
		"system: │ At revision v1_0016_provisioning_job_reconcile_kind", "system: installed 0.1.4", "tenant.only: installed 0.1.9", "Apply complete! 2 installed, 0 upgraded, 0 uninstalled.")
	if got, want := f.schemaRevision(t), "v1_0016_provisioning_job_reconcile_kind"; got != want {
		t.Errorf("the database is at %q, want %q", got, want)
	}
	f.answers(t, map[string]string{"/health/ready": "ok", "/version": "0.1.0"})
	if got := len(pods(t, f.tenant, "")); got != 2 {
		t.Errorf("the tenant has %d pods, want 2", got)
	}
	nothingToDo(t, f)
}

func nothingToDo(t *testing.T, f *fleet) {
	t.Helper()
	// The fleets of other tests on this cluster are named first.
	lines := strings.Split(strings.TrimSpace(f.run(t, 0, "plan", "-detailed-exitcode")), "\n")
	if got, want := lines[len(lines)-1], "No changes. The fleet matches the configuration."; got != want {
		t.Errorf("a second plan ends with %q, want %q", got, want)
	}
}
