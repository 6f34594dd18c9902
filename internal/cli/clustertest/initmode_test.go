package clustertest

import (
	"strings"
	"testing"
	"time"
)

// TestInitContainerMigration upgrades to a version whose pods migrate before
// they start, by way of a migration that fails at first.
func TestInitContainerMigration(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "init")
	f.want(t, "0.1.4", "0.1.9")
	step(t, "install", func(t *testing.T) { installs(t, f) })

	f.want(t, "0.2.0", "0.2.0")
	step(t, "a crashing init container ends the wait", func(t *testing.T) {
		f.sql(t, "CREATE TABLE archived_investigations (conflicting int)")
		f.blab(t)
		initContainerFails(t, f)
	})
	step(t, "the same command goes on", func(t *testing.T) {
		f.sql(t, "DROP TABLE archived_investigations")
		goesOn(t, f)
	})
}

func initContainerFails(t *testing.T, f *fleet) {
	tenant, secrets, began := snapshot(t, f.tenant), f.secrets(t), time.Now()
	text := f.run(t, 1, "apply", "-auto-approve")
	// The timeout is four minutes.
	if took := time.Since(began); took > 150*time.Second {
		t.Errorf("the crash was noticed after %s", took)
	}
	const cause = `relation "archived_investigations" already exists`
	inOrder(t, text, "system: upgrading 0.1.4 → 0.2.0", "system: │ "+blabbed, "system: │ ", cause, "system: failed upgrading 0.1.4 → 0.2.0",
		"Apply did not complete. 0 installed, 0 upgraded, 0 uninstalled.", "last lines of container db-init", blabbed, cause, "Not started: tenant.only")
	if got, want := revision(t, f.system), "2 failed"; got != want {
		t.Errorf("Helm has the system at revision %q, want %q", got, want)
	}
	if got, want := f.schemaRevision(t), "v1_0016_provisioning_job_reconcile_kind"; got != want {
		t.Errorf("the database is at %q, want %q", got, want)
	}
	if got, want := f.ask(t, "/version"), "0.1.0"; got != want {
		t.Errorf("the API that should go on serving has version %q, want %q", got, want)
	}
	same(t, "after a failed migration", tenant, snapshot(t, f.tenant))
	same(t, "after a failed migration", secrets, f.secrets(t))
}

func goesOn(t *testing.T, f *fleet) {
	secrets := f.secrets(t)
	text := f.run(t, 0, "apply", "-auto-approve")
	inOrder(t, text, "forward-only", "its last revision, 2, failed", "Plan: 0 to install, 2 to upgrade, 0 to uninstall. 0 unchanged.",
		"system: │ Running upgrade v1_0035_investigations_become_cases -> v1_0037_authored_response_playbooks",
		"system: upgraded 0.2.0 in place", "tenant.only: upgraded to 0.2.0", "Apply complete! 0 installed, 2 upgraded, 0 uninstalled.")
	if strings.Contains(text, "already exists") {
		t.Error("the failure of before is shown as one of this run")
	}
	if got, want := revision(t, f.system), "4 deployed"; got != want {
		t.Errorf("Helm has the system at revision %q, want %q", got, want)
	}
	if got, want := f.schemaRevision(t), "v1_0037_authored_response_playbooks"; got != want {
		t.Errorf("the database is at %q, want %q", got, want)
	}
	if got, want := f.ask(t, "/version"), "0.2.0"; got != want {
		t.Errorf("the API has version %q, want %q", got, want)
	}
	same(t, "after the upgrade", secrets, f.secrets(t))
	nothingToDo(t, f)
}
