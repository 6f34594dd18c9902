package compat

import (
	"cmp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// absent is the tenant version, as an index, of what is not installed.
const absent = 0

// grid holds every pair of versions that a fleet can pass through. Versions are
// indexes here; the higher, the newer.
type grid struct {
	systems  []*semver.Version // from live to target; nil where there is no system
	tenants  []*semver.Version // [absent] is nil
	verdicts [][]Verdict       // by system and tenant
	enter    [][]cost          // what it costs to get to a pair; never where forbidden
	// passable tells the tenant versions that need not be a target.
	passable []bool
	stops    []schema.Stop
	// systemReach and tenantReach hold the newest version that one hop gets
	// to without jumping over a stop.
	systemReach, tenantReach []int
	// inherited is false where the system gets installed: then the tenants'
	// first pairs are not live yet.
	inherited bool
	classes   []class
}

// class is tenants with the same way to go.
type class struct {
	start, goal int
	members     []Release // by address
}

func (c *class) addresses() []string {
	out := make([]string, len(c.members))
	for i, m := range c.members {
		out[i] = m.Address
	}
	return out
}

func newGrid(p *Problem) *grid {
	g := &grid{inherited: p.System.Live != nil, stops: p.Compatibility.Stops}
	g.systems = systemVersions(p)
	g.tenants = append([]*semver.Version{nil}, p.Known(schema.ComponentTenant)...)
	g.passable = make([]bool, len(g.tenants))
	for t, v := range g.tenants {
		g.passable[t] = v != nil && p.exists(schema.ComponentTenant, v)
	}
	g.classify(p.Tenants)
	g.rate(p.Compatibility)
	g.setReach()
	return g
}

// systemVersions returns what the system may run on its way. An install goes
// straight to its target: an empty database gains nothing from a detour.
func systemVersions(p *Problem) []*semver.Version {
	live, target := p.System.Live, p.System.Target
	if live == nil || target == nil || live.Equal(target) {
		return []*semver.Version{target}
	}
	versions := []*semver.Version{live}
	for _, v := range p.Known(schema.ComponentSystem) {
		if v.GreaterThan(live) && v.LessThan(target) && p.exists(schema.ComponentSystem, v) {
			versions = append(versions, v)
		}
	}
	return append(versions, target)
}

func (g *grid) classify(tenants []Release) {
	type ends struct{ live, target string }
	byEnds := map[ends]*class{}
	for _, r := range tenants {
		if r.Target == nil {
			continue // stays uninstalled
		}
		e := ends{target: r.Target.Original()}
		if r.Live != nil {
			e.live = r.Live.Original()
		}
		c := byEnds[e]
		if c == nil {
			c = &class{start: g.tenant(r.Live), goal: g.tenant(r.Target)}
			byEnds[e] = c
		}
		c.members = append(c.members, r)
	}
	for _, c := range byEnds {
		slices.SortFunc(c.members, func(a, b Release) int { return strings.Compare(a.Address, b.Address) })
		g.classes = append(g.classes, *c)
	}
	slices.SortFunc(g.classes, func(a, b class) int {
		return cmp.Or(a.start-b.start, a.goal-b.goal, strings.Compare(a.members[0].Address, b.members[0].Address))
	})
}

func (g *grid) tenant(v *semver.Version) int {
	if v == nil {
		return absent
	}
	t, _ := slices.BinarySearchFunc(g.tenants[1:], v, (*semver.Version).Compare)
	return t + 1
}

func (g *grid) rate(c *schema.Compatibility) {
	for _, s := range g.systems {
		// Only the system's own part of a long matrix.
		own := *c
		own.Matrix = slices.DeleteFunc(slices.Clone(c.Matrix), func(p schema.Pair) bool { return s == nil || !p.System.Equal(s) })
		verdicts, enter := make([]Verdict, len(g.tenants)), make([]cost, len(g.tenants))
		for t, v := range g.tenants {
			if s == nil || v == nil {
				continue // half a pair harms nobody
			}
			verdicts[t] = Rate(&own, s, v)
			switch verdicts[t].Status {
			case schema.Blocked:
				enter[t] = never
			case schema.Deprecated:
				enter[t] = cost{risk: 1}
			}
		}
		g.verdicts, g.enter = append(g.verdicts, verdicts), append(g.enter, enter)
	}
}

func (g *grid) setReach() {
	g.systemReach = g.reach(schema.ComponentSystem, g.systems)
	g.tenantReach = g.reach(schema.ComponentTenant, g.tenants)
}

func (g *grid) reach(component schema.Component, versions []*semver.Version) []int {
	reach := make([]int, len(versions))
	for from, v := range versions {
		reach[from] = len(versions) - 1
		for v != nil && reach[from] > from && g.jumps(component, v, versions[reach[from]]) {
			reach[from]--
		}
	}
	return reach
}

func (g *grid) jumps(component schema.Component, from, to *semver.Version) bool {
	return len(Jumped(&schema.Compatibility{Stops: g.stops}, component, from, to)) > 0
}

// hops says whether a tenant on its way to a goal may go from one version to
// another in one hop. An install goes straight to its goal.
func (g *grid) hops(from, to, goal int) bool {
	if from == absent {
		return to == goal
	}
	return to <= g.tenantReach[from] && (to == goal || g.passable[to])
}

// begin is what it costs a class to be where it is: nothing when that is so
// already, however bad it is.
func (g *grid) begin(c class) cost {
	if g.inherited {
		return cost{}
	}
	return g.enter[0][c.start]
}

// preferred orders versions that are equally good: the newest first, but
// prereleases after everything else.
func preferred(versions []*semver.Version, from, to int) []int {
	var order, later []int
	for i := to; i >= from; i-- {
		if versions[i].Prerelease() == "" {
			order = append(order, i)
		} else {
			later = append(later, i)
		}
	}
	return append(order, later...)
}
