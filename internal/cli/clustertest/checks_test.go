package clustertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/prometheustest"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
)

// checks are of every kind that a real node has an answer for.
const checks = `
variable "lag" { default = 5 }
variable "schema" { default = "v1_0047_tenant_llm_engine" }
variable "prometheus" { type = string }

check "answers" {
  on       = "system"
  interval = "1s"
  timeout  = "1m"
  http {
    service = "${self.release}-api"
    port    = 8000
    path    = "/version"
    equals  = "0.2.1"
  }
}

check "adapter" {
  interval = "1s"
  timeout  = "1m"
  http {
    service = "soctalk-adapter"
    port    = 8080
    path    = "/health/ready"
    equals  = "ok"
  }
}

check "schema" {
  interval = "1s"
  timeout  = "15s"
  sql {
    query  = "select version_num || ' ' || t.slug from alembic_version, tenants t where t.slug = '${self.slug}'"
    equals = "${var.schema} ${self.slug}"
  }
}

check "lag" {
  on       = "wave"
  interval = "1s"
  timeout  = "5s"
  prometheus {
    address = var.prometheus
    query   = "sum(ingest_lag)"
    max     = var.lag
  }
}

check "run" {
  builtin  = "soctalk_run"
  interval = "1s"
  timeout  = "1m"
}

check "ingest" {
  builtin  = "soctalk_ingest"
  interval = "1s"
  timeout  = "25s"
}
`

// TestChecks holds an upgrade to its checks: on a real API, a real database and
// a real Prometheus.
func TestChecks(t *testing.T) {
	t.Parallel()
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ingest_lag 5") }))
	t.Cleanup(metrics.Close)
	realnodetest.Require(t)
	prometheus := prometheustest.Start(t, strings.TrimPrefix(metrics.URL, "http://"))
	f := newFleet(t, "checked")
	f.want(t, "0.1.4", "0.1.9")
	step(t, "install", func(t *testing.T) { installs(t, f) })

	f.inSystem(t, bySecret)
	f.inRollout(t, `  wave "all" {
    soak   = "3s"
    checks = [check.adapter, check.schema, check.lag, check.run, check.ingest, check.soctalk_images]
  }`)
	f.write(t, "checks.hcl", []byte(checks))
	f.write(t, "prometheus.auto.vars.hcl", fmt.Appendf(nil, "prometheus = %q\n", prometheus))
	// What the example charts lack of SocTalk's own tables, and who works in them.
	f.sql(t, `INSERT INTO tenants (slug, state, profile) VALUES ('checked', 'active', 'provided')`)
	f.want(t, "0.2.1", "0.2.1")

	step(t, "a check that does not pass puts the tenant back", func(t *testing.T) {
		text := f.run(t, 1, "apply", "-auto-approve", "-var=schema=v1_0099_of_tomorrow", "-target=system", "-target=tenant.only")
		inOrder(t, text, "system: checking answers", `system: │ check answers passed`, "system: checked",
			"tenant.only: upgraded to 0.2.1", "tenant.only: checking ",
			`tenant.only: failed checking`, "tenant.only: rolled back to 0.1.9",
			"Apply did not complete. 0 installed, 0 upgraded, 0 uninstalled.",
			`check schema did not pass within 15s: the query's value is "v1_0047_tenant_llm_engine checked", expected "v1_0099_of_tomorrow checked"`,
			"check ingest had not passed either: ", "Rolled back: tenant.only")
		history := f.run(t, 0, "history", f.newestRun(t))
		inOrder(t, history, "system/0/verify", "done", "/verify", "failed", "check schema did not pass within 15s")
	})

	f.sql(t, `ALTER TABLE investigation_runs ADD COLUMN tenant_id uuid, ADD COLUMN ended_at timestamptz`)
	f.sql(t, `INSERT INTO cases (tenant_id, title) SELECT id, 'of ' || slug FROM tenants WHERE slug = 'checked'`)
	f.sql(t, `INSERT INTO investigation_runs (investigation_id, tenant_id, model, status, tokens_used, price_snapshot) SELECT c.id, c.tenant_id, 'm', 'completed', 7, '{}' FROM cases c JOIN tenants t ON t.id = c.tenant_id WHERE t.slug = 'checked'`)
	f.sql(t, `INSERT INTO adapter_checkpoints (tenant_id, cursor, updated_at) SELECT id, 'x', now() - interval '1 day' FROM tenants WHERE slug = 'checked'`)
	const future = `now() + interval '1 hour'`
	f.sql(t, `UPDATE investigation_runs SET ended_at = `+future)
	step(t, "an adapter that has stood still since", func(t *testing.T) {
		text := f.run(t, 1, "apply", "-auto-approve")
		inOrder(t, text, "check run passed: the last completed investigation was ", "tenant.only: rolled back to 0.1.9",
			"check ingest did not pass within 25s: the last checkpoint of the adapter was 24h", "ago, and the upgrade ", "Rolled back: tenant.only")
	})
	f.sql(t, `UPDATE adapter_checkpoints SET updated_at = `+future)
	step(t, "a wave whose checks do not pass fails", func(t *testing.T) {
		text := f.run(t, 1, "apply", "-auto-approve", "-var=lag=4")
		inOrder(t, text, "tenant.only: upgraded to 0.2.1", "wave.all: soaking for 3s", "wave.all: failed soaking",
			"check lag did not pass within 5s: the query's value is 5, expected at most 4")
	})
	step(t, "all hold", func(t *testing.T) {
		f.want(t, "0.3.0", "0.3.0")
		f.write(t, "checks.hcl", []byte(strings.ReplaceAll(checks, `equals  = "0.2.1"`, `equals  = "0.3.0"`)))
		text := f.run(t, 0, "apply", "-auto-approve", "-var=schema=v1_0052_tenant_data_plane")
		inOrder(t, text, "tenant.only: upgraded to 0.3.0", "tenant.only: checked", "wave.all: soaking for 3s", "wave.all: soaked with its checks holding", "Apply complete!")
		for _, said := range []string{"check run passed: the last completed investigation was ", "check ingest passed: the last checkpoint", "check soctalk_images passed: 2 containers run 2 images as rendered", "check lag passed: the query's value is 5 (at most 5)"} {
			if !strings.Contains(text, said) {
				t.Errorf("%q is not said", said)
			}
		}
	})
}

// inRollout adds text to the rollout block.
func (f *fleet) inRollout(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(f.dir, "fleet.hcl")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "fleet.hcl", []byte(strings.Replace(string(data), "rollout {\n", "rollout {\n"+text+"\n", 1)))
}
