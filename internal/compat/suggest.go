package compat

import (
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// suggest looks for single changes that open a path for the system and the
// tenants that an explanation names.
func suggest(p *Problem, g *grid, limits []limit) []string {
	named := *p
	named.Tenants = nil
	for _, l := range limits {
		if l.class != nil {
			named.Tenants = append(named.Tenants, l.class.members...)
		}
	}
	var out []string
	say := func(s string, found bool) {
		if found {
			out = append(out, s)
		}
	}
	say(named.missingCharts())
	for _, l := range limits {
		if l.pair != nil {
			say(named.unlistedPair(g.verdicts[l.pair[0]][l.pair[1]]))
		}
	}
	for _, l := range limits {
		if l.class != nil {
			say(named.otherTarget(*l.class))
		}
	}
	say(named.otherSystem())
	if len(out) == 0 && p.System.Live != nil && len(g.systems) == 2 {
		out = append(out, fmt.Sprintf("No version between system %s and %s is known: a path can only lead through what the matrix, a stop or a release block names.", p.System.Live, p.System.Target))
	}
	return out
}

func (p Problem) solvable() bool {
	_, way := p.search()
	return way != nil
}

func (p Problem) missingCharts() (string, bool) {
	all := p
	all.Exists = nil
	g, way := all.search()
	if way == nil {
		return "", false
	}
	path := g.path(way)
	var missing []string
	note := func(c schema.Component, to, target *semver.Version) {
		name := fmt.Sprintf("%s %s", c, to)
		if !to.Equal(target) && !p.exists(c, to) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	for _, ph := range path.Phases {
		if ph.System != nil {
			note(schema.ComponentSystem, ph.System.To, p.System.Target)
		}
		for _, h := range ph.Hops {
			note(schema.ComponentTenant, h.To, path.Classes[h.Class].Target)
		}
	}
	return fmt.Sprintf("There is a path by way of %s, but no chart to go there.", enumerate(missing, "and")), true
}

func (p Problem) unlistedPair(v Verdict) (string, bool) {
	if v.Basis != ByUnlisted {
		return "", false
	}
	c := *p.Compatibility
	c.Matrix = append([]schema.Pair{{System: v.System, Tenant: v.Tenant, Status: schema.Supported}}, c.Matrix...)
	p.Compatibility = &c
	return fmt.Sprintf("If system %s and tenant %s work together, list the pair in the matrix.", v.System, v.Tenant), p.solvable()
}

func (p Problem) otherTarget(c class) (string, bool) {
	ends := c.members[0]
	for _, v := range p.alternatives(schema.ComponentTenant, ends) {
		q := p
		q.Tenants = slices.Clone(p.Tenants)
		for i, r := range q.Tenants {
			if slices.ContainsFunc(c.members, func(m Release) bool { return m.Address == r.Address }) {
				q.Tenants[i].Target = v
			}
		}
		if q.solvable() {
			return fmt.Sprintf("There is a path with %s at %s instead of %s.", c.name(), v, ends.Target), true
		}
	}
	return "", false
}

func (p Problem) otherSystem() (string, bool) {
	if p.System.Target == nil {
		return "", false
	}
	for _, v := range p.alternatives(schema.ComponentSystem, p.System) {
		q := p
		q.System.Target = v
		if q.solvable() {
			return fmt.Sprintf("There is a path with the system at %s instead of %s.", v, p.System.Target), true
		}
	}
	return "", false
}

// alternatives returns the versions that a release could be asked to get to
// instead: the older ones first, from its target down, then the newer ones up.
func (p Problem) alternatives(component schema.Component, r Release) []*semver.Version {
	var older, newer []*semver.Version
	for _, v := range p.Known(component) {
		switch {
		case v.Equal(r.Target) || !p.exists(component, v) && !v.Equal(r.Live):
		case v.GreaterThan(r.Target):
			newer = append(newer, v)
		case r.Live == nil || !v.LessThan(r.Live):
			older = append(older, v)
		}
	}
	slices.Reverse(older)
	return append(older, newer...)
}
