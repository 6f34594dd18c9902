package schema

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestContract holds the code against the contract's own example, of which
// testdata/contract/main.hcl is a copy.
func TestContract(t *testing.T) {
	t.Parallel()
	f, diags := Load("testdata/contract", Options{Vars: []string{"target=0.2.1"}, ToolVersion: "0.1.0", Env: []string{"HOME=/home/ann"}})
	if len(diags) > 0 {
		t.Fatal(messages(diags))
	}
	equal := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	c := f.Clusters["mssp"]
	equal("cluster", []any{c.Kubeconfig, c.Context, c.QPS, c.Burst}, []any{"/home/ann/.kube/config", "prod", float32(50), 100})
	equal("registry", f.Registries["localhost:5000"].PlainHTTP, true)
	equal("prerequisite", f.Prerequisites[0].CRD, "certificates.cert-manager.io")

	equal("unlisted", f.Compatibility.Unlisted, UnlistedRefuse)
	equal("matrix", len(f.Compatibility.Matrix), 2)
	equal("matrix line", f.Compatibility.Matrix[1].Source.Block.String(), "compatibility.yaml:4,7-63")
	equal("rule", f.Compatibility.Rules[0].SystemText, ">=0.2.0 <0.3.0")
	equal("stop", f.Compatibility.Stops[0].Version.String(), "0.2.0")
	equal("facts", []any{f.Facts[0].Component, f.Facts[0].SchemaRevision, f.Facts[0].Breaking}, []any{ComponentSystem, "v1_0047", []string{"..."}})

	s := f.System
	equal("system", []any{s.Address, s.Cluster, s.Name, s.Namespace, s.Version.String(), s.Timeout, s.OnFailure}, []any{"system", "mssp", "soctalk-system", "soctalk-system", "0.2.1", 10 * time.Minute, SystemStop})
	equal("system values", s.Values, map[string]any{"install": map[string]any{"mode": "prod", "installLabel": "prod"}})
	equal("system set", s.Set, []SetValue{{"image.tag", "0.2.1"}})
	equal("migration", []any{s.Migration.Mode, s.Migration.Template, s.Migration.Timeout}, []any{MigrateAuto, "templates/jobs/alembic-upgrade.yaml", 10 * time.Minute})
	equal("database", s.Database.DSNSecret, &SecretKey{"soctalk-system-postgres-admin-creds", "url"})
	equal("snapshot", []any{s.Snapshots[0].Name, s.Snapshots[0].Driver, s.Snapshots[0].Store, s.Snapshots[0].Keep}, []any{"postgres", "pg_dump", "s3://backups/soctalk", 5})

	equal("tenants", addresses(f), []string{"tenant.acme", `tenant.fleet["globex"]`, `tenant.fleet["old"]`})
	a := tenant(t, f, "acme")
	equal("acme", []any{a.Cluster, a.Namespace, a.Name, a.Version.String(), a.Timeout, a.Window, a.ValuesFromRelease, a.Labels}, []any{"mssp", "tenant-acme", "tenant-acme", "0.2.1", 15 * time.Minute, "low_traffic", true, map[string]string{"tier": "gold"}})
	equal("acme snapshot", []any{a.Snapshots[0].Driver, a.Snapshots[0].Class, a.Snapshots[0].When}, []any{"csi", "csi-hostpath", "breaking"})
	w := a.Companions[0]
	equal("companion", []any{w.Address, w.Name, w.Namespace, w.Cluster, w.Version.String(), w.After}, []any{"tenant.acme.companion.wazuh", "wazuh-acme", "tenant-acme", "mssp", "0.2.1", false})
	g := tenant(t, f, "globex")
	equal("globex", []any{g.Name, g.Namespace, g.Chart.Ref, g.Timeout, g.Values}, []any{"tenant-globex", "tenant-globex", "oci://ghcr.io/soctalk/charts/soctalk-tenant", 15 * time.Minute, map[string]any{"llm": map[string]any{"provider": "openai"}}})
	equal("inherited line", g.Source.At("chart").Start.Line > 0, true)

	equal("removed", []any{f.Removed[0].From, f.Removed[0].Destroy}, []any{"tenant.beta", true})
	equal("moved", []any{f.Moved[0].From, f.Moved[0].To}, []any{"tenant.old", `tenant.fleet["old"]`})
	win := f.Windows["low_traffic"]
	equal("window", []any{win.Days, win.Start, win.Duration, win.Location.String()}, []any{[]time.Weekday{time.Sunday, time.Saturday}, time.Hour, 4 * time.Hour, "Europe/Madrid"})
	p, d := f.Checks["heartbeat"].ForTenant(a)
	if d.HasErrors() {
		t.Fatal(d)
	}
	equal("probe", p.HTTP, &HTTPProbe{Service: "soctalk-adapter", Port: 8080, Path: "/health/ready", Status: 200, JSONPath: "{.status}", Equals: "ok"})
	r := f.Rollout
	equal("rollout", []any{r.MaxParallel, r.MaxFailures, r.OnFailure, r.Settle}, []any{1, Budget{}, TenantRollback, time.Minute})
	equal("waves", []any{r.Waves[0].Name, r.Waves[0].Soak, r.Waves[0].Checks, r.Waves[1].Name}, []any{"canary", 30 * time.Minute, []string{"heartbeat"}, "rest"})
	for _, name := range []string{"main.hcl", "compatibility.yaml", "tenants.yaml", "tenants/acme.yaml", "system-values.yaml", "var.target"} {
		if f.Inputs[name] == nil {
			t.Errorf("Inputs lack %s", name)
		}
	}
}

// TestContractVariants tries what the contract's example mentions in comments.
func TestContractVariants(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"prerequisites": `
prerequisite "a" { any_crd = ["a.b", "c.d"] }
prerequisite "b" { default_storage_class = true }
prerequisite "c" { kubernetes = ">=1.30.0-0" }
prerequisite "d" { snapshot_class = "csi" }
prerequisite "e" {
  permission {
    verb      = "get"
    resource  = "pods"
    group     = ""
    namespace = "x"
  }
}` + base,
		"dsn": `
variable "dsn" {
  default   = "postgres://u:p@h/d"
  sensitive = true
}
system {
  chart   = "https://charts.example.org"
  chart_name = "soctalk-system"
  version = "0.2.1"
  database { dsn = var.dsn }
}`,
		"exec": `
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  on_failure = "rollback"
  migration { mode = "none" }
  database {
    exec {
      pod      = "soctalk-system-postgres-0"
      user     = "soctalk_admin"
      database = "soctalk"
    }
  }
}`,
		"removed by slug": base + `
removed {
  from    = "beta"
  destroy = false
}`,
		"companion after": base + acme + `
tenant_defaults {
  companion "wazuh" {
    chart   = "oci://h/wazuh"
    version = "1.0.0"
    order   = "after"
  }
}`,
		"checks": `
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  database {
    dsn_secret {
      name = "a"
      key  = "b"
    }
  }
}
check "a" {
  sql {
    query  = "select 1"
    equals = "1"
  }
}
check "b" {
  on = "wave"
  prometheus {
    address = "http://p:9090"
    query   = "up"
    max     = 120
  }
}
check "c" {
  job { manifest = yamlencode({ apiVersion = "batch/v1", kind = "Job" }) }
}
check "d" {
  command { argv = ["./verify.sh", self.slug] }
}
check "e" {
  http { url = "https://example.org/${self.slug}" }
}
check "f" {
  on = "system"
  http {
    service = "api"
  }
}
rollout {
  max_failures = "5%"
  wave "all" {
    checks = [check.a, check.b, check.c, check.d, check.e]
  }
}` + acme,
		"set of strings": base + `
tenant "fleet" {
  for_each = toset(["a", "b"])
  chart    = "oci://h/t"
  version  = "0.2.1"
  labels   = { k = each.value, n = self.slug }
}`,
		"stores": `
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  snapshot "a" {
    driver = "velero"
    store  = "gs://b"
  }
  snapshot "b" {
    driver = "command"
    argv   = ["x"]
    store  = "azblob://b"
  }
  snapshot "c" {
    driver = "csi"
    when   = "never"
  }
}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mistakes(t, text, Options{}); strings.Contains(got, "error:") || strings.Contains(got, "warning:") {
				t.Error(got)
			}
		})
	}
}

func TestProbesPerTenant(t *testing.T) {
	t.Parallel()
	f := load(t, base+acme+`
check "c" {
  command { argv = ["v", self.slug, self.namespace, self.release, self.version, self.cluster, self.labels.tier] }
}
tenant_defaults { labels = { tier = "gold" } }
rollout {
  wave "w" { checks = [check.c] }
}`, Options{})
	p, diags := f.Checks["c"].ForTenant(f.Tenants[0])
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want := []string{"v", "acme", "tenant-acme", "tenant-acme", "0.2.1", "default", "gold"}
	if diff := cmp.Diff(want, p.Command.Argv); diff != "" {
		t.Error(diff)
	}
	if _, diags = f.Checks["c"].ForSystem(f.System); !diags.HasErrors() {
		t.Error("a system has no slug, and the probe uses one")
	}
}
