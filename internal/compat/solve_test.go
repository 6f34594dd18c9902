package compat

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/schema"
	"sigs.k8s.io/yaml"
)

// exampleMatrix reads the matrix that the examples come with.
func exampleMatrix(t testing.TB) []schema.Pair {
	t.Helper()
	b, err := os.ReadFile("../../examples/compatibility.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file []struct {
		System string
		Tenant []struct{ Version, Status, Notes string }
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var pairs []schema.Pair
	for _, s := range file {
		for _, p := range s.Tenant {
			pairs = append(pairs, schema.Pair{
				System: semver.MustParse(s.System), Tenant: semver.MustParse(p.Version), Status: schema.Status(p.Status), Notes: p.Notes,
				Source: at("compatibility.yaml", len(pairs)+1),
			})
		}
	}
	return pairs
}

func at(file string, line int) schema.Source {
	return schema.Source{Block: hcl.Range{Filename: file, Start: hcl.Pos{Line: line, Column: 1}, End: hcl.Pos{Line: line, Column: 9}}}
}

func version(s string) *semver.Version {
	if s == "" {
		return nil
	}
	return semver.MustParse(s)
}

// move reads "0.1.4 0.3.0": live, then target; "-" is neither.
func move(address, ends string) Release {
	live, target, _ := strings.Cut(strings.ReplaceAll(ends, "-", ""), " ")
	return Release{Address: address, Live: version(live), Target: version(target), Source: at(address, 1)}
}

func fleet(c *schema.Compatibility, system string, tenants ...string) Problem {
	p := Problem{Compatibility: c, System: move("system", system)}
	for i, ends := range tenants {
		p.Tenants = append(p.Tenants, move(fmt.Sprint("tenant.", string(rune('a'+i))), ends))
	}
	return p
}

// lines puts a path into a few words.
func (p *Path) lines() []string {
	var out []string
	for _, ph := range p.Phases {
		line := "system stays"
		if ph.System != nil {
			line = "system"
			if ph.System.From != nil {
				line += " " + ph.System.From.String()
			}
			line += " → " + ph.System.To.String()
		}
		for _, h := range ph.Hops {
			from := "-"
			if h.From != nil {
				from = h.From.String()
			}
			line += fmt.Sprintf("; %s %s → %s", strings.Join(p.Classes[h.Class].Tenants, ","), from, h.To)
		}
		out = append(out, line)
	}
	return out
}

func TestSolveExamples(t *testing.T) {
	t.Parallel()
	matrix := exampleMatrix(t)
	tests := []struct {
		name    string
		stops   []schema.Stop
		system  string
		tenants []string
		want    []string
		skews   string
	}{
		{
			name: "one hop", system: "0.2.0 0.2.1", tenants: []string{"0.2.0 0.2.1", "0.2.0 0.2.1"},
			want: []string{"system stays", "system 0.2.0 → 0.2.1; tenant.a,tenant.b 0.2.0 → 0.2.1"},
		},
		{
			name: "the demo: by way of 0.2.1", system: "0.1.4 0.3.0", tenants: []string{"0.1.9 0.2.1", "0.1.9 0.2.1"},
			want:  []string{"system stays", "system 0.1.4 → 0.2.1; tenant.a,tenant.b 0.1.9 → 0.2.1", "system 0.2.1 → 0.3.0"},
			skews: "1: 0.2.1/0.1.9 deprecated, 2 tenants, 2 hops",
		},
		{
			name: "every class at its own pace", system: "0.1.4 0.3.0", tenants: []string{"0.1.1 0.3.0", "0.1.9 0.3.0", "0.1.9 0.2.1", "- 0.3.0"},
			want: []string{
				"system stays; tenant.a 0.1.1 → 0.1.9",
				"system 0.1.4 → 0.2.1; tenant.a 0.1.9 → 0.2.1; tenant.c 0.1.9 → 0.2.1; tenant.b 0.1.9 → 0.2.1",
				"system 0.2.1 → 0.3.0; tenant.d - → 0.3.0; tenant.a 0.2.1 → 0.3.0; tenant.b 0.2.1 → 0.3.0",
			},
			skews: "0: 0.1.4/0.1.1 deprecated, 1 tenants, 1 hops, inherited\n1: 0.2.1/0.1.9 deprecated, 3 tenants, 3 hops",
		},
		{
			name: "tenants first where the next system no longer serves them", system: "0.2.1 0.3.0", tenants: []string{"0.1.9 0.2.1"},
			want:  []string{"system stays; tenant.a 0.1.9 → 0.2.1", "system 0.2.1 → 0.3.0"},
			skews: "0: 0.2.1/0.1.9 deprecated, 1 tenants, 1 hops, inherited",
		},
		{
			name: "a stop costs a hop", stops: []schema.Stop{{Component: schema.ComponentSystem, Version: version("0.2.0")}},
			system: "0.1.4 0.2.1", tenants: []string{"0.1.9 0.2.1"},
			want:  []string{"system stays", "system 0.1.4 → 0.2.0", "system 0.2.0 → 0.2.1; tenant.a 0.1.9 → 0.2.1"},
			skews: "2: 0.2.1/0.1.9 deprecated, 1 tenants, 1 hops",
		},
		{
			name: "a tenants' stop", stops: []schema.Stop{{Component: schema.ComponentTenant, Version: version("0.2.0")}},
			system: "0.2.1 0.2.1", tenants: []string{"0.1.9 0.2.1"},
			want:  []string{"system stays; tenant.a 0.1.9 → 0.2.0; tenant.a 0.2.0 → 0.2.1"},
			skews: "0: 0.2.1/0.1.9 deprecated, 1 tenants, 1 hops, inherited",
		},
		{
			name: "tenants that stay shape the path of the others", system: "0.1.3 0.2.1", tenants: []string{"0.1.9 0.1.9", "0.1.9 0.2.0"},
			want:  []string{"system stays", "system 0.1.3 → 0.2.1; tenant.b 0.1.9 → 0.2.0"},
			skews: "1: 0.2.1/0.1.9 deprecated, 2 tenants, 0 hops, stays",
		},
		{
			name: "nothing to do", system: "0.2.1 0.2.1", tenants: []string{"0.2.1 0.2.1"},
			want: []string{"system stays"},
		},
		{
			name: "first install", system: "- 0.3.0", tenants: []string{"- 0.3.0"},
			want: []string{"system → 0.3.0; tenant.a - → 0.3.0"},
		},
		{
			name: "install beside tenants that are there", system: "- 0.2.1", tenants: []string{"0.1.9 0.2.1"},
			want:  []string{"system → 0.2.1; tenant.a 0.1.9 → 0.2.1"},
			skews: "0: 0.2.1/0.1.9 deprecated, 1 tenants, 1 hops",
		},
		{
			name: "no system at all", system: "- -", tenants: []string{"0.1.9 0.3.0", "- -"},
			want: []string{"system stays; tenant.a 0.1.9 → 0.3.0"},
		},
		{
			name: "a forbidden pair is left", system: "0.2.0 0.3.0", tenants: []string{"0.2.1 0.2.1"},
			want:  []string{"system stays", "system 0.2.0 → 0.3.0"},
			skews: "0: 0.2.0/0.2.1 blocked, 1 tenants, 1 hops, inherited",
		},
		{
			name: "a forbidden pair that nobody touches", system: "0.2.0 0.2.0", tenants: []string{"0.2.1 0.2.1", "0.1.9 0.2.0"},
			want:  []string{"system stays; tenant.b 0.1.9 → 0.2.0"},
			skews: "0: 0.2.0/0.2.1 blocked, 1 tenants, 0 hops, inherited, stays",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &schema.Compatibility{Matrix: matrix, Stops: tt.stops, Unlisted: schema.UnlistedRefuse}
			path, err := Solve(fleet(c, tt.system, tt.tenants...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, path.lines()); diff != "" {
				t.Errorf("path (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.skews, skewLines(path)); diff != "" {
				t.Errorf("skews (-want +got):\n%s", diff)
			}
		})
	}
}

func skewLines(p *Path) string {
	var lines []string
	for _, s := range p.Skews {
		line := fmt.Sprintf("%d: %s/%s %s, %d tenants, %d hops", s.Phase, s.System, s.Tenant, s.Status, s.Tenants, s.Hops)
		if s.Inherited {
			line += ", inherited"
		}
		if s.Stays {
			line += ", stays"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestSolveDefersToRisk(t *testing.T) {
	t.Parallel()
	pair := func(system, tenant string, status schema.Status) schema.Pair {
		return schema.Pair{System: version(system), Tenant: version(tenant), Status: status}
	}
	c := &schema.Compatibility{Unlisted: schema.UnlistedAllow, Matrix: []schema.Pair{
		pair("4.0.0", "1.0.0", schema.Blocked),
		pair("3.0.0", "1.0.0", schema.Deprecated),
		pair("2.0.0", "1.0.0", schema.Supported),
		pair("1.0.0", "2.0.0", schema.Blocked),
		pair("4.0.0", "3.0.0-rc.1", schema.Supported),
	}}
	path, err := Solve(fleet(c, "1.0.0 4.0.0", "1.0.0 2.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"system stays", "system 1.0.0 → 2.0.0; tenant.a 1.0.0 → 2.0.0", "system 2.0.0 → 4.0.0"}
	if diff := cmp.Diff(want, path.lines()); diff != "" {
		t.Errorf("the newer 3.0.0 would have kept a deprecated pair (-want +got):\n%s", diff)
	}
	c.Matrix[1].Status = schema.Supported
	c.Matrix = append(c.Matrix, pair("3.5.0-rc.1", "1.0.0", schema.Supported))
	if path, err = Solve(fleet(c, "1.0.0 4.0.0", "1.0.0 2.0.0")); err != nil {
		t.Fatal(err)
	}
	want = []string{"system stays", "system 1.0.0 → 3.0.0; tenant.a 1.0.0 → 2.0.0", "system 3.0.0 → 4.0.0"}
	if diff := cmp.Diff(want, path.lines()); diff != "" {
		t.Errorf("the newest release, before any prerelease (-want +got):\n%s", diff)
	}
}

// A class weighs as much as it has tenants.
func TestSolveCountsTenants(t *testing.T) {
	t.Parallel()
	pair := func(system, tenant string, status schema.Status) schema.Pair {
		return schema.Pair{System: version(system), Tenant: version(tenant), Status: status}
	}
	c := &schema.Compatibility{Unlisted: schema.UnlistedAllow, Matrix: []schema.Pair{
		pair("4.0.0", "1.0.0", schema.Blocked), pair("4.0.0", "1.1.0", schema.Blocked), pair("1.2.0", "2.0.0", schema.Blocked),
		pair("3.0.0", "1.0.0", schema.Deprecated), pair("2.0.0", "1.1.0", schema.Deprecated),
	}}
	for _, tt := range []struct {
		tenants []string
		by      string
	}{
		{[]string{"1.0.0 2.0.0", "1.1.0 2.0.0"}, "3.0.0"},
		{[]string{"1.0.0 2.0.0", "1.0.0 2.0.0", "1.1.0 2.0.0"}, "2.0.0"},
		{[]string{"1.0.0 2.0.0", "1.1.0 2.0.0", "1.1.0 2.0.0"}, "3.0.0"},
	} {
		path, err := Solve(fleet(c, "1.2.0 4.0.0", tt.tenants...))
		if err != nil {
			t.Fatal(err)
		}
		if got := path.Phases[1].Version.String(); got != tt.by {
			t.Errorf("%q go by way of %s, want %s", tt.tenants, got, tt.by)
		}
	}
}

func TestSolveRefusesDowngrades(t *testing.T) {
	t.Parallel()
	c := &schema.Compatibility{Unlisted: schema.UnlistedAllow}
	_, err := Solve(fleet(c, "0.3.0 0.2.1", "0.3.0 0.2.1", "0.2.1 0.3.0"))
	var down *DowngradeError
	if !errors.As(err, &down) {
		t.Fatalf("err = %v", err)
	}
	var named []string
	for _, r := range down.Releases {
		named = append(named, r.Address)
	}
	if diff := cmp.Diff([]string{"system", "tenant.a"}, named); diff != "" {
		t.Error(diff)
	}
	for _, word := range []string{"system", "0.3.0", "0.2.1", "1 more", "`soctalk rollback RUN`"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not mention %s", err, word)
		}
	}
}

// Build metadata does not make another version, but the hop goes to the chart
// that was asked for.
func TestSolveKeepsBuildMetadata(t *testing.T) {
	t.Parallel()
	c := &schema.Compatibility{Unlisted: schema.UnlistedAllow}
	path, err := Solve(fleet(c, "1.0.0 2.0.0", "1.0.0+a 2.0.0+x", "1.0.0+b 2.0.0+y", "2.0.0+x 2.0.0+y"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"system stays", "system 1.0.0 → 2.0.0; tenant.a 1.0.0+a → 2.0.0+x; tenant.b 1.0.0+b → 2.0.0+y"}
	if diff := cmp.Diff(want, path.lines()); diff != "" {
		t.Errorf("path (-want +got):\n%s", diff)
	}
}
