package clustertest

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestJobMigration is the story of one fleet: installed, upgraded by way of a
// migration that fails at first, and upgraded again over a Job of the release
// before.
func TestJobMigration(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "job")
	f.want(t, "0.1.4", "0.1.9")
	step(t, "install", func(t *testing.T) { installs(t, f) })
	f.sql(t, `INSERT INTO tenants (slug, settings) VALUES ('acme', '{"llm": {"provider": "openai", "model": "gpt-4o"}}')`)
	f.sql(t, `INSERT INTO investigations (tenant_id, title) SELECT id, 'of ' || slug FROM tenants`)

	f.want(t, "0.2.1", "0.2.1")
	step(t, "a failing migration stops everything", func(t *testing.T) {
		f.sql(t, "CREATE TABLE price_catalog (conflicting int)")
		f.blab(t)
		migrationFails(t, f, "v1_0016_provisioning_job_reconcile_kind", `relation "price_catalog" already exists`)
		f.sql(t, "DROP TABLE price_catalog")
	})
	step(t, "upgrade", func(t *testing.T) { upgrades(t, f) })

	f.want(t, "0.3.0", "0.3.0")
	step(t, "a database that is ahead stops everything", func(t *testing.T) {
		f.sql(t, "UPDATE alembic_version SET version_num = 'v1_0099_of_tomorrow'")
		f.blab(t)
		migrationFails(t, f, "v1_0099_of_tomorrow", "Can't locate revision identified by 'v1_0099_of_tomorrow'")
		f.sql(t, "UPDATE alembic_version SET version_num = 'v1_0047_tenant_llm_engine'")
	})
	step(t, "upgrade over the Job of the release before", func(t *testing.T) {
		made := f.jobsMade(t)
		f.run(t, 0, "apply", "-auto-approve")
		once(t, f, made())
		if got, want := f.schemaRevision(t), "v1_0052_tenant_data_plane"; got != want {
			t.Errorf("the database is at %q, want %q", got, want)
		}
		nothingToDo(t, f)
	})
}

// migrationFails applies what cannot be migrated. Nothing but the Job is to be
// seen of it, and the database is where it was.
func migrationFails(t *testing.T, f *fleet, revision, cause string) {
	before, secrets := snapshot(t, f.system, f.tenant), f.secrets(t)
	text := f.run(t, 1, "apply", "-auto-approve")
	inOrder(t, text, "system: migrating the database", "system: │ "+blabbed, cause, "system: failed migrating the database",
		"Apply did not complete. 0 installed, 0 upgraded, 0 uninstalled.", "last lines of container alembic-upgrade", blabbed, cause, "Not started: tenant.only")
	if strings.Contains(text, "system: upgrading") {
		t.Error("the system's upgrade was started")
	}
	same(t, "after a failed migration", before, snapshot(t, f.system, f.tenant))
	same(t, "after a failed migration", secrets, f.secrets(t))
	if got := f.schemaRevision(t); got != revision {
		t.Errorf("the database is at %q, want %q", got, revision)
	}
	if got := f.ask(t, "/health/ready"); got != "ok" {
		t.Errorf("the API that should go on serving says %q", got)
	}
}

// upgrades plans, then carries out the saved plan.
func upgrades(t *testing.T, f *fleet) {
	secrets, made := f.secrets(t), f.jobsMade(t)
	plan := f.run(t, 0, "plan", "-out=upgrade.plan")
	inOrder(t, plan, "v1_0016_provisioning_job_reconcile_kind", "v1_0047_tenant_llm_engine", "Plan: 0 to install, 2 to upgrade, 0 to uninstall. 0 unchanged.")
	text := f.run(t, 0, "apply", "upgrade.plan")
	inOrder(t, text, "system: migrating the database",
		"system: │ Running upgrade v1_0016_provisioning_job_reconcile_kind -> v1_0017_archive_default_tenant",
		"system: │ At revision v1_0047_tenant_llm_engine",
		"system: database migrated", "system: upgrading 0.1.4 → 0.2.1", "system: upgraded to 0.2.1",
		"tenant.only: upgrading 0.1.9 → 0.2.1", "tenant.only: upgraded to 0.2.1",
		"Apply complete! 0 installed, 2 upgraded, 0 uninstalled.")

	once(t, f, made())
	migrated(t, f)
	waited(t, f)
	same(t, "after the upgrade", secrets, f.secrets(t))
	if got := f.ask(t, "/version"); got != "0.2.1" {
		t.Errorf("the API has version %q, want 0.2.1", got)
	}
	nothingToDo(t, f)
}

// once holds that a single Job did the migration, and that it is the one which
// the release has taken over.
func once(t *testing.T, f *fleet, made []types.UID) {
	t.Helper()
	job := f.job(t)
	if !slices.Equal(made, []types.UID{job.UID}) {
		t.Errorf("Jobs made by the upgrade: %v, live is %s", made, job.UID)
	}
	if job.Status.Succeeded != 1 || job.Status.Failed != 0 {
		t.Errorf("the Job succeeded %d times and failed %d times, want once", job.Status.Succeeded, job.Status.Failed)
	}
	if got := len(pods(t, f.system, ofMigration)); got != 1 {
		t.Errorf("%d pods of the migration, want 1", got)
	}
	if got := job.Annotations["meta.helm.sh/release-name"]; got != f.system {
		t.Errorf("the Job belongs to release %q, want %q", got, f.system)
	}
}

// migrated holds that data moved and none was lost.
func migrated(t *testing.T, f *fleet) {
	f.holds(t, map[string]string{
		"SELECT version_num FROM alembic_version":                              "v1_0047_tenant_llm_engine",
		"SELECT title, status FROM cases":                                      "of acme|open",
		"SELECT title, tenant_slug FROM archived_investigations":               "of default|default",
		"SELECT model, engine FROM tenant_llm":                                 "gpt-4o|native",
		"SELECT slug, settings FROM tenants":                                   "acme|{}",
		"SELECT count(*) FROM users WHERE email = 'admin@example.com'":         "1",
		"SELECT count(*) FROM pg_views WHERE viewname = 'investigations'":      "0",
		"SELECT count(*) > 0 FROM price_catalog WHERE model = 'claude-sonnet'": "t",
	})
}

// waited holds that no pod was made before what it has to wait for was over.
func waited(t *testing.T, f *fleet) {
	end := f.job(t).Status.CompletionTime
	if end == nil {
		t.Fatal("the Job has no time of completion")
	}
	last := *end
	tenant := pods(t, f.tenant, "")
	first := metav1.Now()
	for _, p := range tenant {
		if p.CreationTimestamp.Before(&first) {
			first = p.CreationTimestamp
		}
	}
	stayed := 0
	for name, p := range pods(t, f.system, notOfMigration) {
		if p.CreationTimestamp.Before(end) {
			t.Errorf("pod %s was made at %s, before the migration ended at %s", name, p.CreationTimestamp, end)
		}
		if !p.CreationTimestamp.Before(&first) {
			continue // made anew when the pins were set, after the tenants
		}
		stayed++
		for _, c := range p.Status.Conditions {
			if c.Type == "Ready" && last.Before(&c.LastTransitionTime) {
				last = c.LastTransitionTime
			}
		}
	}
	if stayed == 0 {
		t.Error("no pod of the system is older than the tenant's")
	}
	for name, p := range tenant {
		if p.CreationTimestamp.Before(&last) {
			t.Errorf("pod %s of the tenant was made at %s, before the system was ready at %s", name, p.CreationTimestamp, last)
		}
	}
}
