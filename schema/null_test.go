package schema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNullIsNotWritten holds that null means what leaving the argument out
// means.
func TestNullIsNotWritten(t *testing.T) {
	t.Parallel()
	f := load(t, `
system {
  chart     = "oci://h/s"
  version   = "0.2.1"
  namespace = null
  release   = null
  cluster   = null
  database {
    dsn = null
    dsn_secret {
      name = "n"
      key  = "k"
    }
  }
  api {
    url = null
    login_secret { name = "n" }
  }
  snapshot "db" {
    driver     = "command"
    argv       = ["save"]
    class      = null
    recipients = null
  }
}
tenant_defaults {
  chart   = "oci://h/t"
  version = "0.2.0"
  window  = window.night
  values  = [{ from = "defaults" }]
  labels  = { from = "defaults" }
  namespace = "ns-${self.slug}"
  companion "agent" {
    chart   = "oci://h/agent"
    version = "1.0.0"
    timeout = "3m"
  }
}
tenant "null" {
  slug      = null
  namespace = null
  release   = null
  version   = null
  window    = null
  values    = null
  labels    = null
  timeout   = null
  companion "agent" {
    release = null
    timeout = null
  }
}
tenant "each" {
  for_each  = { a = {}, b = { slug = "bee", version = "0.2.1", labels = { from = "b" }, values = { from = "b" } } }
  slug      = try(each.value.slug, null)
  version   = try(each.value.version, null)
  labels    = try(each.value.labels, null)
  values    = try([each.value.values], null)
  namespace = try(each.value.namespace, null)
}
window "night" {
  start    = "01:00"
  duration = "4h"
  timezone = null
  days     = null
}
prerequisite "kubernetes" {
  crd                   = null
  any_crd               = null
  default_storage_class = null
  kubernetes            = ">=1.20"
}
check "http" {
  builtin = null
  http {
    service = try(self.labels.none, null)
    url     = "https://${self.slug}.example.org"
  }
}
check "prometheus" {
  prometheus {
    address = "http://p:9090"
    query   = "up"
    min     = null
    max     = null
    equals  = 1
  }
}
rollout {
  wave "all" {
    tenants      = null
    match        = null
    percent      = null
    max_parallel = null
    checks       = [check.http, check.prometheus]
  }
}
removed {
  from       = "gone"
  namespace  = null
  release    = null
  companions = null
  cluster    = null
}
`, Options{})
	got := map[string][]string{}
	for _, tn := range f.Tenants {
		got[tn.Address] = []string{tn.Slug, tn.Namespace, tn.Name, tn.Version.String(), tn.Window, tn.Labels["from"], tn.Values["from"].(string), tn.Companions[0].Name, tn.Companions[0].Timeout.String()}
	}
	want := map[string][]string{
		"tenant.null":      {"null", "ns-null", "tenant-null", "0.2.0", "night", "defaults", "defaults", "agent-null", "3m0s"},
		`tenant.each["a"]`: {"a", "ns-a", "tenant-a", "0.2.0", "night", "defaults", "defaults", "agent-a", "3m0s"},
		`tenant.each["b"]`: {"bee", "ns-bee", "tenant-bee", "0.2.1", "night", "b", "b", "agent-bee", "3m0s"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(f.Rollout.Waves) != 1 || len(f.Rollout.Waves[0].Tenants) != 3 {
		t.Error("the wave that selects nothing does not take everything")
	}
	if p := f.Prerequisites[0]; p.Kubernetes == nil || p.DefaultStorageClass != nil {
		t.Errorf("%+v", p)
	}
	if r := f.Removed[0]; r.Namespace != "tenant-gone" || r.Companions != nil || r.Cluster != "" {
		t.Errorf("%+v", r)
	}
	if f.System.API.Service != "soctalk-system-api" {
		t.Error(f.System.API.Service)
	}
	if w := f.Windows["night"]; len(w.Days) != 7 || w.Location.String() != "UTC" {
		t.Errorf("%+v", w)
	}
}

// TestNullOfWhatIsNeeded holds that a required argument is missed where it is
// null, wherever it was written.
func TestNullOfWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"own":         {base + "tenant \"t\" {\n  chart = \"oci://h/t\"\n  version = null\n}", `The argument "version" is required, but its value is null.`},
		"of defaults": {base + "tenant_defaults { version = null }\ntenant \"t\" { chart = \"oci://h/t\" }", `The argument "version" is required, but its value is null.`},
		"of both":     {base + "tenant_defaults { version = null }\ntenant \"t\" {\n  chart = \"oci://h/t\"\n  version = null\n}", `The argument "version" is required, but its value is null.`},
		"no choice":   {base + `prerequisite "p" { crd = null }`, "A prerequisite block needs exactly one of crd, any_crd, default_storage_class, kubernetes, snapshot_class, permission; none is written."},
		"two choices": {base + acme + "check \"c\" {\n  http {\n    service = \"s\"\n    url = \"https://${self.slug}\"\n  }\n}", "service and url are written"},
		"no choice of a tenant": {base + acme + `
check "c" {
  http { service = try(self.labels.service, null) }
}
rollout {
  wave "w" { checks = [check.c] }
}`, "exactly one of service, url; none is written"},
		"the program": {strings.Replace(base, "version =", "snapshot \"s\" {\n  driver = \"command\"\n  argv = null\n}\nversion =", 1), `A snapshot with driver = "command" needs argv.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mistakes(t, c.text, Options{})
			if !strings.Contains(got, c.want) || strings.Count(got, "error:") != 1 {
				t.Error(got)
			}
		})
	}
}
