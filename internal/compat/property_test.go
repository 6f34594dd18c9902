package compat

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
	"pgregory.net/rapid"
)

// cases is how many random fleets a run looks at.
const cases = 12_000

// Whatever the fleet, the rules and what is live: a path is legal in every
// order of its hops, costs no more than the cheapest way through all joint
// states, and is only denied where that finds none.
func TestSolveAgainstBruteForce(t *testing.T) {
	t.Parallel()
	paths, multi, denied := 0, 0, 0
	for seed := range uint64(cases) {
		m := randomModel(rand.New(rand.NewPCG(seed, 1)), 5, 3)
		path, err := Solve(m.problem())
		cheapest := m.cheapest()
		if err != nil {
			var none *NoPathError
			if !errors.As(err, &none) || cheapest != impossible {
				t.Fatalf("seed %d: brute force finds a path of price %#x, the solver says: %v", seed, cheapest, err)
			}
			denied++
			if err := m.checkExplanation(none); err != nil {
				t.Fatalf("seed %d: %v\n%v", seed, err, none)
			}
			continue
		}
		got, err := m.checkPath(path)
		if err != nil {
			t.Fatalf("seed %d: %v\n%q", seed, err, path.lines())
		}
		if got != cheapest {
			t.Fatalf("seed %d: price %#x, the cheapest path has %#x\n%q", seed, got, cheapest, path.lines())
		}
		paths++
		if len(path.Phases) > 2 {
			multi++
		}
	}
	t.Logf("%d paths, %d of several system hops, %d denied", paths, multi, denied)
	if multi < cases/100 || denied < cases/100 {
		t.Error("the random fleets are too tame")
	}
}

// checkPath walks every order of a path's hops and returns its price.
func (m *model) checkPath(p *Path) (int, error) {
	at, member := m.startOf(p)
	system := m.system[0]
	total := 0
	for k, ph := range p.Phases {
		if ph.System != nil {
			if number(ph.System.From) != system || !m.mayHop(schema.ComponentSystem, system, number(ph.System.To), m.system[1]) {
				return 0, fmt.Errorf("phase %d: system hop %v", k, ph.System)
			}
			system = number(ph.System.To)
			cost, ok := m.systemMove(append([]int{system}, at...))
			if !ok {
				return 0, fmt.Errorf("phase %d: the system's hop brings about a forbidden pair: system %d, tenants %v", k, system, at)
			}
			total += cost
		} else if k > 0 {
			return 0, fmt.Errorf("phase %d has no system hop", k)
		}
		if number(ph.Version) != system {
			return 0, fmt.Errorf("phase %d is at %v", k, ph.Version)
		}
		todo := make([][]int, len(at))
		for _, h := range ph.Hops {
			for _, i := range member[h.Class] {
				from := at[i]
				if n := len(todo[i]); n > 0 {
					from = todo[i][n-1]
				}
				if number(h.From) != from || !m.mayHop(schema.ComponentTenant, from, number(h.To), m.fleet[i][1]) {
					return 0, fmt.Errorf("phase %d: tenant %d makes hop %v", k, i, h)
				}
				todo[i] = append(todo[i], number(h.To))
				total += price(0, 1, m.risk(system, number(h.To)))
			}
		}
		if err := m.walkOrders(system, at, todo); err != nil {
			return 0, fmt.Errorf("phase %d: %w", k, err)
		}
		for i, hops := range todo {
			if len(hops) > 0 {
				at[i] = hops[len(hops)-1]
			}
		}
	}
	if !m.arrived(append([]int{system}, at...)) {
		return 0, fmt.Errorf("ends at system %d, tenants %v", system, at)
	}
	return total, nil
}

// startOf returns the live tenant versions, and by class who is in it.
func (m *model) startOf(p *Path) (at []int, member [][]int) {
	at = make([]int, len(m.fleet))
	for i, ends := range m.fleet {
		at[i] = ends[0]
	}
	for _, c := range p.Classes {
		var list []int
		for _, address := range c.Tenants {
			var i int
			fmt.Sscanf(address, "tenant.t%d", &i)
			list = append(list, i)
		}
		member = append(member, list)
	}
	return at, member
}

// walkOrders visits every state that the tenants can reach in any order, some
// of them left behind, and holds each pair that a hop enters against the table.
func (m *model) walkOrders(system int, at []int, todo [][]int) error {
	seen := map[string]bool{}
	var visit func(done []int) error
	visit = func(done []int) error {
		if key := fmt.Sprint(done); seen[key] {
			return nil
		} else {
			seen[key] = true
		}
		for i := range todo {
			if done[i] == len(todo[i]) {
				continue
			}
			if to := todo[i][done[i]]; !m.allowed(system, to) {
				return fmt.Errorf("tenant %d enters %d beside system %d", i, to, system)
			}
			next := append([]int(nil), done...)
			next[i]++
			if err := visit(next); err != nil {
				return err
			}
		}
		return nil
	}
	return visit(make([]int, len(at)))
}

// checkExplanation holds an explanation against brute force: what it names
// leaves no path though nothing else is forbidden, and any part of it does.
func (m *model) checkExplanation(e *NoPathError) error {
	type part struct {
		name string
		add  func(*model)
	}
	var parts []part
	for _, c := range e.Constraints {
		if c.Text == "" || c.Text[len(c.Text)-1] != '.' {
			return fmt.Errorf("no sentence: %q", c.Text)
		}
		switch c.Kind {
		case PinSystem:
			parts = append(parts, part{c.Text, func(f *model) { f.freeEnd = false }})
		case PinTenants:
			parts = append(parts, part{c.Text, func(f *model) {
				for _, address := range c.Tenants {
					var i int
					fmt.Sscanf(address, "tenant.t%d", &i)
					f.fleet = append(f.fleet, m.fleet[i])
				}
			}})
		case Stopped:
			parts = append(parts, part{c.Text, func(f *model) {
				f.stops[c.Stop.Component] = append(f.stops[c.Stop.Component], number(c.Stop.Version))
			}})
		case Pairs:
			for _, v := range c.Pairs {
				pair := [2]int{number(v.System), number(v.Tenant)}
				if m.status[pair] != schema.Blocked {
					return fmt.Errorf("%v is not forbidden", pair)
				}
				parts = append(parts, part{fmt.Sprint(pair), func(f *model) { f.status[pair] = schema.Blocked }})
			}
		}
	}
	for without := -1; without < len(parts); without++ {
		free := &model{
			systems: m.systems, tenants: m.tenants, status: map[[2]int]schema.Status{}, system: m.system, freeEnd: true,
			stops: map[schema.Component][]int{}, missing: m.missing,
		}
		for i, p := range parts {
			if i != without {
				p.add(free)
			}
		}
		denied := free.cheapest() == impossible
		if without < 0 && !denied {
			return errors.New("what the explanation names leaves a path")
		}
		if without >= 0 && denied {
			return fmt.Errorf("the explanation does not need %s", parts[without].name)
		}
	}
	return nil
}

// Large fleets have too many orders to walk them all: random ones are.
func TestSolveLargeFleets(t *testing.T) {
	t.Parallel()
	solved := 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		m := randomModel(r, 12, 60)
		path, err := Solve(m.problem())
		if err != nil {
			continue
		}
		solved++
		at, member := m.startOf(path)
		start := append([]int{m.system[0]}, at...)
		system := m.system[0]
		for _, ph := range path.Phases {
			if ph.System != nil {
				system = number(ph.System.To)
			}
			todo := make([][]int, len(at))
			for _, h := range ph.Hops {
				for _, i := range member[h.Class] {
					todo[i] = append(todo[i], number(h.To))
				}
			}
			for left := true; left; {
				for i, v := range at {
					inherited := system == start[0] && v == start[i+1]
					if !inherited && !m.allowed(system, v) {
						t.Fatalf("seed %d: tenant %d runs %d beside system %d", seed, i, v, system)
					}
				}
				left = false
				for _, i := range r.Perm(len(at)) {
					if len(todo[i]) > 0 {
						at[i], todo[i], left = todo[i][0], todo[i][1:], true
						break
					}
				}
			}
		}
		if !m.arrived(append([]int{system}, at...)) {
			t.Fatalf("seed %d: does not arrive", seed)
		}
	}
	if solved < 10 {
		t.Errorf("only %d fleets had a path", solved)
	}
}

// The answer does not depend on the order in which anything is given.
func TestSolveIsDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		m := randomModel(r, 6, 12)
		p := m.problem()
		first, firstErr := Solve(p)
		c := *p.Compatibility
		c.Matrix, c.Stops = shuffled(r, c.Matrix), shuffled(r, c.Stops)
		p.Compatibility, p.Tenants, p.Facts = &c, shuffled(r, p.Tenants), shuffled(r, p.Facts)
		second, secondErr := Solve(p)
		if fmt.Sprint(firstErr) != fmt.Sprint(secondErr) {
			t.Fatalf("first: %v\nthen: %v", firstErr, secondErr)
		}
		if firstErr == nil {
			if diff := cmp.Diff(first, second); diff != "" {
				t.Fatalf("path (-first +second):\n%s", diff)
			}
		}
	})
}

func shuffled[T any](r *rand.Rand, list []T) []T {
	out := make([]T, len(list))
	for i, j := range r.Perm(len(list)) {
		out[i] = list[j]
	}
	return out
}
