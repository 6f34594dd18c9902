package apply

import (
	"slices"
	"time"

	"github.com/soctalk/fleet/plan"
)

// past is what the journal tells of a run before this program took it up.
type past struct {
	// bases are the revisions that releases were last brought to.
	bases map[string]plan.Base
	// from are the revisions that steps started from.
	from map[string]plan.Base
	// open are steps that were begun, and how they ended is not known; tried are
	// all that were ever begun.
	open, tried map[string]bool
	// cancelled are those open steps that were.
	cancelled   map[string]bool
	done        map[string]bool
	failed      map[string]error // step → why
	quarantined map[string]string
	// back are the releases that a failed step's way back has reached, backFailed
	// why one could not be.
	back map[string]map[string]bool
	// backTo are the revisions that ways back go to, and made those that steps
	// have made.
	backTo map[wayKey]int
	made   map[string]int
	// goingBack are the ways back that were begun.
	goingBack  map[wayKey]bool
	backFailed map[string]error
	approved   map[string]bool
	// reached are rollback points.
	reached map[string]bool
	// moved are the tenants of which something was begun since the run last came
	// to an end, gates those that they stood behind.
	moved map[string]bool
	// changed is when tenants were last changed; "" is the system.
	changed map[string]time.Time
	gates   map[gateKey]bool
}

// wayKey is the way back of one release from a failed step.
type wayKey struct{ step, address string }

type gateKey struct {
	wave  string
	phase int
}

// recall reads a journal. A run that had ended is taken up again because
// somebody thinks that what stopped it is mended, so what had failed is tried
// again. After a kill, an interrupt or a gate nothing says so: what had failed
// stays failed, and counts.
func recall(doc *plan.Document, entries []Entry) *past {
	p := &past{
		bases: map[string]plan.Base{}, from: map[string]plan.Base{}, open: map[string]bool{}, cancelled: map[string]bool{}, tried: map[string]bool{}, done: map[string]bool{},
		failed: map[string]error{}, quarantined: map[string]string{}, back: map[string]map[string]bool{}, backTo: map[wayKey]int{}, made: map[string]int{}, goingBack: map[wayKey]bool{}, backFailed: map[string]error{}, approved: map[string]bool{}, reached: map[string]bool{}, moved: map[string]bool{}, changed: map[string]time.Time{}, gates: map[gateKey]bool{},
	}
	steps, back := map[string]plan.Step{}, map[string]bool{}
	for _, s := range doc.Steps {
		steps[s.ID], back[RollbackID(s.ID)] = s, true
	}
	for _, e := range entries {
		switch {
		case e.Kind == Ended:
			p.again(doc)
		case e.Kind == Approved:
			p.approved[e.Step] = true
		case e.Kind == Reached:
			p.reached[e.Step] = true
		case back[e.Step]:
			p.wayBack(e)
		default:
			p.step(steps[e.Step], e)
		}
	}
	p.outdate(doc)
	return p
}

// outdate forgets snapshots of which nothing that they protect was begun: those
// taken anew lose less.
func (p *past) outdate(doc *plan.Document) {
	type turn struct {
		tenant string
		phase  int
	}
	begun := map[turn]bool{}
	for _, s := range doc.Steps {
		if p.tried[s.ID] && s.Kind != plan.StepSnapshot {
			begun[turn{s.Tenant, s.Phase}] = true
		}
	}
	for _, s := range doc.Steps {
		if s.Kind == plan.StepSnapshot && !begun[turn{s.Tenant, s.Phase}] {
			delete(p.done, s.ID)
		}
	}
}

func (p *past) step(s plan.Step, e Entry) {
	if s.Tenant != "" {
		p.gates[gateKey{s.Wave, s.Phase}] = true
	}
	switch e.Kind {
	case Begun:
		p.open[s.ID], p.tried[s.ID], p.moved[s.Tenant] = true, true, true
		delete(p.cancelled, s.ID)
		if _, again := p.from[s.ID]; !again && e.Base != nil {
			p.from[s.ID] = *e.Base
		}
	case Done:
		delete(p.open, s.ID)
		p.done[s.ID] = true
		if e.Base != nil {
			p.bases[s.Address], p.changed[s.Tenant] = *e.Base, e.Time
			p.made[s.ID] = e.Base.Revision
		}
	case Cancelled:
		p.cancelled[s.ID] = true
	case Failed:
		delete(p.open, s.ID)
		p.failed[s.ID] = e.cause()
	case Quarantined:
		delete(p.open, s.ID)
		p.quarantined[s.ID] = e.Message
	}
}

func (p *past) wayBack(e Entry) {
	switch e.Kind {
	case Begun:
		p.goingBack[wayKey{e.Step, e.Address}] = true
		if e.Base != nil {
			p.backTo[wayKey{e.Step, e.Address}] = e.Base.Revision
		}
	case Done:
		if p.back[e.Step] == nil {
			p.back[e.Step] = map[string]bool{}
		}
		p.back[e.Step][e.Address] = true
		if e.Base != nil {
			p.bases[e.Address] = *e.Base
		}
	case Failed:
		p.backFailed[e.Step] = e.cause()
	}
}

// again forgets failures, and what was undone because of them.
func (p *past) again(doc *plan.Document) {
	for _, failed := range doc.Steps {
		for address := range p.back[RollbackID(failed.ID)] {
			var of []plan.Step
			for _, s := range doc.Steps {
				if s.Address == address && s.Tenant == failed.Tenant && s.Phase == failed.Phase {
					of = append(of, s)
				}
			}
			p.undo(of, p.backTo[wayKey{RollbackID(failed.ID), address}])
		}
	}
	clear(p.moved)
	clear(p.gates)
	clear(p.failed)
	clear(p.quarantined)
	clear(p.back)
	clear(p.goingBack)
	clear(p.backFailed)
	clear(p.backTo)
}

// undo forgets the steps of a release's turn that a way back to a revision has
// undone. Where it does not reach back over all hops, what was saved stays saved.
func (p *past) undo(steps []plan.Step, to int) {
	stays := func(s plan.Step) bool { return p.made[s.ID] != 0 && p.made[s.ID] <= to }
	some := slices.ContainsFunc(steps, stays)
	for _, s := range steps {
		if stays(s) || some && s.Kind == plan.StepSnapshot {
			continue
		}
		delete(p.done, s.ID)
		delete(p.tried, s.ID)
		delete(p.from, s.ID)
		delete(p.made, s.ID)
	}
}

// touches says whether the run has changed a release, or may have.
func (p *past) touches(doc *plan.Document) map[string]bool {
	touched := map[string]bool{}
	for _, s := range doc.Steps {
		if p.tried[s.ID] {
			touched[s.Address] = true
		}
	}
	return touched
}
