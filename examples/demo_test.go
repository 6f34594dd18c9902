package examples

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/schema"
)

func TestDemoUsesThePublishedMatrix(t *testing.T) {
	want, err := os.ReadFile("compatibility.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("demo/compatibility.yaml")
	if err != nil || !bytes.Equal(want, got) {
		t.Errorf("demo/compatibility.yaml is not a copy of compatibility.yaml: %v", err)
	}
}

// The same files describe the fleet before and after the upgrade, and both charts accept the values.
func TestDemo(t *testing.T) {
	for _, test := range []struct{ system, tenant string }{{"0.1.4", "0.1.9"}, {"0.2.1", "0.2.1"}, {"0.3.0", "0.2.1"}, {"0.3.0", "0.3.0"}} {
		t.Run(test.system+" and "+test.tenant, func(t *testing.T) {
			fleet, diags := schema.Load("demo", schema.Options{Vars: []string{"system_version=" + test.system, "tenant_version=" + test.tenant}})
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			var slugs []string
			for _, tenant := range fleet.Tenants {
				slugs = append(slugs, tenant.Slug)
				renders(t, "soctalk-tenant", test.tenant, tenant.Release)
			}
			if want := []string{"acme", "beta", "delta", "epsilon", "gamma"}; !slices.Equal(slugs, want) {
				t.Errorf("tenants %v", slugs)
			}
			renders(t, "soctalk-system", test.system, fleet.System.Release)
			if wave := fleet.Rollout.Waves[0]; wave.Name != "canary" || !slices.Equal(wave.Tenants, []string{"tenant.acme"}) {
				t.Errorf("the first wave is %s with %v", wave.Name, wave.Tenants)
			}
			if !slices.Contains(fleet.Sensitive, "sk-demo-4f1c9e7ab2d850") {
				t.Error("the key of the language model is not sensitive")
			}
		})
	}
}

func renders(t *testing.T, chart, version string, r schema.Release) {
	t.Helper()
	if want := "oci://localhost:5000/soctalk/charts/" + chart; r.Chart.Ref != want || r.Version.Original() != version {
		t.Errorf("%s is %s %s, want %s %s", r.Address, r.Chart.Ref, r.Version, want, version)
	}
	values, err := yaml.Marshal(r.Values)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := render(chart, version, string(values), nil); err != nil {
		t.Errorf("%s at %s: %v", r.Address, filepath.Join(chart, version), err)
	}
}
