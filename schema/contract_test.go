package schema

import "testing"

func TestContract(t *testing.T) {
	f, diags := Load("testdata/contract", Options{Vars: []string{"target=0.2.1"}, ToolVersion: "0.1.0"})
	for _, d := range diags {
		t.Log(d.Severity, d.Error())
	}
	for _, tn := range f.Tenants {
		t.Logf("%+v", tn)
	}
	for _, w := range f.Rollout.Waves {
		t.Logf("%+v", w)
	}
}
