package clustertest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
)

// TestImport writes down a live fleet whose database answers, and upgrades it by
// what was written alone.
func TestImport(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "imported")
	f.want(t, "0.1.4", "0.1.9")
	step(t, "install", func(t *testing.T) { installs(t, f) })

	adopted := &fleet{dir: filepath.Join(f.dir, "adopted"), system: f.system, tenant: f.tenant}
	step(t, "import", func(t *testing.T) {
		cluster := realnodetest.Cluster(t)
		text := f.run(t, 0, "import", "-out=adopted", "-kubeconfig="+cluster.Kubeconfig, "-charts=oci://"+cluster.Registry+"/soctalk/charts", "-plain-http", "-namespace="+f.system, "-namespace="+f.tenant)
		if strings.Contains(text, "have no database block") {
			t.Error("the database was not found")
		}
		written, err := os.ReadFile(filepath.Join(adopted.dir, "fleet.hcl"))
		if err != nil {
			t.Fatal(err)
		}
		inOrder(t, string(written), "database {", "dsn_secret {", `"`+f.system+`-postgres-admin-creds"`)
		provide(t, adopted)
	})
	step(t, "nothing to do, by the database's own word", func(t *testing.T) {
		nothingToDo(t, adopted)
		f.sql(t, "UPDATE alembic_version SET version_num = 'v1_0009_provisioning_jobs'")
		text := adopted.run(t, 0, "plan", "-var=system_version=0.2.1", "-var=tenant_version=0.2.1")
		inOrder(t, text, "database schema moves from v1_0009_provisioning_jobs to v1_0047_tenant_llm_engine")
		f.sql(t, "UPDATE alembic_version SET version_num = 'v1_0016_provisioning_job_reconcile_kind'")
	})
	step(t, "upgrade", func(t *testing.T) {
		text := adopted.run(t, 0, "apply", "-auto-approve", "-var=system_version=0.2.1", "-var=tenant_version=0.2.1")
		inOrder(t, text, "system: upgraded to 0.2.1", "upgraded to 0.2.1", "Apply complete! 0 installed, 2 upgraded, 0 uninstalled.")
		if got, want := adopted.schemaRevision(t), "v1_0047_tenant_llm_engine"; got != want {
			t.Errorf("the database is at %q, want %q", got, want)
		}
	})
}

// askedFor is a line of the file of secrets that is to be filled in.
var askedFor = regexp.MustCompile(`(?m)^# ( *(?:[a-z_]+|"[^"]+") = (?:""|\{).*| *\})$`)

// provide fills in the secrets that an import asks for, as its user would.
func provide(t *testing.T, f *fleet) {
	t.Helper()
	asked, err := os.ReadFile(filepath.Join(f.dir, "secrets.auto.vars.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", asked)
	given := askedFor.ReplaceAllStringFunc(string(asked), func(line string) string {
		value := `"sandbox"`
		if strings.Contains(line, "admin") {
			value = `"` + canary + `"`
		}
		return strings.TrimPrefix(strings.Replace(line, `""`, value, 1), "# ")
	})
	f.write(t, "secrets.auto.vars.hcl", []byte(given))
}
