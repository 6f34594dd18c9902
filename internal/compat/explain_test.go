package compat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/soctalk/fleet/schema"
)

func explanation(t testing.TB, p Problem) *NoPathError {
	t.Helper()
	path, err := Solve(p)
	var none *NoPathError
	if !errors.As(err, &none) {
		t.Fatalf("path %v, err = %v", path, err)
	}
	return none
}

func TestExplain(t *testing.T) {
	t.Parallel()
	matrix := exampleMatrix(t)
	without := func(missing ...string) func(schema.Component, *semver.Version) bool {
		return func(c schema.Component, v *semver.Version) bool {
			return !slices.Contains(missing, fmt.Sprintf("%s %s", c, v))
		}
	}
	tests := []struct {
		name        string
		c           schema.Compatibility
		exists      func(schema.Component, *semver.Version) bool
		system      string
		tenants     []string
		want        []string // "file:line text"
		others      int
		suggestions []string
	}{
		{
			name: "a chart in between is missing", c: schema.Compatibility{Matrix: matrix},
			exists: without("system 0.2.0", "system 0.2.1"), system: "0.1.4 0.3.0", tenants: []string{"0.1.9 0.2.1", "0.1.9 0.2.1", "0.1.1 0.2.1"},
			want: []string{
				"tenant.a:1 tenant.a and tenant.b: to get from 0.1.9 to 0.2.1.",
				"compatibility.yaml:13 No system 0.1.4 with tenant 0.2.0: listed as blocked in the matrix: ahead of the system: its adapter asks for a checkpoint that this API does not keep.",
				"compatibility.yaml:14 No system 0.1.4 with tenant 0.2.1: listed as blocked in the matrix: ahead of the system.",
				"compatibility.yaml:27 No system 0.3.0 with tenant 0.1.9: listed as blocked in the matrix: tenants older than 0.2.0 are no longer served; go through 0.2.1.",
			},
			others:      1,
			suggestions: []string{"There is a path by way of system 0.2.1, but no chart to go there."},
		},
		{
			name: "a tenant that stays", c: schema.Compatibility{Matrix: matrix},
			system: "0.2.1 0.3.0", tenants: []string{"0.1.9 0.1.9", "0.2.1 0.3.0"},
			want: []string{
				"tenant.a:1 tenant.a: to stay at 0.1.9.",
				"system:1 The system: to get from 0.2.1 to 0.3.0.",
				"compatibility.yaml:27 No system 0.3.0 with tenant 0.1.9: listed as blocked in the matrix: tenants older than 0.2.0 are no longer served; go through 0.2.1.",
			},
			suggestions: []string{
				"There is a path with tenant.a at 0.2.0 instead of 0.1.9.",
				"There is a path with the system at 0.2.1 instead of 0.3.0.",
			},
		},
		{
			name: "a tenant's target is ahead", c: schema.Compatibility{Matrix: matrix},
			system: "0.2.1 0.2.1", tenants: []string{"0.2.1 0.3.0", "- 0.3.0"},
			want: []string{
				"tenant.b:1 tenant.b: to be installed at 0.3.0.",
				"compatibility.yaml:25 No system 0.2.1 with tenant 0.3.0: listed as blocked in the matrix: ahead of the system: Wazuh 5 needs soctalk-system 0.3.0.",
			},
			others: 1,
			suggestions: []string{
				"There is a path with tenant.b at 0.2.1 instead of 0.3.0.",
				"There is a path with the system at 0.3.0 instead of 0.2.1.",
			},
		},
		{
			name:   "a stop that has no chart",
			c:      schema.Compatibility{Unlisted: schema.UnlistedAllow, Stops: []schema.Stop{{Component: schema.ComponentSystem, Version: version("2.0.0"), Source: at("fleet.hcl", 7)}}},
			exists: without("system 2.0.0"), system: "1.0.0 3.0.0", tenants: []string{"1.0.0 1.0.0"},
			want: []string{
				"system:1 The system: to get from 1.0.0 to 3.0.0.",
				"fleet.hcl:7 No upgrade of a system may jump over 2.0.0, which is a stop.",
			},
			suggestions: []string{
				"There is a path by way of system 2.0.0, but no chart to go there.",
				"There is a path with the system at 1.0.0 instead of 3.0.0.",
			},
		},
		{
			name: "a pair that nobody listed", c: schema.Compatibility{Unlisted: schema.UnlistedRefuse, Source: at("fleet.hcl", 3)},
			system: "1.0.0 1.0.0", tenants: []string{"- 1.0.0"},
			want: []string{
				"tenant.a:1 tenant.a: to be installed at 1.0.0.",
				`fleet.hcl:3 No system 1.0.0 with tenant 1.0.0: not listed, and unlisted = "refuse".`,
			},
			suggestions: []string{"If system 1.0.0 and tenant 1.0.0 work together, list the pair in the matrix."},
		},
		{
			name: "nothing is known in between",
			c: schema.Compatibility{Unlisted: schema.UnlistedRefuse, Rules: []schema.Rule{
				{System: mustConstraint("*"), Tenant: mustConstraint("*"), SystemText: "*", TenantText: "*", Status: schema.Supported},
				{System: mustConstraint(">=2.0.0"), Tenant: mustConstraint("<2.0.0"), SystemText: ">=2.0.0", TenantText: "<2.0.0", Status: schema.Blocked, Source: at("fleet.hcl", 5)},
			}},
			system: "1.0.0 3.0.0", tenants: []string{"1.0.0 3.0.0"},
			want: []string{
				"tenant.a:1 tenant.a: to get from 1.0.0 to 3.0.0.",
				`fleet.hcl:5 No system 3.0.0 with tenant 1.0.0: rated blocked by the rule for system ">=2.0.0" and tenant "<2.0.0".`,
				":0 No system 1.0.0 with tenant 3.0.0: the tenant would be ahead of the system, and the matrix does not list this exact pair.",
			},
			suggestions: []string{"No version between system 1.0.0 and 3.0.0 is known: a path can only lead through what the matrix, a stop or a release block names."},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := fleet(&tt.c, tt.system, tt.tenants...)
			p.Exists = tt.exists
			e := explanation(t, p)
			var got []string
			for _, c := range e.Constraints {
				got = append(got, fmt.Sprintf("%s:%d %s", c.Source.Block.Filename, c.Source.Block.Start.Line, c.Text))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("constraints (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.suggestions, e.Suggestions, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("suggestions (-want +got):\n%s", diff)
			}
			if e.Others != tt.others {
				t.Errorf("%d other tenants, want %d", e.Others, tt.others)
			}
			for _, line := range append(slices.Clone(e.Suggestions), e.Constraints[0].Text) {
				if !strings.Contains(e.Error(), line) {
					t.Errorf("the error does not say %q", line)
				}
			}
		})
	}
}

// conflict is a fleet of two classes that have a path each, but not together:
// one tenant stays at a version that just one system does not serve, the other
// has to pass through a version that just this system serves.
func conflict(systems, only int) Problem {
	c := &schema.Compatibility{Unlisted: schema.UnlistedAllow, Stops: []schema.Stop{{Component: schema.ComponentTenant, Version: numbered(3)}}}
	for s := 10; s < 10+systems; s++ {
		status := schema.Blocked
		if s == only {
			status = schema.Supported
			c.Matrix = append(c.Matrix, schema.Pair{System: numbered(s), Tenant: numbered(1), Status: schema.Blocked})
		}
		c.Matrix = append(c.Matrix, schema.Pair{System: numbered(s), Tenant: numbered(3), Status: status})
	}
	return fleet(c, fmt.Sprintf("0.10.0 0.%d.0", 9+systems), "0.1.0 0.1.0", "0.2.0 0.4.0")
}

func TestExplainConflictOfClasses(t *testing.T) {
	t.Parallel()
	e := explanation(t, conflict(6, 13))
	kinds := map[ConstraintKind]int{}
	for _, c := range e.Constraints {
		kinds[c.Kind]++
	}
	if want := map[ConstraintKind]int{PinTenants: 2, Stopped: 1, Pairs: 6}; !cmp.Equal(kinds, want) {
		t.Errorf("constraints: %v, want %v\n%v", kinds, want, e)
	}
}

// A search that does not remember where it has been would try 2^38 ways.
func TestSearchRemembers(t *testing.T) {
	t.Parallel()
	p := conflict(40, 45)
	g := newGrid(&p)
	if way := newSearch(g, len(g.systems)-1).find(); way != nil {
		t.Errorf("found %v", way)
	}
}
