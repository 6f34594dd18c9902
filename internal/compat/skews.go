package compat

import (
	"cmp"
	"slices"

	"github.com/soctalk/fleet/schema"
)

// skews finds the pairs to tell of, given where each class stands in each phase.
func (g *grid) skews(way []int, stands [][][]int) []Skew {
	var out []Skew
	for k, s := range way {
		total := 0
		for i, c := range g.classes {
			total += (len(stands[i][k]) - 1) * len(c.members)
		}
		byTenant := map[int]*span{}
		for i, c := range g.classes {
			in := stands[i][k]
			for j, t := range in {
				if g.verdicts[s][t].Status != schema.Deprecated && g.enter[s][t].possible() {
					continue
				}
				sp := byTenant[t]
				if sp == nil {
					sp = &span{first: j}
					byTenant[t] = sp
				}
				sp.add(i, len(c.members), j, total-(len(in)-1-j)+1)
				sp.inherited = sp.inherited || k == 0 && j == 0 && g.inherited
				sp.stays = sp.stays || k == len(way)-1 && j == len(in)-1
			}
		}
		for t, sp := range byTenant {
			skew := Skew{Verdict: g.verdicts[s][t], Phase: k, Classes: sp.classes, Tenants: sp.tenants, Inherited: sp.inherited, Stays: sp.stays}
			if !sp.stays {
				skew.Hops = sp.last - sp.first
			}
			out = append(out, skew)
		}
	}
	slices.SortFunc(out, func(a, b Skew) int { return cmp.Or(a.Phase-b.Phase, a.Tenant.Compare(b.Tenant)) })
	return out
}

// span is the hops of a phase that a pair may outlast, counted from its
// system's hop, which is 0. A tenant that has j hops behind it got there by the
// phase's hop j at the earliest; one that has n more to make in the phase
// leaves by its n-th from last at the latest, and one that has none, by the
// system's next hop.
type span struct {
	classes          []int
	tenants          int
	first, last      int
	inherited, stays bool
}

func (s *span) add(class, tenants, first, last int) {
	s.classes = append(s.classes, class)
	s.tenants += tenants
	s.first, s.last = min(s.first, first), max(s.last, last)
}
