package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// tenFleet has tenants t0 to t9, of which t0 and t1 are internal.
const tenFleet = base + `
tenant "f" {
  for_each = { for i in range(10) : "t${i}" => i < 2 ? "internal" : "gold" }
  chart    = "oci://h/t"
  version  = "0.2.1"
  labels   = { tier = each.value }
}
`

func TestWaves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, rollout, want string }{
		{"none", "", "rest: 0 1 2 3 4 5 6 7 8 9"},
		{"empty rollout", "rollout {}", "rest: 0 1 2 3 4 5 6 7 8 9"},
		{"by name", "rollout {\n wave \"a\" {\n tenants = [\"t3\", \"t1\"]\n }\n}", "a: 1 3, rest: 0 2 4 5 6 7 8 9"},
		{"by label", "rollout {\n wave \"a\" {\n match = { tier = \"internal\" }\n }\n}", "a: 0 1, rest: 2 3 4 5 6 7 8 9"},
		{"share, rounded up", "rollout {\n wave \"a\" {\n percent = 11\n }\n}", "a: 0 1, rest: 2 3 4 5 6 7 8 9"},
		{"share of the rest", "rollout {\n wave \"a\" {\n percent = 50\n }\n wave \"b\" {\n percent = 50\n }\n}", "a: 0 1 2 3 4, b: 5 6 7, rest: 8 9"},
		{"name, label and share", "rollout {\n wave \"a\" {\n tenants = [\"t9\"]\n match = { tier = \"internal\" }\n percent = 10\n }\n}", "a: 0 1 2 9, rest: 3 4 5 6 7 8"},
		{"a name is kept for its wave", "rollout {\n wave \"a\" {\n match = { tier = \"internal\" }\n }\n wave \"b\" {\n tenants = [\"t0\"]\n }\n}", "a: 1, b: 0, rest: 2 3 4 5 6 7 8 9"},
		{"explicit rest", "rollout {\n wave \"a\" {\n percent = 100\n }\n wave \"rest\" {}\n}", "a: 0 1 2 3 4 5 6 7 8 9, rest:"},
		{"rest under another name", "rollout {\n wave \"all\" {}\n}", "all: 0 1 2 3 4 5 6 7 8 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := load(t, tenFleet+c.rollout, Options{})
			var got []string
			seen := 0
			for _, w := range f.Rollout.Waves {
				line := w.Name + ":"
				for _, a := range w.Tenants {
					line += " " + strings.TrimSuffix(strings.TrimPrefix(a, `tenant.f["t`), `"]`)
				}
				seen += len(w.Tenants)
				got = append(got, line)
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got %s\nwant %s", s, c.want)
			}
			if seen != 10 {
				t.Errorf("%d tenants are in waves", seen)
			}
		})
	}
}

func TestWaveMistakes(t *testing.T) {
	t.Parallel()
	has(t, mistakes(t, tenFleet+`
rollout {
  max_parallel = 2
  wave "a" {
    tenants      = ["t1", "t11"]
    max_parallel = 5
  }
  wave "b" { tenants = ["t1"] }
  wave "rest" { percent = 5 }
  wave "a" {}
}`, Options{}),
		`There is no tenant with the slug "t11". Did you mean`,
		`The tenant "t1" is already in wave "a"`,
		`The rollout allows 2 at the same time, so the wave's 5 is never reached.`,
		`The wave "rest" takes everything left, so it cannot select.`,
		`A wave named "a" was already declared at`)
	has(t, mistakes(t, tenFleet+`
rollout {
  wave "none" { match = { tier = "platinum" } }
  wave "all" {}
  wave "late" { percent = 10 }
}`, Options{}),
		"warning", "Wave that nobody can be in; No tenant that is left has these labels.",
		`Wave "all", before it, takes everything that is left.`)
}

func TestBudget(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Budget{"2": {Count: 2}, `"2"`: {Count: 2}, `"5%"`: {Percent: 5, IsPercent: true}, `"100%"`: {Percent: 100, IsPercent: true}, "0": {}} {
		f := load(t, base+"rollout {\n  max_failures = "+text+"\n}\n", Options{})
		if f.Rollout.MaxFailures != want {
			t.Errorf("%s: %+v", text, f.Rollout.MaxFailures)
		}
	}
	for _, text := range []string{"-1", "1.5", `"101%"`, `"-1%"`, `"5 %"`, `"many"`, "[]", "true"} {
		has(t, mistakes(t, base+"rollout {\n  max_failures = "+text+"\n}\n", Options{}), "Invalid value for max_failures")
	}
}

// TestManyEqualMistakes expects one message for ten thousand tenants.
func TestManyEqualMistakes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "t%05d: {}\n", i)
	}
	_, diags := Load(folder(t, "-- m.hcl --\n"+base+`
tenant "f" {
  for_each = yamldecode(file("t.yaml"))
  chart    = "oci://h/t"
  version  = each.value.version
  timeout  = "x${each.key}"
}
-- t.yaml --
`+b.String()), Options{})
	if len(diags) != 2 {
		t.Fatalf("%d messages: %s", len(diags), messages(diags[:3]))
	}
	got := messages(diags)
	has(t, got, `This is about tenant.f["t00000"]; 9999 more have the same: tenant.f["t00001"], tenant.f["t00002"]`, "and 9994 more.")
	if !slices.IsSortedFunc(diags, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Line - b.Subject.Start.Line }) {
		t.Error("not in order of lines")
	}
}
