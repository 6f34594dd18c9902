package compat

import "math"

// cost is what a way costs beside the system's own hops.
type cost struct {
	hops int // of tenants
	risk int // tenants in a deprecated pair, times phases
}

// never is the cost of what is not possible.
var never = cost{hops: math.MaxInt32}

var oneHop = cost{hops: 1}

func (c cost) possible() bool { return c.hops < never.hops }

func (c cost) less(d cost) bool { return c.hops < d.hops || c.hops == d.hops && c.risk < d.risk }

func (c cost) plus(d cost) cost {
	if !c.possible() || !d.possible() {
		return never
	}
	return cost{c.hops + d.hops, c.risk + d.risk}
}

func (c cost) times(n int) cost {
	if !c.possible() {
		return never
	}
	return cost{c.hops * n, c.risk * n}
}

func least(c, d cost) cost {
	if d.less(c) {
		return d
	}
	return c
}

// search finds the cheapest way of the system from the grid's first version to
// its last. Classes are independent of each other once the system's way is
// known, so it walks over the system's ways alone: depth first, for each number
// of hops, carrying along what each class would have to pay to be at each of
// its versions. It turns back where the classes could not do better than the
// best way found even if each could choose the rest of the system's way for
// itself (that bound comes from togo and is exact for a single class), and where
// it has been before with no higher costs.
//
// With rules that let every tenant lag by some versions this takes polynomial
// time. In general it cannot: each class may need one of some system versions
// to be on the way, and to find the shortest way that has one for each is the
// hitting set problem.
type search struct {
	*grid
	end   int
	order [][]int // by system: where to go next, most preferred first
	// togo, by goal, number of system hops left, system and tenant version, is
	// the least that it costs a tenant to get from there to its goal.
	togo map[int][][][]cost

	length int        // how many hops the system makes
	way    []int      // the system versions passed so far
	spent  [][][]cost // by depth, class and tenant version
	seen   map[string]*visits
	best   cost
	bestBy []int
}

func newSearch(g *grid, end int) *search {
	s := &search{grid: g, end: end, togo: map[int][][][]cost{}, best: never}
	for i := range g.systems[:end+1] {
		s.order = append(s.order, preferred(g.systems, i+1, min(end, g.systemReach[i])))
	}
	s.togo[absent] = nil // what the system alone can do
	for _, c := range g.classes {
		s.togo[c.goal] = nil
	}
	return s
}

// find returns the system versions of the cheapest way, or nil.
func (s *search) find() []int {
	for s.length = 0; s.length <= s.end; s.length++ {
		s.seen = map[string]*visits{}
		s.layer()
		s.spent = append(s.spent, make([][]cost, len(s.classes)))
		for i, c := range s.classes {
			s.spent[s.length][i] = make([]cost, c.goal+1)
		}
		s.start()
		s.descend()
		if s.bestBy != nil {
			return s.bestBy
		}
	}
	return nil
}

// layer extends togo by one more hop of the system.
func (s *search) layer() {
	for goal, layers := range s.togo {
		layer := make([][]cost, s.end+1)
		for i := range layer {
			layer[i] = s.row(i, goal, func(t int) cost {
				if s.length == 0 {
					return arrived(i == s.end && t == goal)
				}
				best := never
				for _, next := range s.order[i] {
					best = least(best, s.enter[next][t].plus(layers[s.length-1][next][t]))
				}
				return best
			})
		}
		s.togo[goal] = append(layers, layer)
	}
}

func arrived(yes bool) cost {
	if yes {
		return cost{}
	}
	return never
}

// row returns, for each tenant version beside one system version, the least
// that it costs to get to a goal, given what it costs once tenants rest.
func (g *grid) row(system, goal int, rest func(tenant int) cost) []cost {
	row := make([]cost, goal+1)
	for from := goal; from >= 0; from-- {
		row[from] = rest(from)
		for to := from + 1; to <= goal; to++ {
			if g.hops(from, to, goal) {
				row[from] = least(row[from], oneHop.plus(g.enter[system][to]).plus(row[to]))
			}
		}
	}
	return row
}

// start goes back to before the system's first hop.
func (s *search) start() {
	s.way = append(s.way[:0], 0)
	for i, c := range s.classes {
		spent := s.spent[0][i]
		for t := range spent {
			spent[t] = never
		}
		spent[c.start] = s.begin(c)
		s.spread(0, c, spent)
	}
}

// spread adds what a class can get to by hops of its own.
func (s *search) spread(system int, c class, spent []cost) {
	for to := c.start + 1; to <= c.goal; to++ {
		if !s.enter[system][to].possible() {
			continue
		}
		for from := c.start; from < to; from++ {
			if spent[from].possible() && s.hops(from, to, c.goal) {
				spent[to] = least(spent[to], spent[from].plus(oneHop).plus(s.enter[system][to]))
			}
		}
	}
}

// bound is the least that any way on from here costs all classes. It forgets
// what a class has spent on getting where nothing leads on.
func (s *search) bound() cost {
	depth, system := len(s.way)-1, s.way[len(s.way)-1]
	left := s.length - depth
	if !s.togo[absent][left][system][absent].possible() {
		return never
	}
	var sum cost
	for i, c := range s.classes {
		best := never
		spent, togo := s.spent[depth][i], s.togo[c.goal][left][system]
		for t := c.start; t <= c.goal; t++ {
			if !togo[t].possible() {
				spent[t] = never // so that more visits look the same
			}
			best = least(best, spent[t].plus(togo[t]))
		}
		sum = sum.plus(best.times(len(c.members)))
		if !sum.possible() {
			return never
		}
	}
	return sum
}

// descend tries every way on from here. Of equally cheap ways the first one
// found stays: the order is that of preference.
func (s *search) descend() {
	bound := s.bound()
	if !bound.less(s.best) {
		return
	}
	depth, system := len(s.way)-1, s.way[len(s.way)-1]
	if depth == s.length {
		s.best, s.bestBy = bound, append([]int(nil), s.way...)
		return
	}
	v := s.visit(depth, system)
	if v == nil {
		return
	}
	for _, next := range s.order[system] {
		for i, c := range s.classes {
			spent := s.spent[depth+1][i]
			for t := c.start; t <= c.goal; t++ {
				spent[t] = s.spent[depth][i][t].plus(s.enter[next][t])
			}
			s.spread(next, c, spent)
		}
		s.way = append(s.way, next)
		s.descend()
		s.way = s.way[:depth+1]
	}
	v.dead = s.bestBy == nil
}
