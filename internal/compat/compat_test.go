package compat

import (
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

func constraint(t *testing.T, s string) *semver.Constraints {
	t.Helper()
	c, err := semver.NewConstraint(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rule(t *testing.T, system, tenant string, status schema.Status) schema.Rule {
	return schema.Rule{System: constraint(t, system), Tenant: constraint(t, tenant), SystemText: system, TenantText: tenant, Status: status}
}

func TestRate(t *testing.T) {
	t.Parallel()
	matrix := []schema.Pair{
		{System: semver.MustParse("0.1.4"), Tenant: semver.MustParse("0.1.9"), Status: schema.Supported},
		{System: semver.MustParse("0.2.1"), Tenant: semver.MustParse("0.1.9"), Status: schema.Deprecated, Notes: "until June"},
		{System: semver.MustParse("0.2.1"), Tenant: semver.MustParse("0.1.1"), Status: schema.Blocked},
	}
	rules := []schema.Rule{
		rule(t, ">=0.1.0 <1.0.0", ">=0.1.0 <1.0.0", schema.Supported),
		rule(t, ">=0.3.0", "<0.2.0", schema.Blocked),
		rule(t, ">=0.3.0", "<0.3.0", schema.Deprecated),
	}
	tests := []struct {
		name           string
		rules          bool
		unlisted       schema.Unlisted
		system, tenant string
		want           schema.Status
		why            string
	}{
		{"exact entry may put a tenant ahead by number", false, schema.UnlistedRefuse, "0.1.4", "0.1.9", schema.Supported, "listed as supported in the matrix"},
		{"exact entry wins over a milder rule", true, schema.UnlistedAllow, "0.2.1", "0.1.1", schema.Blocked, "listed as blocked in the matrix"},
		{"notes are told", false, schema.UnlistedRefuse, "0.2.1", "0.1.9", schema.Deprecated, "listed as deprecated in the matrix: until June"},
		{"a range never puts a tenant ahead", true, schema.UnlistedAllow, "0.2.0", "0.2.1", schema.Blocked, "the tenant would be ahead of the system, and the matrix does not list this exact pair"},
		{"strictest rule wins", true, schema.UnlistedAllow, "0.3.0", "0.1.0", schema.Blocked, `rated blocked by the rule for system ">=0.3.0" and tenant "<0.2.0"`},
		{"next strictest", true, schema.UnlistedAllow, "0.3.0", "0.2.5", schema.Deprecated, `rated deprecated by the rule for system ">=0.3.0" and tenant "<0.3.0"`},
		{"unlisted refuse", false, schema.UnlistedRefuse, "0.3.0", "0.2.0", schema.Blocked, `not listed, and unlisted = "refuse"`},
		{"unlisted warn", false, schema.UnlistedWarn, "0.3.0", "0.2.0", schema.Deprecated, `not listed, and unlisted = "warn"`},
		{"unlisted allow", false, schema.UnlistedAllow, "0.3.0", "0.2.0", schema.Supported, `not listed, and unlisted = "allow"`},
		{"unlisted allow does not put a tenant ahead", false, schema.UnlistedAllow, "0.2.0", "0.3.0", schema.Blocked, "the tenant would be ahead of the system, and the matrix does not list this exact pair"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &schema.Compatibility{Matrix: matrix, Unlisted: tt.unlisted}
			if tt.rules {
				c.Rules = rules
			}
			v := Rate(c, semver.MustParse(tt.system), semver.MustParse(tt.tenant))
			if v.Status != tt.want {
				t.Errorf("Rate(%s, %s) = %s, want %s", tt.system, tt.tenant, v.Status, tt.want)
			}
			if diff := cmp.Diff(tt.why, v.Why); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJumped(t *testing.T) {
	t.Parallel()
	c := &schema.Compatibility{Stops: []schema.Stop{
		{Component: schema.ComponentSystem, Version: semver.MustParse("0.2.0")},
		{Component: schema.ComponentTenant, Version: semver.MustParse("0.2.0")},
	}}
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"0.1.4", "0.2.1", 1},
		{"0.1.4", "0.2.0", 0},
		{"0.2.0", "0.2.1", 0},
	} {
		got := Jumped(c, schema.ComponentSystem, semver.MustParse(tt.from), semver.MustParse(tt.to))
		if len(got) != tt.want {
			t.Errorf("Jumped(%s, %s) = %d stops, want %d", tt.from, tt.to, len(got), tt.want)
		}
	}
}
