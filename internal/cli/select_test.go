package cli

import "testing"

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
