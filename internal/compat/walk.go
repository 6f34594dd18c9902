package compat

// path spells out what everyone does while the system goes its way.
func (g *grid) path(way []int) *Path {
	p := &Path{Phases: make([]Phase, len(way))}
	number := 0
	for k, s := range way {
		ph := &p.Phases[k]
		ph.Version = g.systems[s]
		if k == 0 && (g.inherited || ph.Version == nil) {
			continue
		}
		ph.System = &Hop{Number: number, To: ph.Version}
		if k > 0 {
			ph.System.From = g.systems[way[k-1]]
		}
		number++
	}
	stands := make([][][]int, len(g.classes))
	for i, c := range g.classes {
		stands[i] = g.walk(c, way)
		p.Classes = append(p.Classes, Class{Live: c.members[0].Live, Target: c.members[0].Target, Tenants: c.addresses()})
		for k, in := range stands[i] {
			for j := 1; j < len(in); j++ {
				p.hop(i, k, g.hop(&p.Classes[i], c, in[j-1], in[j]))
			}
		}
	}
	p.Skews = g.skews(way, stands)
	return p
}

func (p *Path) hop(class, phase int, h Hop) {
	p.Classes[class].Hops = append(p.Classes[class].Hops, h)
	p.Phases[phase].Hops = append(p.Phases[phase].Hops, ClassHop{class, h})
}

// hop names the class's own ends as they were given: they may carry build
// metadata, which the grid does not tell apart.
func (g *grid) hop(out *Class, c class, from, to int) Hop {
	h := Hop{Number: len(out.Hops), From: g.tenants[from], To: g.tenants[to]}
	if from == c.start {
		h.From = out.Live
	}
	if to == c.goal {
		h.To = out.Target
	}
	return h
}

// walk returns, by phase, the tenant versions that a class stands at, in order.
func (g *grid) walk(c class, way []int) [][]int {
	last := len(way) - 1
	rest := func(k, t int, rows [][]cost) cost {
		if k == last {
			return arrived(t == c.goal)
		}
		return g.enter[way[k+1]][t].plus(rows[k+1][t])
	}
	rows := make([][]cost, len(way))
	for k := last; k >= 0; k-- {
		rows[k] = g.row(way[k], c.goal, func(t int) cost { return rest(k, t, rows) })
	}
	stands := make([][]int, len(way))
	t := c.start
	for k, s := range way {
		stands[k] = []int{t}
		for rest(k, t, rows) != rows[k][t] {
			t = g.best(s, t, c.goal, rows[k])
			stands[k] = append(stands[k], t)
		}
	}
	return stands
}

// best returns the most preferred of the cheapest hops.
func (g *grid) best(system, from, goal int, row []cost) int {
	for _, to := range preferred(g.tenants, from+1, goal) {
		if g.hops(from, to, goal) && oneHop.plus(g.enter[system][to]).plus(row[to]) == row[from] {
			return to
		}
	}
	panic("compat: a row's cost comes from nowhere")
}
