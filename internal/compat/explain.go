package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// ConstraintKind says what forbids a path.
type ConstraintKind string

// The kinds of constraint.
const (
	PinSystem  ConstraintKind = "system"  // the system has to get to its target
	PinTenants ConstraintKind = "tenants" // so have some tenants
	Stopped    ConstraintKind = "stop"    // a version may not be jumped over
	Pairs      ConstraintKind = "pairs"   // pairs of versions are forbidden
)

// Constraint is one thing among those that together leave no path.
type Constraint struct {
	Kind ConstraintKind
	// Text is one sentence.
	Text   string
	Source schema.Source
	// Tenants are the addresses that a pin is about.
	Tenants []string
	Stop    *schema.Stop
	// Pairs are those that are forbidden for one and the same reason. Others
	// may be, too, but do not matter.
	Pairs []Verdict
}

// NoPathError says why there is no legal path. Its constraints are irreducible:
// they leave no path even if nothing else were forbidden, and without any one
// of them, or any single pair of one, nothing but the rest of them would. To be
// without a constraint means: without the tenants of a pin; with the system free
// to end at any version up to its target; with a stop that may be jumped over;
// with a pair allowed.
type NoPathError struct {
	Constraints []Constraint
	// Others counts the tenants that are not named by the constraints and have
	// no path either, even if they were alone with the system.
	Others int
	// Suggestions are sentences. Each names one change that would open a path
	// for the releases that the constraints name.
	Suggestions []string
}

func (e *NoPathError) Error() string {
	lines := []string{"there is no legal path from the live versions to the wanted ones:"}
	for _, c := range e.Constraints {
		lines = append(lines, "- "+c.Text)
	}
	if e.Others > 0 {
		lines = append(lines, fmt.Sprintf("%d more tenants have no path either.", e.Others))
	}
	return strings.Join(append(lines, e.Suggestions...), "\n")
}

// limit is the smallest thing that can be taken away from a problem. Exactly
// one of its pointers is set, or none for the system's pin.
type limit struct {
	class *class
	stop  *schema.Stop
	pair  *[2]int // system and tenant version
}

func explain(p *Problem, g *grid) *NoPathError {
	all := g.limits()
	limits := irreducible(all, func(kept []limit) bool { return !g.only(kept) })
	return &NoPathError{Constraints: constraints(p, g, limits), Others: g.others(all, limits), Suggestions: suggest(p, g, limits)}
}

// others counts the tenants outside of an explanation that have no path alone.
func (g *grid) others(all, named []limit) int {
	if !slices.ContainsFunc(named, func(l limit) bool { return l.class != nil }) {
		return 0 // it is the system that has none
	}
	n := 0
	var shared []limit
	for _, l := range all {
		if l.class == nil {
			shared = append(shared, l)
		}
	}
	for _, l := range all {
		if l.class != nil && !slices.Contains(named, l) && !g.only(append(shared, l)) {
			n += len(l.class.members)
		}
	}
	return n
}

// limits lists everything that may be in the way, what best explains it to a
// person first.
func (g *grid) limits() []limit {
	var all []limit
	classes := slices.Clone(g.classes)
	slices.SortStableFunc(classes, func(a, b class) int { return cmp.Compare(len(b.members), len(a.members)) })
	for i := range classes {
		all = append(all, limit{class: &classes[i]})
	}
	all = append(all, limit{})
	stops := slices.Clone(g.stops) // the order of files and blocks never matters
	slices.SortStableFunc(stops, func(a, b schema.Stop) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), a.Version.Compare(b.Version))
	})
	for i := range stops {
		all = append(all, limit{stop: &stops[i]})
	}
	for _, basis := range []Basis{ByMatrix, ByRule, ByUnlisted, ByOrder} {
		for s, row := range g.verdicts {
			for t, v := range row {
				if v.Status == schema.Blocked && v.Basis == basis {
					all = append(all, limit{pair: &[2]int{s, t}})
				}
			}
		}
	}
	return all
}

// only says whether there is a path when nothing but the kept limits counts.
func (g *grid) only(kept []limit) bool {
	free := &grid{systems: g.systems, tenants: g.tenants, passable: g.passable, inherited: g.inherited, verdicts: g.verdicts}
	for range g.systems {
		free.enter = append(free.enter, make([]cost, len(g.tenants)))
	}
	first, last := 0, len(g.systems)-1
	for _, l := range kept {
		switch {
		case l.class != nil:
			free.classes = append(free.classes, *l.class)
		case l.stop != nil:
			free.stops = append(free.stops, *l.stop)
		case l.pair != nil:
			free.enter[l.pair[0]][l.pair[1]] = never
		default:
			first = last
		}
	}
	free.setReach()
	for end := last; end >= first; end-- {
		if newSearch(free, end).find() != nil {
			return true
		}
	}
	return false
}

// constraints puts limits into words, pairs of one origin together.
func constraints(p *Problem, g *grid, limits []limit) []Constraint {
	type origin struct {
		line  string
		basis Basis
	}
	var out []Constraint
	byOrigin := map[origin]int{}
	for _, l := range limits {
		switch {
		case l.class != nil:
			out = append(out, Constraint{Kind: PinTenants, Text: way(l.class.name(), l.class.members[0]), Source: l.class.members[0].Source, Tenants: l.class.addresses()})
		case l.stop != nil:
			out = append(out, Constraint{Kind: Stopped, Source: l.stop.Source, Stop: l.stop, Text: fmt.Sprintf("No upgrade of a %s may jump over %s, which is a stop.", l.stop.Component, l.stop.Version)})
		case l.pair != nil:
			v := g.verdicts[l.pair[0]][l.pair[1]]
			from := origin{v.Source.Block.String(), v.Basis}
			if v.Basis == ByMatrix {
				from.line = v.System.String() + " " + v.Tenant.String() // each entry has a line of its own
			}
			i, known := byOrigin[from]
			if !known {
				i = len(out)
				byOrigin[from] = i
				out = append(out, Constraint{Kind: Pairs, Source: v.Source})
			}
			out[i].Pairs = append(out[i].Pairs, v)
		default:
			out = append(out, Constraint{Kind: PinSystem, Text: way("The system", p.System), Source: p.System.Source})
		}
	}
	for i := range out {
		if out[i].Kind == Pairs {
			out[i].Text = pairsText(out[i].Pairs)
		}
	}
	return out
}

func pairsText(pairs []Verdict) string {
	var named []string
	for _, v := range pairs {
		named = append(named, fmt.Sprintf("system %s with tenant %s", v.System, v.Tenant))
	}
	return fmt.Sprintf("No %s: %s.", enumerate(named, "or"), pairs[0].Why)
}

// name names tenants without growing with their number.
func (c *class) name() string {
	var named []string
	for _, m := range c.members[:min(3, len(c.members))] {
		named = append(named, m.Address)
	}
	if more := len(c.members) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	return enumerate(named, "and")
}

func way(who string, r Release) string {
	switch {
	case r.Live == nil:
		return fmt.Sprintf("%s: to be installed at %s.", who, r.Target)
	case r.Live.Equal(r.Target):
		return fmt.Sprintf("%s: to stay at %s.", who, r.Live)
	}
	return fmt.Sprintf("%s: to get from %s to %s.", who, r.Live, r.Target)
}

func enumerate(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + last + " " + list[len(list)-1]
}
