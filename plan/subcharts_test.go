package plan

import (
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

func TestSubchartChanges(t *testing.T) {
	t.Parallel()
	objects := manifest(t, `
kind: Service
metadata: {name: a, labels: {helm.sh/chart: wazuh-4.1.0, app.kubernetes.io/version: 4.12.0}}
---
kind: Service
metadata: {name: b, labels: {helm.sh/chart: wazuh-agent-9.9.9}}
---
kind: Service
metadata: {name: c, labels: {helm.sh/chart: linux-ep-0.1.0_build.1, app.kubernetes.io/version: "1"}}
`)
	for name, c := range map[string]struct {
		live, wanted []Subchart
		want         []SubchartChange
	}{
		"same":                {[]Subchart{{Name: "x", Version: "1.0.0"}}, []Subchart{{Name: "x", Version: "1.0.0"}}, nil},
		"minor":               {[]Subchart{{Name: "x", Version: "1.0.0"}}, []Subchart{{Name: "x", Version: "1.1.0"}}, []SubchartChange{{Name: "x", From: "1.0.0", To: "1.1.0"}}},
		"major":               {[]Subchart{{Name: "x", Version: "1.0.0"}}, []Subchart{{Name: "x", Version: "2.0.0"}}, []SubchartChange{{Name: "x", From: "1.0.0", To: "2.0.0", Breaking: true}}},
		"minor of 0":          {[]Subchart{{Name: "x", Version: "0.2.1"}}, []Subchart{{Name: "x", Version: "0.3.0"}}, []SubchartChange{{Name: "x", From: "0.2.1", To: "0.3.0"}}},
		"version from labels": {[]Subchart{{Name: "wazuh"}}, []Subchart{{Name: "wazuh", Version: "4.2.0", AppVersion: "4.13.0"}}, []SubchartChange{{Name: "wazuh", From: "4.1.0", To: "4.2.0"}}},
		"application's major": {[]Subchart{{Name: "wazuh", Version: "4.1.0"}}, []Subchart{{Name: "wazuh", Version: "4.2.0", AppVersion: "5.0.0"}}, []SubchartChange{{Name: "wazuh", From: "4.1.0", To: "4.2.0", Breaking: true}}},
		"build metadata":      {[]Subchart{{Name: "linux-ep", Version: "0.1.0+build.1"}}, []Subchart{{Name: "linux-ep", Version: "0.1.1", AppVersion: "2"}}, []SubchartChange{{Name: "linux-ep", From: "0.1.0+build.1", To: "0.1.1", Breaking: true}}},
		"not known":           {[]Subchart{{Name: "x"}}, []Subchart{{Name: "x", Version: "1.0.0"}}, nil},
		"comes and goes":      {[]Subchart{{Name: "old", Version: "1.0.0"}}, []Subchart{{Name: "new", Version: "2.0.0"}}, []SubchartChange{{Name: "new", To: "2.0.0"}, {Name: "old", From: "1.0.0"}}},
	} {
		if diff := cmp.Diff(c.want, subchartChanges(c.live, c.wanted, objects)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPassageOf(t *testing.T) {
	t.Parallel()
	fact := func(component schema.Component, version, notes string, breaking ...string) *schema.Facts {
		return &schema.Facts{Component: component, Version: semver.MustParse(version), Notes: notes, Breaking: breaking}
	}
	facts := []*schema.Facts{
		fact("tenant", "0.3.0", "https://n/0.3.0", "c"), fact("tenant", "0.2.0", "https://n/0.2.0", "a", "b"), fact("tenant", "0.2.1", "", "b"),
		fact("tenant", "0.1.9", "https://n/0.1.9", "before"), fact("tenant", "0.4.0", "https://n/0.4.0", "after"), fact("system", "0.3.0", "https://n/s", "other"),
	}
	v := semver.MustParse
	for name, c := range map[string]struct {
		component schema.Component
		from, to  *semver.Version
		chart     []string
		want      passage
	}{
		"one hop":        {"tenant", v("0.2.1"), v("0.3.0"), []string{"c", "d"}, passage{Breaking: []string{"c", "d"}, URL: "https://n/0.3.0"}},
		"jumped over":    {"tenant", v("0.1.9"), v("0.3.0"), nil, passage{Breaking: []string{"a", "b", "c"}, URL: "https://n/0.3.0", Notes: []string{"0.2.0: https://n/0.2.0"}}},
		"nothing on it":  {"tenant", v("0.2.0"), v("0.2.1"), nil, passage{Breaking: []string{"b"}}},
		"same version":   {"tenant", v("0.3.0"), v("0.3.0"), []string{"x"}, passage{}},
		"install":        {"tenant", nil, v("0.3.0"), []string{"x"}, passage{URL: "https://n/0.3.0"}},
		"companion":      {"", v("0.2.0"), v("0.3.0"), []string{"x"}, passage{Breaking: []string{"x"}}},
		"the other half": {"system", v("0.1.0"), v("0.3.0"), nil, passage{Breaking: []string{"other"}, URL: "https://n/s"}},
	} {
		if diff := cmp.Diff(c.want, passageOf(facts, c.component, c.from, c.to, c.chart)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
