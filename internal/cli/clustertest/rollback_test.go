package clustertest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestRollbackRestoresTheDatabase upgrades a fleet over a migration that moves
// data, lets it be written to, and undoes the run.
func TestRollbackRestoresTheDatabase(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "undo")
	f.inSystem(t, byExec+dumps)
	f.want(t, "0.1.4", "0.1.9")
	f.run(t, 0, "init")
	f.run(t, 0, "apply", "-auto-approve")
	f.sql(t, `INSERT INTO tenants (slug, settings) VALUES ('acme', '{"llm": {"provider": "openai", "model": "gpt-4o"}}')`)
	f.sql(t, `INSERT INTO investigations (tenant_id, title) SELECT id, 'of ' || slug FROM tenants`)
	secrets, volumes := f.secrets(t), claims(t, f.tenant)
	f.want(t, "0.2.1", "0.2.1")
	f.run(t, 0, "apply", "-auto-approve")
	run := f.newestRun(t)
	f.sql(t, "INSERT INTO tenants (slug) VALUES ('written-since')")

	step(t, "what would be lost is told, and nothing is changed", func(t *testing.T) {
		before := snapshot(t, f.system, f.tenant)
		text := f.run(t, 1, "rollback", run, "-auto-approve")
		inOrder(t, text, "restore snapshot postgres", "This loses:", "everything written to the database, of all tenants since", "to roll back", "-accept-data-loss")
		same(t, "after a refused rollback", before, snapshot(t, f.system, f.tenant))
	})
	step(t, "a tampered dump is found when the way back is planned", func(t *testing.T) {
		path := filepath.Join(f.dir, "dumps", f.snapshots(t)[0].Object)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := append([]byte{}, whole...)
		spoilt[len(spoilt)/2] ^= 1
		write(t, path, spoilt)
		before := snapshot(t, f.system, f.tenant)
		inOrder(t, f.run(t, 1, "rollback", run, "-auto-approve", "-accept-data-loss"), "Snapshot cannot be restored")
		same(t, "after a refused rollback", before, snapshot(t, f.system, f.tenant))
		write(t, path, whole)
	})
	step(t, "the run is undone", func(t *testing.T) {
		text := f.run(t, 0, "rollback", run, "-auto-approve", "-accept-data-loss")
		inOrder(t, text, "tenant.only: rolled back to 0.1.9", "system: restoring snapshot postgres", "system: rolling back to 0.1.4", "Apply complete! 0 installed, 0 upgraded, 0 uninstalled, 2 rolled back.")
		f.holds(t, map[string]string{
			"SELECT version_num FROM alembic_version":                          "v1_0016_provisioning_job_reconcile_kind",
			"SELECT count(*) FROM tenants WHERE slug = 'written-since'":        "0",
			"SELECT title FROM investigations WHERE title = 'of acme'":         "of acme",
			"SELECT settings->'llm'->>'model' FROM tenants WHERE slug='acme'":  "gpt-4o",
			"SELECT count(*) FROM pg_tables WHERE tablename = 'price_catalog'": "0",
		})
		f.answers(t, map[string]string{"/health/ready": "ok", "/version": "0.1.0"})
		same(t, "after the rollback", secrets, f.secrets(t))
		same(t, "after the rollback", volumes, claims(t, f.tenant))
		f.want(t, "0.1.4", "0.1.9")
		nothingToDo(t, f)
	})
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newestRun is the id of the run that began last.
func (f *fleet) newestRun(t *testing.T) string {
	t.Helper()
	var history struct {
		Runs []struct {
			Run string `json:"run"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(f.run(t, 0, "history", "-json")), &history); err != nil {
		t.Fatal(err)
	}
	return history.Runs[0].Run
}

// claims are the UIDs of a namespace's volume claims.
func claims(t *testing.T, namespace string) map[string]string {
	t.Helper()
	list, err := realnodetest.Client(t).CoreV1().PersistentVolumeClaims(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, c := range list.Items {
		all[c.Name] = string(c.UID)
	}
	return all
}

// TestFailedSystemIsRestored lets an upgrade fail whose migration has moved the
// schema: the files ask for the database back.
func TestFailedSystemIsRestored(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "restore")
	f.inSystem(t, "  on_failure = \"restore\"\n"+byExec+dumps)
	f.want(t, "0.1.4", "0.1.9")
	f.run(t, 0, "init")
	f.run(t, 0, "apply", "-auto-approve")
	f.sql(t, `INSERT INTO tenants (slug, settings) VALUES ('acme', '{"llm": {"provider": "openai", "model": "gpt-4o"}}')`)
	secrets, tenant := f.secrets(t), snapshot(t, f.tenant)
	f.want(t, "0.2.1", "0.2.1")
	f.write(t, "more-values.yaml", []byte("image: {registry: nowhere.invalid}\nmigration: {image: sandbox.local/soctalk-api:0.2.1}\n"))

	text := f.run(t, 1, "apply", "-auto-approve")
	inOrder(t, text, "system: database migrated", "system: failed upgrading 0.1.4 → 0.2.1", "system: rolled back to 0.1.4", "Rolled back: system", "Not started: tenant.only")
	f.holds(t, map[string]string{
		"SELECT version_num FROM alembic_version":                         "v1_0016_provisioning_job_reconcile_kind",
		"SELECT settings->'llm'->>'model' FROM tenants WHERE slug='acme'": "gpt-4o",
	})
	f.answers(t, map[string]string{"/health/ready": "ok", "/version": "0.1.0"})
	same(t, "after the restore", secrets, f.secrets(t))
	same(t, "after the restore", tenant, snapshot(t, f.tenant))
}
