package adopt

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

type tree = map[string]any

func system(config tree) *Release {
	return &Release{
		Namespace: "soctalk-system", Name: "soctalk-system", Status: "deployed", Chart: SystemChart, Version: "0.2.0", AppVersion: "0.2.0",
		Config: config, Defaults: tree{"api": tree{"replicas": 1.0}, "llm": tree{"provider": "openai", "apiKey": ""}},
	}
}

func live(slug string, config tree) *Release {
	return &Release{
		Namespace: "tenant-" + slug, Name: "tenant-" + slug, Status: "deployed", Chart: TenantChart, Version: "0.2.0", AppVersion: "0.2.0",
		Config: config, Defaults: tree{"profile": "poc", "quota": tree{"cpu": "4", "pods": 50.0}},
	}
}

// load puts the files into a folder and loads them with the secrets.
func load(t *testing.T, r *Result) *schema.Fleet {
	t.Helper()
	dir := t.TempDir()
	for name, data := range r.Files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, diags := schema.Load(dir, schema.Options{Vars: r.Variables, Order: strings.Repeat("v", len(r.Variables))})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, r.Files["fleet.hcl"])
	}
	return f
}

func fleetOf(t *testing.T, found ...*Release) *Result {
	t.Helper()
	r, err := Fleet(found, Options{Clusters: []Cluster{{}}, Charts: "oci://registry.test/charts"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Prove(load(t, r)); err != nil {
		t.Errorf("%v\n%s", err, r.Files["fleet.hcl"])
	}
	return r
}

func TestTenantsThatDifferInDataAreOneBlock(t *testing.T) {
	t.Parallel()
	var found []*Release
	for i, slug := range []string{"acme", "beta", "gamma"} {
		found = append(found, live(slug, tree{
			"profile": "persistent", "tenant": tree{"id": fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", i)},
			"quota": tree{"cpu": "4", "pods": 50.0}, "adapter": tree{"image": tree{"tag": "0.2.0"}, "token": fmt.Sprintf("tok-%d-c4n4ry5", i)},
		}), &Release{
			Namespace: "tenant-" + slug, Name: "wazuh-" + slug, Status: "deployed", Chart: "wazuh", Version: "0.2.0", Config: tree{"nodes": 2.0 + float64(i%2)},
		})
	}
	found[2].Version = "0.1.9"
	r := fleetOf(t, append(found, system(tree{"api": tree{"replicas": 1.0}, "llm": tree{"apiKey": "sk-c4n4ry", "provider": "anthropic"}}))...)
	want := `compatibility {
  matrix = file("compatibility.yaml")
}

system {
  chart   = "oci://registry.test/charts/soctalk-system"
  version = var.system_version
  values = [
    file("system-values.yaml"),
    {
      llm = {
        apiKey = var.system_llm_api_key
      }
    },
  ]
}

tenant_defaults {
  chart   = "oci://registry.test/charts/soctalk-tenant"
  version = var.tenant_version
}

tenant "fleet" {
  for_each = yamldecode(file("tenants.yaml"))
  values = [
    file("tenant-values.yaml"),
    each.value.values,
    {
      adapter = {
        image = {
          tag = self.version
        }
        token = var.tenant_secrets[self.slug].adapter_token
      }
    },
  ]

  companion "wazuh" {
    chart   = "oci://registry.test/charts/wazuh"
    version = each.value.companions["wazuh"].version
    values  = [each.value.companions["wazuh"].values]
  }
}

tenant "beta" {
`
	got := string(r.Files["fleet.hcl"])
	if !strings.HasPrefix(got, want) {
		t.Errorf("fleet.hcl (-want +got):\n%s", cmp.Diff(want, got))
	}
	if got, want := string(r.Files["tenant-values.yaml"]), "profile: persistent\n"; got != want {
		t.Errorf("tenant-values.yaml is %q, want %q", got, want)
	}
	for name, data := range r.Files {
		if strings.Contains(string(data), "c4n4ry") {
			t.Errorf("%s holds a secret:\n%s", name, data)
		}
	}
	if len(r.Secrets) != 4 {
		t.Errorf("secrets to provide: %+v", r.Secrets)
	}
}

func TestSeveralClusters(t *testing.T) {
	t.Parallel()
	s, a, b := system(nil), live("acme", tree{"x": 1.0}), live("beta", nil)
	s.Cluster, a.Cluster, b.Cluster = "main", "edge", "edge"
	r, err := Fleet([]*Release{s, a, b}, Options{Clusters: []Cluster{{Name: "main", Context: "prod"}, {Name: "edge", Context: "edge"}}, Charts: "https://charts.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	f := load(t, r)
	if err := r.Prove(f); err != nil {
		t.Error(err)
	}
	if f.System.Cluster != "main" || f.Tenants[1].Cluster != "edge" || f.Tenants[0].Chart.Name != TenantChart || f.Clusters["main"].Context != "prod" {
		t.Errorf("%s", r.Files["fleet.hcl"])
	}
}

// Files that say something else than what is live are not proved, whatever it is.
func TestOtherFilesAreNotProved(t *testing.T) {
	t.Parallel()
	s, a, w := system(tree{"a": 1.0}), live("acme", nil), &Release{Cluster: "edge", Namespace: "tenant-acme", Name: "wazuh", Status: "deployed", Chart: "wazuh", Version: "0.2.0"}
	s.Cluster, a.Cluster = "main", "edge"
	for _, charts := range []string{"oci://registry.test/charts", "https://charts.example.com"} {
		r, err := Fleet([]*Release{s, a, w}, Options{Clusters: []Cluster{{Name: "main"}, {Name: "edge"}}, Charts: charts})
		if err != nil {
			t.Fatal(err)
		}
		f := load(t, r)
		if err := r.Prove(f); err != nil {
			t.Error(err)
		}
		for name, change := range map[string]func(*Release){
			"cluster":   func(r *Release) { r.Cluster = "main" },
			"chart":     func(r *Release) { r.Chart = "wazuh-fork" },
			"name":      func(r *Release) { r.Name = "wazuh-2" },
			"namespace": func(r *Release) { r.Namespace = "tenant-beta" },
			"version":   func(r *Release) { r.Version = "0.2.1" },
			"values":    func(r *Release) { r.Config = tree{"nodes": 1.0} },
		} {
			other := *w
			change(&other)
			changed := *r
			changed.Addresses = maps.Clone(r.Addresses)
			changed.Addresses["tenant.acme.companion.wazuh"] = &other
			if changed.Prove(f) == nil {
				t.Errorf("%s: another %s is proved", charts, name)
			}
		}
	}
}

func TestWhatIsNoFleetIsSaid(t *testing.T) {
	t.Parallel()
	odd := live("odd", nil)
	odd.Namespace = "elsewhere"
	double := live("double", nil)
	double.Namespace = "tenant-acme"
	pending := live("pending", nil)
	pending.Status = "pending-upgrade"
	failed := live("failed", nil)
	failed.Status = "failed"
	leaving := live("leaving", nil)
	leaving.Status = "uninstalling"
	unlisted := live("unlisted", nil)
	unlisted.Version = "0.1.7"
	foreign := &Release{Namespace: "tenant-acme", Name: "redis", Status: "deployed", Chart: "redis", Version: "1.0.0"}
	r := fleetOf(t, system(nil), live("acme", nil), odd, double, pending, failed, leaving, unlisted, foreign)
	remarks := strings.Join(r.Remarks, "\n")
	for _, want := range []string{
		"tenant-double in namespace tenant-acme is one of 2 tenant releases", "tenant-pending in namespace tenant-pending is pending-upgrade",
		"tenant-failed in namespace tenant-failed is failed", "tenant-leaving in namespace tenant-leaving is uninstalling",
		"at 0.1.7, of which nothing is known", "redis in namespace tenant-acme, of chart redis",
	} {
		if !strings.Contains(remarks, want) {
			t.Errorf("nothing is said of %q:\n%s", want, remarks)
		}
	}
	if r.Tenants != 5 {
		t.Errorf("%d tenants", r.Tenants)
	}
	for name, found := range map[string][]*Release{"none": {live("a", nil)}, "two": {system(nil), {Chart: SystemChart, Namespace: "b", Name: "b"}}} {
		if _, err := Fleet(found, Options{}); err == nil {
			t.Errorf("%s: it was taken for a fleet", name)
		}
	}
}

// Every way in which a secret can stand in values, each marked as a canary.
func TestNoSecretIsWritten(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry-9f3b7e"
	held := "Held-" + canary
	s := system(tree{
		"bootstrapAdmin": tree{"password": canary, "email": "admin@example.com"},
		"plain":          held,
		"url":            "postgres://soctalk:" + canary + "@db:5432/soctalk",
		"env":            []any{tree{"name": "DB_PASSWORD", "value": canary}, tree{"name": "MODE", "value": "fast"}},
		"tokens":         []any{canary + "1", canary + "2"},
		"credentials":    tree{"a": tree{"b": canary}},
		"tls":            tree{"key": "-----BEGIN PRIVATE KEY-----\n" + canary + "\n-----END PRIVATE KEY-----\n"},
		"script":         "set -e\nexport TOKEN=" + canary + "\n",
		"opaque":         "q9Zr4" + strings.ReplaceAll(canary, "-", "") + "Kd82LmXw",
		"slack":          tree{"webhookUrl": "https://hooks.example.com/" + canary},
		"pinCode":        tree{"password": 483920.0},
		"repeated":       "see " + held,
	})
	s.Secrets = []string{held}
	r := fleetOf(t, s, live("acme", tree{"note": held, "quiet": "nothing to hide"}))
	for name, data := range r.Files {
		for _, text := range []string{canary, strings.ReplaceAll(canary, "-", ""), "483920"} {
			if strings.Contains(string(data), text) {
				t.Errorf("%s holds %q:\n%s", name, text, data)
			}
		}
	}
	for _, text := range append(slices.Clone(r.Remarks), fmt.Sprint(r.Secrets)) {
		if strings.Contains(text, canary) {
			t.Errorf("told: %s", text)
		}
	}
	if public := string(r.Files["system-values.yaml"]); !strings.Contains(public, "admin@example.com") {
		t.Errorf("what is no secret is not in %s", public)
	}
}

// What is empty in one release and not in another is neither common to both nor
// left out.
func TestWhatIsEmptyIsKept(t *testing.T) {
	t.Parallel()
	fleetOf(t, system(nil), live("acme", tree{"nodeSelector": tree{}}), live("beta", tree{"nodeSelector": tree{"a": "b"}}))
}

// A namespace may hold two releases of Wazuh, and their names say anything.
func TestSeveralCompanionsOfOneChart(t *testing.T) {
	t.Parallel()
	wazuh := func(slug, name string, nodes float64) *Release {
		return &Release{Namespace: "tenant-" + slug, Name: name, Status: "deployed", Chart: "wazuh", Version: "0.2.0", Config: tree{"nodes": nodes, "kept": true, "token": "t0k3n-" + name}}
	}
	found := []*Release{system(tree{"a": 1.0}), live("gamma", nil), wazuh("gamma", "wazuh", 7)}
	for _, slug := range []string{"acme", "beta"} {
		found = append(found, live(slug, tree{"profile": "persistent"}), wazuh(slug, "siem", 1), wazuh(slug, "wazuh", 2), wazuh(slug, "wazuh-"+slug, 3), wazuh(slug, "system-"+slug, 4), wazuh(slug, "tenant-"+slug+"-"+slug, 5))
	}
	r := fleetOf(t, found...)
	if len(r.Addresses) != len(found) {
		t.Errorf("%d of %d releases are in the files", len(r.Addresses), len(found))
	}
}
