package compat

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/soctalk/fleet/schema"
)

// seenSkew is a skew in plain numbers.
type seenSkew struct {
	Phase, System, Tenant, Tenants, Hops int
	Inherited, Stays                     bool
}

// The skews of a path are the deprecated and inherited pairs that are met when
// its hops are made in every order, and last as long as they do in the worst.
func TestSkewsAgainstEveryOrder(t *testing.T) {
	t.Parallel()
	met := 0
	for seed := range uint64(3_000) {
		m := randomModel(rand.New(rand.NewPCG(seed, 4)), 5, 3)
		path, err := Solve(m.problem())
		if err != nil {
			continue
		}
		got := []seenSkew{}
		for _, s := range path.Skews {
			got = append(got, seenSkew{s.Phase, number(s.System), number(s.Tenant), s.Tenants, s.Hops, s.Inherited, s.Stays})
		}
		want := m.worstSkews(path)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: %q\nskews (-want +got):\n%s", seed, path.lines(), diff)
		}
		met += len(got)
	}
	if met < 1000 {
		t.Errorf("only %d skews", met)
	}
}

func (m *model) worstSkews(p *Path) []seenSkew {
	var out []seenSkew
	at, member := m.startOf(p)
	for k, ph := range p.Phases {
		system := number(ph.Version)
		todo := make([][]int, len(at))
		total := 0
		for _, h := range ph.Hops {
			for _, i := range member[h.Class] {
				todo[i] = append(todo[i], number(h.To))
				total++
			}
		}
		for v := 1; v <= m.tenants; v++ {
			if m.allowed(system, v) && m.risk(system, v) == 0 || system == none {
				continue
			}
			s := seenSkew{Phase: k, System: system, Tenant: v}
			for i := range at {
				stands := append([]int{at[i]}, todo[i]...)
				if !slices.Contains(stands, v) {
					continue
				}
				s.Tenants++
				s.Inherited = s.Inherited || k == 0 && at[i] == v && m.system[0] != none
				s.Stays = s.Stays || k == len(p.Phases)-1 && stands[len(stands)-1] == v
			}
			if s.Tenants == 0 {
				continue
			}
			if !s.Stays {
				s.Hops = longest(v, at, todo, total)
			}
			out = append(out, s)
		}
		for i, hops := range todo {
			if len(hops) > 0 {
				at[i] = hops[len(hops)-1]
			}
		}
	}
	return out
}

// longest makes hops in every order and returns the most hops from the one that
// brings a version about to the one that takes the last of it away; the
// system's next hop takes all away.
func longest(v int, at []int, todo [][]int, total int) int {
	worst := 0
	now := slices.Clone(at)
	done := make([]int, len(at))
	var walk func(made, first, last int)
	walk = func(made, first, last int) {
		if slices.Contains(now, v) {
			first, last = min(first, made), made+1
		}
		if made == total {
			if first <= total {
				worst = max(worst, last-first)
			}
			return
		}
		for i := range todo {
			if done[i] < len(todo[i]) {
				before := now[i]
				now[i] = todo[i][done[i]]
				done[i]++
				walk(made+1, first, last)
				done[i]--
				now[i] = before
			}
		}
	}
	walk(0, total+1, 0)
	return worst
}

// A pair that a class keeps is told of once, however many classes share it.
func TestSkewsJoinClasses(t *testing.T) {
	t.Parallel()
	c := &schema.Compatibility{Unlisted: schema.UnlistedWarn}
	path, err := Solve(fleet(c, "1.0.0 2.0.0", "1.0.0 2.0.0", "1.0.0 1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	last := path.Skews[len(path.Skews)-2]
	if last.Tenant.String() != "1.0.0" || !slices.Equal(last.Classes, []int{0, 1}) || last.Tenants != 2 || !last.Stays {
		t.Errorf("skew %+v", last)
	}
}
