package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
	"pgregory.net/rapid"
)

var versions = []string{"0.1.0", "0.2.0", "0.3.0"}

// verdicts is a random, complete matrix, read by the checker on its own.
type verdicts map[[2]string]schema.Status

// Whatever the fleet, the matrix and what is live: a plan that can be applied
// has no interleaving in which a forbidden pair is live, moves the system
// first, and moves every tenant that is not where it should be.
func TestApplyablePlansAreLegal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.SampledFrom(versions)
		w := newWorld(version.Draw(t, "system live"), version.Draw(t, "system wanted"))
		matrix := verdicts{}
		for _, s := range versions {
			for _, v := range versions {
				status := rapid.SampledFrom([]schema.Status{schema.Supported, schema.Supported, schema.Deprecated, schema.Blocked}).Draw(t, "pair")
				matrix[[2]string{s, v}] = status
				w.fleet.Compatibility.Matrix = append(w.fleet.Compatibility.Matrix, schema.Pair{System: semver.MustParse(s), Tenant: semver.MustParse(v), Status: status, Source: schema.Source{Block: line("pair", 1)}})
			}
		}
		n := rapid.IntRange(0, 4).Draw(t, "tenants")
		for i := range n {
			w.tenant(fmt.Sprint("t", i), rapid.SampledFrom(append([]string{""}, versions...)).Draw(t, "live"), version.Draw(t, "wanted"))
		}
		splitWaves(t, w)
		doc := w.plan()
		if !doc.Applyable {
			return
		}
		checkMoves(t, w, doc)
		walkStates(t, doc, matrix)
	})
}

func splitWaves(t *rapid.T, w *world) {
	all := w.fleet.Rollout.Waves[0].Tenants
	cut := rapid.IntRange(0, len(all)).Draw(t, "first wave")
	w.fleet.Rollout.Waves = []*schema.Wave{{Name: "first", Tenants: all[:cut], MaxParallel: 1}, {Name: "rest", Tenants: all[cut:], MaxParallel: 2}}
}

func checkMoves(t *rapid.T, w *world, doc *Document) {
	for _, r := range doc.Releases {
		moves := slices.ContainsFunc(doc.Steps, func(s Step) bool {
			return s.Address == r.Address && (s.Kind == StepUpgrade || s.Kind == StepInstall)
		})
		if moves != (r.From != r.To) {
			t.Fatalf("%s goes from %q to %q, and moves = %v", r.Address, r.From, r.To, moves)
		}
		if r.From != "" && semver.MustParse(r.To).LessThan(semver.MustParse(r.From)) {
			t.Fatalf("%s is downgraded from %s to %s", r.Address, r.From, r.To)
		}
	}
}

// walkStates visits every state that any order of steps can reach.
func walkStates(t *rapid.T, doc *Document, matrix verdicts) {
	start := map[string]string{}
	for _, r := range doc.Releases {
		start[r.Address] = r.From
	}
	seen := map[string]bool{}
	var visit func(done map[string]bool, state map[string]string)
	visit = func(done map[string]bool, state map[string]string) {
		key := fmt.Sprint(done)
		if seen[key] {
			return
		}
		seen[key] = true
		for _, s := range doc.Steps {
			if done[s.ID] || slices.ContainsFunc(s.Needs, func(n string) bool { return !done[n] }) {
				continue
			}
			next := map[string]string{}
			for k, v := range state {
				next[k] = v
			}
			if s.Kind == StepUpgrade || s.Kind == StepInstall {
				next[s.Address] = s.To
				checkState(t, start, next, matrix, s.ID)
			}
			after := map[string]bool{s.ID: true}
			for k := range done {
				after[k] = true
			}
			visit(after, next)
		}
	}
	visit(map[string]bool{}, start)
}

// checkState lets a pair pass that was live before the plan was made: it is for
// the plan to leave it, not to have prevented it.
func checkState(t *rapid.T, start, state map[string]string, matrix verdicts, step string) {
	for address, v := range state {
		inherited := state["system"] == start["system"] && v == start[address]
		if address == "system" || v == "" || inherited {
			continue
		}
		if matrix[[2]string{state["system"], v}] == schema.Blocked {
			t.Fatalf("after %s, %s runs %s beside system %s, which is blocked", step, address, v, state["system"])
		}
	}
}

// The number of edges grows with the tenants, not with their square.
func TestEdgesAreLinear(t *testing.T) {
	t.Parallel()
	edges := func(n int) int {
		w := newWorld("0.2.0", "0.2.1")
		for i := range n {
			w.tenant(fmt.Sprint("t", i), "0.2.0", "0.2.1")
		}
		all := w.fleet.Rollout.Waves[0].Tenants
		w.fleet.Rollout.Waves = []*schema.Wave{{Name: "first", Tenants: all[:n/2]}, {Name: "rest", Tenants: all[n/2:]}}
		total := 0
		for _, s := range w.plan().Steps {
			total += len(s.Needs)
		}
		return total
	}
	if small, large := edges(100), edges(1000); large > 11*small {
		t.Errorf("%d edges for 100 tenants, %d for 1,000", small, large)
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld("0.2.0", "0.2.1")
			for i := range n {
				w.tenant(fmt.Sprintf("t%05d", i), "0.2.0", "0.2.1")
			}
			b.ReportAllocs()
			for b.Loop() {
				if doc := w.plan(); len(doc.Classes) != 2 {
					b.Fatalf("%d classes", len(doc.Classes))
				}
			}
		})
	}
}
