package schema

import (
	"strings"
	"testing"
	"time"
)

// checking is a fleet of one tenant whose wave lists some checks.
func checking(system, label, checks, blocks string) string {
	return strings.NewReplacer("SYSTEM", system, "LABEL", label, "CHECKS", checks).Replace(`
system {
  chart   = "oci://h/system"
  version = "0.2.1"
  SYSTEM
}
tenant "acme" {
  chart   = "oci://h/tenant"
  version = "0.2.1"
  labels  = { tier = "LABEL" }
}
rollout {
  wave "all" { checks = [CHECKS] }
}
`) + blocks
}

const (
	aDatabase = `database { dsn = "postgresql://h/db" }`
	anAPI     = "api {\n login_secret { name = \"checks\" }\n}"
)

func TestBuiltinChecksNeedNoBlock(t *testing.T) {
	t.Parallel()
	f := load(t, checking(anAPI, "gold", `check.soctalk_heartbeat, check.mine, "soctalk_images"`, `
check "mine" {
  builtin  = "soctalk_heartbeat"
  interval = "5s"
}
`), Options{})
	for name, interval := range map[string]time.Duration{"soctalk_heartbeat": 15 * time.Second, "mine": 5 * time.Second} {
		c := f.Checks[name]
		if c.Kind != BuiltinHeartbeat || c.Interval != interval || c.On != "tenant" {
			t.Errorf("%s: %+v", name, c)
		}
		if p, diags := c.ForTenant(f.Tenants[0]); diags.HasErrors() || p.Builtin != BuiltinHeartbeat {
			t.Errorf("%s: probe %+v, %v", name, p, diags)
		}
	}
	if got := f.Rollout.Waves[0].Checks; len(got) != 3 {
		t.Errorf("the wave has the checks %q", got)
	}
	a := f.System.API
	if a.Service != "soctalk-system-api" || a.Port != 8000 || a.Email != (SecretKey{"checks", "email"}) || a.Password != (SecretKey{"checks", "password"}) {
		t.Errorf("got %+v", a)
	}
}

func TestCheckMistakes(t *testing.T) {
	t.Parallel()
	sql := func(query string) string {
		return "check \"it\" {\n sql {\n query = " + query + "\n equals = \"1\"\n }\n}\n"
	}
	for name, test := range map[string]struct {
		system, label, checks, blocks string
		part                          string
	}{
		"heartbeat without api":     {"", "gold", "check.soctalk_heartbeat", "", "soctalk_heartbeat asks SocTalk's own API"},
		"run without database":      {"", "gold", "check.soctalk_run", "", "soctalk_run asks the system database"},
		"declared without database": {"", "gold", "check.it", `check "it" { builtin = "soctalk_ingest" }`, "soctalk_ingest asks the system database"},
		"heartbeat of the system":   {anAPI, "gold", "", "check \"it\" {\n on = \"system\"\n builtin = \"soctalk_heartbeat\"\n}", "soctalk_heartbeat is about tenants"},
		"no such one":               {"", "gold", "", `check "it" { builtin = "soctalk_hartbeat" }`, "soctalk_heartbeat"},
		"url and port":              {"api {\n url = \"https://h\"\n port = 80\n login_secret { name = \"x\" }\n}", "gold", "", "", "not both"},
		"a label that ends a text":  {aDatabase, "gold' or '1", "check.it", sql(`"select 1 where '${self.labels.tier}' = ''"`), "Unsafe text in a query"},
		"a label that comments":     {aDatabase, "1 --", "check.it", sql(`"select ${self.labels.tier}"`), "Unsafe text in a query"},
		"two statements":            {aDatabase, "gold", "check.it", sql(`"select 1; commit; drop table users"`), "must be one statement"},
		"no statement":              {aDatabase, "gold", "check.it", sql(`" ; "`), "must be a statement"},
		"no jsonpath":               {"", "gold", "check.it", "check \"it\" {\n http {\n service = \"a\"\n jsonpath = \"{.a[}\"\n equals = \"1\"\n }\n}", "The jsonpath is not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			has(t, mistakes(t, checking(test.system, test.label, test.checks, test.blocks), Options{}), test.part)
		})
	}
}

// What a query does not use may be as it likes.
func TestHarmlessQueries(t *testing.T) {
	t.Parallel()
	for label, query := range map[string]string{
		"it's":  `"select count(*) from tenants where slug = '${self.slug}';"`,
		"Été 2": `"select '${self.labels.tier}'"`,
	} {
		f := load(t, checking(aDatabase, label, "check.it", "check \"it\" {\n sql {\n query = "+query+"\n equals = \"1\"\n }\n}\n"), Options{})
		if _, diags := f.Checks["it"].ForTenant(f.Tenants[0]); diags.HasErrors() {
			t.Errorf("%s: %v", query, diags)
		}
	}
}
