package cli

import (
	"errors"
	"testing"

	"github.com/soctalk/fleet/schema"
)

// What is not there is told with what was most likely meant.
func TestUnknownPattern(t *testing.T) {
	t.Parallel()
	f := &schema.Fleet{System: &schema.System{}, Tenants: []*schema.Tenant{{}, {}}, Rollout: &schema.Rollout{Waves: []*schema.Wave{{Name: "canary"}}}}
	f.System.Address = "system"
	f.Tenants[0].Address, f.Tenants[0].Labels = `tenant.fleet["acme"]`, map[string]string{"tier": "gold"}
	f.Tenants[1].Address = "tenant.solo"
	for pattern, want := range map[string]string{
		"tenant.fleet[acme]":   `The shell takes quotes away. Write -target='tenant.fleet["acme"]'.`,
		`tenant.fleet["acm"]`:  `Did you mean tenant.fleet["acme"]?`,
		"tenant.fleets":        "Did you mean tenant.fleet?",
		"tenant.sol":           "Did you mean tenant.solo?",
		"wave.canari":          "Did you mean wave.canary?",
		"label.tier=golden":    "Did you mean label.tier=gold?",
		"sytem":                "Did you mean system?",
		"something else":       `Write system, tenant.NAME, tenant.NAME["KEY"], wave.NAME or label.KEY=VALUE.`,
		"wave.canary-and-more": `Write system, tenant.NAME, tenant.NAME["KEY"], wave.NAME or label.KEY=VALUE.`,
	} {
		_, err := selection(f, []string{"system", pattern}, nil)
		var told *advised
		if !errors.As(err, &told) || told.advice != want {
			t.Errorf("%s: %v, %+v, want %q", pattern, err, told, want)
		}
	}
	_, err := selection(f, nil, []string{"tenant.fleet[acme]"})
	var told *advised
	if !errors.As(err, &told) || told.advice != `The shell takes quotes away. Write -exclude='tenant.fleet["acme"]'.` {
		t.Errorf("%+v", told)
	}
}

func TestWhatATargetStandsFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, address string
		want             bool
	}{
		{"tenant.a", "tenant.a", true},
		{"tenant.a", `tenant.a["k"]`, true},
		{"tenant.a", "tenant.a.companion.wazuh", true},
		{"tenant.a", `tenant.a["k"].companion.wazuh`, true},
		{`tenant.a["k"]`, `tenant.a["k"].companion.wazuh`, true},
		{"tenant.a.companion.wazuh", "tenant.a.companion.wazuh", true},
		{"tenant.a.companion.wazuh", "tenant.a", false},
		{"tenant.a", "tenant.ab", false},
		{`tenant.a["k"]`, `tenant.a["kk"]`, false},
	} {
		if got := matches(c.pattern, c.address, "", nil); got != c.want {
			t.Errorf("%s stands for %s: %v, want %v", c.pattern, c.address, got, c.want)
		}
	}
}
