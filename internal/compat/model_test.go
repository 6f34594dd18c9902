package compat

import (
	"fmt"
	"math/rand/v2"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// none is the version, as a number, of what is not installed.
const none = 0

// model is a small fleet in plain numbers: version n is 0.n.0. It is written
// out as a Problem for the solver; everything else in the tests reads the model
// alone and shares no code with what it tests.
type model struct {
	systems, tenants int                      // versions 1..n
	status           map[[2]int]schema.Status // by system and tenant; complete
	listed           []schema.Pair
	rules            []schema.Rule
	unlisted         schema.Unlisted
	stops            map[schema.Component][]int
	missing          map[schema.Component][]int // have no chart
	system           [2]int                     // live and target
	fleet            [][2]int                   // tenants' live and target
	freeEnd          bool                       // the system may end anywhere
	// band, where positive, is how far a tenant may mostly be behind: such
	// fleets have a long way to go, in several hops.
	band int
}

var components = []schema.Component{schema.ComponentSystem, schema.ComponentTenant}

func (m *model) newest(c schema.Component) int {
	if c == schema.ComponentSystem {
		return m.systems
	}
	return m.tenants
}

func numbered(n int) *semver.Version {
	if n == none {
		return nil
	}
	return semver.MustParse(fmt.Sprintf("0.%d.0", n))
}

func number(v *semver.Version) int {
	if v == nil {
		return none
	}
	return int(v.Minor())
}

func randomModel(r *rand.Rand, versions, tenants int) *model {
	m := &model{
		systems: 1 + r.IntN(versions), tenants: 1 + r.IntN(versions), status: map[[2]int]schema.Status{},
		stops: map[schema.Component][]int{}, missing: map[schema.Component][]int{},
	}
	if r.IntN(2) == 0 {
		m.systems, m.tenants, m.band = versions, versions, 1+r.IntN(2)
	}
	m.randomRatings(r)
	for _, c := range components {
		for v := 1; v <= m.newest(c); v++ {
			if r.IntN(8) == 0 {
				m.stops[c] = append(m.stops[c], v)
			}
			if r.IntN(8) == 0 {
				m.missing[c] = append(m.missing[c], v)
			}
		}
	}
	m.system = m.randomEnds(r, m.systems)
	for range r.IntN(tenants + 1) {
		m.fleet = append(m.fleet, m.randomEnds(r, m.tenants))
	}
	return m
}

// randomEnds draws a live version and a target that is not older; now and then
// something that is not installed, stays where it is, or both.
func (m *model) randomEnds(r *rand.Rand, n int) [2]int {
	target := 1 + r.IntN(n)
	if m.band > 0 && r.IntN(4) > 0 {
		return [2]int{min(n, 1+r.IntN(2)), max(1, n-r.IntN(3), min(n, 2))}
	}
	switch r.IntN(12) {
	case 0:
		return [2]int{none, target}
	case 1:
		return [2]int{none, none}
	case 2:
		return [2]int{target, target}
	}
	return [2]int{1 + r.IntN(target), target}
}

func (m *model) randomStatus(r *rand.Rand, s, t int) schema.Status {
	if m.band > 0 && r.IntN(6) > 0 {
		switch behind := s - t; {
		case behind < 0 || behind > m.band:
			return schema.Blocked
		case behind == m.band:
			return schema.Deprecated
		}
		return schema.Supported
	}
	return randomStatus(r)
}

func randomStatus(r *rand.Rand) schema.Status {
	return []schema.Status{schema.Supported, schema.Supported, schema.Deprecated, schema.Blocked}[r.IntN(4)]
}

// randomRatings fills the table and writes the files' side of it.
func (m *model) randomRatings(r *rand.Rand) {
	m.unlisted = []schema.Unlisted{schema.UnlistedRefuse, schema.UnlistedWarn, schema.UnlistedAllow}[r.IntN(3)]
	type box struct {
		s, t   [2]int
		status schema.Status
	}
	var boxes []box
	for range r.IntN(3) {
		b := box{status: randomStatus(r)}
		b.s[0], b.t[0] = 1+r.IntN(m.systems), 1+r.IntN(m.tenants)
		b.s[1], b.t[1] = b.s[0]+r.IntN(3), b.t[0]+r.IntN(3)
		boxes = append(boxes, b)
		text := func(e [2]int) string { return fmt.Sprintf(">=0.%d.0 <=0.%d.0", e[0], e[1]) }
		m.rules = append(m.rules, schema.Rule{
			System: mustConstraint(text(b.s)), Tenant: mustConstraint(text(b.t)), SystemText: text(b.s), TenantText: text(b.t),
			Status: b.status, Source: at("rule", len(m.rules)+1),
		})
	}
	strictness := map[schema.Status]int{schema.Supported: 1, schema.Deprecated: 2, schema.Blocked: 3}
	dense := r.IntN(10)
	if m.band > 0 {
		dense = 9
	}
	for s := 1; s <= m.systems; s++ {
		for t := 1; t <= m.tenants; t++ {
			if r.IntN(10) < dense {
				p := schema.Pair{System: numbered(s), Tenant: numbered(t), Status: m.randomStatus(r, s, t), Source: at("matrix", len(m.listed)+1)}
				m.listed = append(m.listed, p)
				m.status[[2]int{s, t}] = p.Status
				continue
			}
			if t > s {
				m.status[[2]int{s, t}] = schema.Blocked
				continue
			}
			var strictest schema.Status
			for _, b := range boxes {
				if s >= b.s[0] && s <= b.s[1] && t >= b.t[0] && t <= b.t[1] && strictness[b.status] > strictness[strictest] {
					strictest = b.status
				}
			}
			if strictest == "" {
				strictest = map[schema.Unlisted]schema.Status{
					schema.UnlistedRefuse: schema.Blocked, schema.UnlistedWarn: schema.Deprecated, schema.UnlistedAllow: schema.Supported,
				}[m.unlisted]
			}
			m.status[[2]int{s, t}] = strictest
		}
	}
}

func mustConstraint(s string) *semver.Constraints {
	c, err := semver.NewConstraint(s)
	if err != nil {
		panic(err)
	}
	return c
}

// problem writes the model out.
func (m *model) problem() Problem {
	c := &schema.Compatibility{Matrix: m.listed, Rules: m.rules, Unlisted: m.unlisted, Source: at("compatibility", 1)}
	p := Problem{Compatibility: c, System: Release{Address: "system", Live: numbered(m.system[0]), Target: numbered(m.system[1])}}
	for _, component := range components {
		for v := 1; v <= m.newest(component); v++ {
			p.Facts = append(p.Facts, &schema.Facts{Component: component, Version: numbered(v)})
		}
		for i, v := range m.stops[component] {
			c.Stops = append(c.Stops, schema.Stop{Component: component, Version: numbered(v), Source: at("stop "+string(component), i+1)})
		}
	}
	for i, ends := range m.fleet {
		p.Tenants = append(p.Tenants, Release{Address: fmt.Sprintf("tenant.t%03d", i), Live: numbered(ends[0]), Target: numbered(ends[1])})
	}
	p.Exists = func(c schema.Component, v *semver.Version) bool { return !contains(m.missing[c], number(v)) }
	return p
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

func (m *model) allowed(system, tenant int) bool {
	return system == none || tenant == none || m.status[[2]int{system, tenant}] != schema.Blocked
}

// mayHop says whether one release may make one hop, its partner left aside.
func (m *model) mayHop(c schema.Component, from, to, target int) bool {
	if from == none {
		return to == target
	}
	for _, stop := range m.stops[c] {
		if from < stop && stop < to {
			return false
		}
	}
	return to > from && to <= target && (to == target || !contains(m.missing[c], to))
}

// impossible is a price that nothing has.
const impossible = 1 << 60

// price puts hops of the system before hops of tenants before risk.
func price(system, tenants, risk int) int { return system<<40 + tenants<<20 + risk }

// cheapest goes through every joint state of the fleet, one move of one release
// at a time, and returns the lowest price of getting to all targets. Versions
// only ever rise, so going through the states in the order of their numbers
// meets each one after all that lead to it.
func (m *model) cheapest() int {
	start := append([]int{m.system[0]}, make([]int, len(m.fleet))...)
	for i, ends := range m.fleet {
		start[i+1] = ends[0]
	}
	size := 1
	weight := make([]int, len(start))
	for i := range weight {
		weight[i] = size
		size *= 1 + max(m.systems, m.tenants)
	}
	code := func(state []int) int {
		n := 0
		for i, v := range state {
			n += v * weight[i]
		}
		return n
	}
	prices := make([]int, size)
	for i := range prices {
		prices[i] = impossible
	}
	// A system that gets installed comes first, at its target.
	begin := 0
	if m.system[0] == none && m.system[1] != none {
		start[0] = m.system[1]
		var ok bool
		if begin, ok = m.systemMove(start); !ok {
			return impossible
		}
	}
	prices[code(start)] = begin
	best := impossible
	state := make([]int, len(start))
	for n := code(start); n < size; n++ {
		if prices[n] == impossible {
			continue
		}
		for i := range state {
			state[i] = n / weight[i] % (1 + max(m.systems, m.tenants))
		}
		if m.arrived(state) {
			best = min(best, prices[n])
		}
		relax := func(i, to, cost int) {
			next := n + (to-state[i])*weight[i]
			prices[next] = min(prices[next], prices[n]+cost)
		}
		for to := state[0] + 1; state[0] != none && to <= m.system[1]; to++ {
			if !m.mayHop(schema.ComponentSystem, state[0], to, m.system[1]) {
				continue
			}
			moved := append([]int{to}, state[1:]...)
			if cost, ok := m.systemMove(moved); ok {
				relax(0, to, cost)
			}
		}
		for i, ends := range m.fleet {
			for to := state[i+1] + 1; to <= ends[1]; to++ {
				if m.mayHop(schema.ComponentTenant, state[i+1], to, ends[1]) && m.allowed(state[0], to) {
					relax(i+1, to, price(0, 1, m.risk(state[0], to)))
				}
			}
		}
	}
	return best
}

// systemMove prices the system's arrival in a state.
func (m *model) systemMove(state []int) (int, bool) {
	risk := 0
	for _, t := range state[1:] {
		if !m.allowed(state[0], t) {
			return 0, false
		}
		risk += m.risk(state[0], t)
	}
	return price(1, 0, risk), true
}

func (m *model) risk(system, tenant int) int {
	if system != none && tenant != none && m.status[[2]int{system, tenant}] == schema.Deprecated {
		return 1
	}
	return 0
}

func (m *model) arrived(state []int) bool {
	if state[0] != m.system[1] && !m.freeEnd {
		return false
	}
	for i, ends := range m.fleet {
		if state[i+1] != ends[1] {
			return false
		}
	}
	return true
}
