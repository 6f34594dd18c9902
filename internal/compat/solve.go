package compat

// Solve returns the shortest legal path of a fleet: the one with the fewest
// hops of the system; of those, with the fewest hops of all tenants together;
// of those, with the fewest tenants in deprecated pairs, each counted in every
// phase that it is in one; of those, the one whose system versions are newest,
// the first difference deciding, with prereleases last. Tenants move as late as
// they can without making the path worse: the system goes first.
//
// On a legal path no order of a phase's hops, and no tenant that stays behind,
// brings about a forbidden pair, provided that the system's next hop waits for
// all of them. Within a phase the system does not move, so a tenant whose hop
// fails can stay at, or go back to, any version that it had in the phase: it
// stood beside that same system there. What is not allowed is to move the
// system on while a tenant is behind: its old version need not be legal beside
// the next system. Somebody who wants to go on without it must [Rate] the pair
// first, and plan again.
//
// A forbidden pair that is live already may be left, or stay as it is; it is
// never entered.
//
// The error is a [*DowngradeError] or a [*NoPathError].
func Solve(p Problem) (*Path, error) {
	if down := p.downgrades(); len(down) > 0 {
		return nil, &DowngradeError{down}
	}
	g, way := p.search()
	if way == nil {
		return nil, explain(&p, g)
	}
	return g.path(way), nil
}

func (p *Problem) search() (*grid, []int) {
	g := newGrid(p)
	return g, newSearch(g, len(g.systems)-1).find()
}
