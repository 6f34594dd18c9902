package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// checker holds a plan against the rules with code of its own: it knows the
// document, the fleet's files and what is live, and nothing of how the plan came
// about.
type checker struct {
	w        *world
	doc      *Document
	steps    map[string]Step
	releases map[string]Release
	// live and kinds are by address; only main releases of tenants are rated.
	live map[string]string
	main map[string]bool
	// inherited are forbidden pairs, "system tenant", that may come to be live.
	inherited map[string]bool
}

// moves says whether a step changes a version.
func (c *checker) moves(s Step) bool {
	return s.Kind == StepUpgrade || s.Kind == StepInstall || s.Kind == StepRollback || s.Kind == StepUninstall && c.doc.Reverses != nil
}

func newChecker(w *world, doc *Document) *checker {
	c := &checker{w: w, doc: doc, steps: map[string]Step{}, releases: map[string]Release{}, live: map[string]string{}, main: map[string]bool{}}
	for _, s := range doc.Steps {
		c.steps[s.ID] = s
	}
	for _, r := range doc.Releases {
		c.releases[r.Address] = r
		c.live[r.Address] = r.From
		c.main[r.Address] = r.Address != "system" && !strings.Contains(r.Address, ".companion.")
	}
	return c
}

// graph says whether the steps are a graph without cycle, each of its own name.
func (c *checker) graph() error {
	if len(c.steps) != len(c.doc.Steps) {
		return errors.New("two steps have one name")
	}
	colour := map[string]int{}
	var visit func(id string) error
	visit = func(id string) error {
		s, known := c.steps[id]
		switch {
		case !known:
			return fmt.Errorf("%s is needed and not there", id)
		case colour[id] == 1:
			return fmt.Errorf("%s needs itself", id)
		case colour[id] == 2:
			return nil
		}
		colour[id] = 1
		for _, n := range s.Needs {
			if err := visit(n); err != nil {
				return err
			}
		}
		colour[id] = 2
		return nil
	}
	for id := range c.steps {
		if err := visit(id); err != nil {
			return err
		}
	}
	return nil
}

// arrives says whether the hops of each release lead from where it is to where
// the files want it, upwards, over no stop and no version without a chart.
func (c *checker) arrives() error {
	for _, want := range c.w.fleet.Releases() {
		r := c.releases[want.Address]
		at := r.From
		for _, s := range c.doc.Steps {
			if s.Address != want.Address || s.Kind != StepUpgrade && s.Kind != StepInstall {
				continue
			}
			if s.From != at || at != "" && s.To <= at {
				return fmt.Errorf("%s is at %q and step %s goes from %q to %q", want.Address, at, s.ID, s.From, s.To)
			}
			if stop := c.jumped(want.Address, at, s.To); stop != "" {
				return fmt.Errorf("%s jumps over %s", s.ID, stop)
			}
			if s.To != want.Version.String() && c.w.catalog.Missing[At{Address: want.Address, Version: s.To}] {
				return fmt.Errorf("%s goes to a version that there is no chart of", s.ID)
			}
			at = s.To
		}
		if at != want.Version.String() {
			return fmt.Errorf("%s ends at %q and not at %s", want.Address, at, want.Version)
		}
	}
	return nil
}

func (c *checker) jumped(address, from, to string) string {
	if from == "" || address != "system" && !c.main[address] {
		return ""
	}
	for _, s := range c.w.fleet.Compatibility.Stops {
		if v := s.Version.String(); (s.Component == schema.ComponentSystem) == (address == "system") && from < v && v < to {
			return v
		}
	}
	return ""
}

// protected says whether every step that needs a restore to be taken back has a
// snapshot before it, where the files ask for one.
func (c *checker) protected() error {
	for _, want := range c.w.fleet.Releases() {
		for _, snap := range want.Snapshots {
			for _, s := range c.doc.Steps {
				if s.Address != want.Address || s.Kind != StepUpgrade && s.Kind != StepMigrate {
					continue
				}
				if snap.When == "never" || snap.When == "breaking" && !c.breaks(want.Address, s.From, s.To) {
					continue
				}
				saved := c.before(s, func(b Step) bool {
					return b.Kind == StepSnapshot && b.Address == want.Address && b.Snapshot == snap.Name && b.Phase == s.Phase
				})
				if !saved {
					return fmt.Errorf("%s has no snapshot %q before it", s.ID, snap.Name)
				}
			}
		}
	}
	return nil
}

func (c *checker) breaks(address, from, to string) bool {
	if address == "system" {
		return from != to // each version has its own schema here
	}
	return c.main[address] && slices.ContainsFunc(c.w.fleet.Facts, func(f *schema.Facts) bool {
		return f.Component == schema.ComponentTenant && from < f.Version.String() && f.Version.String() <= to
	})
}

// before says whether a step cannot start before some step of a kind has ended.
func (c *checker) before(s Step, is func(Step) bool) bool {
	return slices.ContainsFunc(s.Needs, func(n string) bool { return is(c.steps[n]) || c.before(c.steps[n], is) })
}

// run is a state that a run of the plan can be in.
type run struct {
	ended    map[string]bool // by step; true when it went well
	versions map[string]string
	failures int
}

func (x run) with(id string, ok bool) run {
	next := run{ended: map[string]bool{id: ok}, versions: map[string]string{}, failures: x.failures}
	for k, v := range x.ended {
		next.ended[k] = v
	}
	for k, v := range x.versions {
		next.versions[k] = v
	}
	return next
}

// walk visits every state that any order of steps can reach with up to one that
// fails, where those are few, and random ones where they are many.
func (c *checker) walk(r *rand.Rand) error {
	changing := 0
	for _, s := range c.doc.Steps {
		if c.moves(s) {
			changing++
		}
	}
	start := run{ended: map[string]bool{}, versions: c.live}
	if changing <= 5 {
		return c.visit(start, map[string]bool{})
	}
	for range 4 {
		if err := c.stroll(r, start); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) visit(x run, seen map[string]bool) error {
	x = c.idle(x)
	key := fmt.Sprint(x.ended)
	if seen[key] {
		return nil
	}
	seen[key] = true
	for _, s := range c.startable(x) {
		next, err := c.change(x, s)
		if err != nil {
			return err
		}
		if err := c.visit(next, seen); err != nil {
			return err
		}
		if x.failures == 0 {
			if err := c.visit(c.failed(x, s), seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) stroll(r *rand.Rand, x run) error {
	for x = c.idle(x); len(c.startable(x)) > 0; x = c.idle(x) {
		can := c.startable(x)
		s := can[r.IntN(len(can))]
		next, err := c.change(x, s)
		if err != nil {
			return err
		}
		if r.IntN(6) == 0 {
			next = c.failed(x, s)
		}
		x = next
	}
	return nil
}

// idle ends everything that changes no version, and skips what lost a need.
func (c *checker) idle(x run) run {
	for moved := true; moved; {
		moved = false
		for _, s := range c.doc.Steps {
			ok, can := c.can(x, s)
			if !can || ok && c.moves(s) {
				continue
			}
			x = x.with(s.ID, ok)
			moved = true
		}
	}
	return x
}

// can says whether a step's turn has come, and whether it may then start: gates
// and soaks wait for tenants to end, everything else has to end well.
func (c *checker) can(x run, s Step) (ok, can bool) {
	if _, ended := x.ended[s.ID]; ended {
		return false, false
	}
	ok = true
	for _, n := range s.Needs {
		well, ended := x.ended[n]
		if !ended {
			return false, false
		}
		ok = ok && (well || (s.Kind == StepGate || s.Kind == StepSoak) && c.steps[n].Tenant != "")
	}
	return ok, true
}

func (c *checker) startable(x run) []Step {
	var can []Step
	for _, s := range c.doc.Steps {
		if ok, its := c.can(x, s); its && ok {
			can = append(can, s)
		}
	}
	return can
}

func (c *checker) change(x run, s Step) (run, error) {
	next := x.with(s.ID, true)
	next.versions[s.Address] = s.To
	return next, c.legal(next.versions, s.ID)
}

// failed leaves the release where it was: its step was undone.
func (c *checker) failed(x run, s Step) run {
	next := x.with(s.ID, false)
	next.failures++
	return next
}

// legal lets a pair pass that was live before the plan was made: it is for the
// plan to leave it, not to have prevented it.
func (c *checker) legal(versions map[string]string, after string) error {
	system := versions["system"]
	for address, v := range versions {
		if !c.main[address] || v == "" || system == "" || system == c.live["system"] && v == c.live[address] || c.inherited[system+" "+v] {
			continue
		}
		if !c.allowed(system, v) {
			return fmt.Errorf("after %s, %s runs %s beside system %s, which is forbidden", after, address, v, system)
		}
	}
	return nil
}

func (c *checker) allowed(system, tenant string) bool {
	for _, p := range c.w.fleet.Compatibility.Matrix {
		if p.System.String() == system && p.Tenant.String() == tenant {
			return p.Status != schema.Blocked
		}
	}
	return tenant <= system && c.w.fleet.Compatibility.Unlisted != schema.UnlistedRefuse
}
