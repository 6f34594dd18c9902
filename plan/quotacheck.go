package plan

import (
	"fmt"
	"maps"
	"slices"
)

// checkQuotas plays the hops of each namespace against its quotas. Namespaces in
// which the same goes wrong, once a tenant's identity is taken out, are told of
// together.
func (d *Draft) checkQuotas(outcomes map[string]*Outcome) {
	order, turns, moves := d.turns(outcomes)
	type group struct {
		shortage Shortage
		moves    []*Move
	}
	groups := map[string]*group{}
	for _, ns := range order {
		for _, s := range simulateQuota(ns.Name, d.observation.Bounds[ns], turns[ns], d.Scaled[ns]) {
			m := moves[s.Address]
			key := fmt.Sprint(s.Severity, s.Summary, identityOf(m).remove(s.Detail), m.System != nil, m.Companion != nil)
			if groups[key] == nil {
				groups[key] = &group{shortage: s}
			}
			groups[key].moves = append(groups[key].moves, m)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		g := groups[key]
		who := describe(g.moves[0].Release)
		if len(g.moves) > 1 {
			who = tenants(g.moves)
			g.shortage.Detail = identityOf(g.moves[0]).remove(g.shortage.Detail)
		}
		d.tell(g.shortage.Severity, g.moves[0].Release, "", g.shortage.Summary, who+": "+g.shortage.Detail)
	}
}

// turns are the hops of each namespace in the order they are made, with the
// namespaces in theirs, and the moves by address.
func (d *Draft) turns(outcomes map[string]*Outcome) (order []Namespace, turns map[Namespace][]Turn, moves map[string]*Move) {
	turns, moves = map[Namespace][]Turn{}, map[string]*Move{}
	for phase := range d.phases {
		for _, m := range d.Moves {
			moves[m.Release.Address] = m
			o := outcomes[m.Release.Address]
			for i, h := range m.Hops {
				if h.Phase != phase || h.pins || o == nil || i >= len(o.Turns) {
					continue
				}
				ns := Namespace{m.Release.Cluster, m.Release.Namespace}
				if turns[ns] == nil {
					order = append(order, ns)
				}
				turns[ns] = append(turns[ns], o.Turns[i])
			}
		}
	}
	return order, turns, moves
}
