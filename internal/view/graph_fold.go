package view

import (
	"cmp"
	"slices"
	"strings"

	"github.com/soctalk/fleet/plan"
)

const (
	// Tenants of a wave that do the same are one node when they are more.
	mostAlike = 3
	// A wave shows at most this many nodes of tenants, fewer in a plan of many
	// waves, so that all of it stays within what graph tools draw.
	mostTurns     = 12
	mostTurnsPlan = 160
)

// fold makes nodes of a wave's tenants: those that do the same together, and
// the rarest together too when there are too many.
func (b *graphBuilder) fold(turns []*turn, most int) {
	var groups [][]*turn
	bySteps := map[string]int{}
	for _, t := range turns {
		key := strings.Join(t.lines(), "\n")
		i, known := bySteps[key]
		if !known {
			i = len(groups)
			bySteps[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	// One node a group, or one a tenant where that is as readable.
	var nodes [][]*turn
	for _, g := range groups {
		if len(g) > mostAlike {
			nodes = append(nodes, g)
			continue
		}
		for _, t := range g {
			nodes = append(nodes, []*turn{t})
		}
	}
	var rest []*turn
	if len(nodes) > most {
		nodes = groups
	}
	if len(nodes) > most {
		slices.SortStableFunc(nodes, func(x, y []*turn) int { return cmp.Compare(len(y), len(x)) })
		rest = slices.Concat(nodes[most-1:]...)
		nodes = nodes[:most-1]
	}
	for _, n := range nodes {
		b.addTurns(n, n[0].lines())
	}
	if len(rest) > 0 {
		b.addTurns(rest, []string{plural(len(groups)-len(nodes), "kind") + " of change"})
	}
}

func (b *graphBuilder) addTurns(turns []*turn, lines []string) {
	title := b.name(turns[0].address)
	if len(turns) > 1 {
		title = plural(len(turns), "tenant")
	}
	n := graphNode{kind: turns[0].kind(), lines: append([]string{title}, lines...)}
	for _, t := range turns {
		n.noReturn = n.noReturn || slices.Contains(t.steps, b.danger)
		if len(turns) > 1 {
			n.tenants = append(n.tenants, b.name(t.address))
		}
	}
	id := b.add(n)
	for _, t := range turns {
		for _, s := range t.steps {
			b.g.byStep[s.ID] = id
		}
	}
}

// lines say what a tenant's steps do, its name left out.
func (t *turn) lines() []string {
	var lines []string
	for _, s := range t.steps {
		if s.Kind == plan.StepVerify && !lasts(s.Settle) && len(s.Checks) == 0 {
			continue
		}
		text := stepLine(s)
		if companion, ok := strings.CutPrefix(s.Address, s.Tenant+"."); ok {
			text = clean(companion) + ": " + text
		}
		lines = append(lines, text)
	}
	return lines
}
