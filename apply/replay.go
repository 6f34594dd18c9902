package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// replay brings the walk to where the journal left it: what is done is not done
// again, what failed costs what it cost, and tenants that were in the middle of
// their turn hold their place. A step that had ended ends again once the walk
// comes to it.
func (w *walker) replay(ctx context.Context) {
	ready := w.ready
	w.ready = nil
	for _, s := range w.Plan.Steps {
		w.remember(ctx, s)
	}
	w.admit(ready)
	// A tenant whose step was cut off is in flight too, and goes on first.
	for _, id := range w.ready {
		if w.past.open[id] {
			w.takeAgain(w.steps[id])
		}
	}
	slices.SortStableFunc(w.ready, func(a, b string) int { return w.rank(a) - w.rank(b) })
	for address, base := range w.past.bases {
		rel := w.releases[address]
		rel.Base = base
		w.releases[address] = rel
	}
}

func (w *walker) rank(id string) int {
	if w.turns.holds(w.steps[id].Tenant) {
		return 0
	}
	return 1
}

// admit lets steps start, save those that had ended before.
func (w *walker) admit(ids []string) {
	for _, id := range ids {
		ok, before := w.recalled[id]
		switch {
		case w.back[id]: // the way back from it goes on
		case before:
			w.follow(id, ok)
		default:
			w.ready = append(w.ready, id)
		}
	}
}

// remember takes in a step that ended before.
func (w *walker) remember(ctx context.Context, s plan.Step) {
	why, failed := w.past.failed[s.ID]
	stale, quarantined := w.past.quarantined[s.ID]
	switch {
	case s.Kind == plan.StepGate && w.past.gates[gateKey{s.Wave, s.Phase}]:
		w.recalled[s.ID] = true
	case w.past.done[s.ID]:
		w.enter(s)
		w.done(outcome{step: s, base: w.past.bases[s.Address]})
		w.recalled[s.ID] = true
	case failed:
		w.enter(s)
		w.recalled[s.ID] = false
		w.failedBefore(ctx, s, why)
	case quarantined:
		w.quarantine(s, errors.New(stale))
		w.turns.release(s)
		w.recalled[s.ID] = false
	}
}

// enter notes what the start of a step noted.
func (w *walker) enter(s plan.Step) {
	w.takeAgain(s)
	if writes(s) {
		w.touch(s)
	}
}

// takeAgain gives a tenant in flight its place back.
func (w *walker) takeAgain(s plan.Step) {
	if s.Tenant != "" && w.past.moved[s.Tenant] && !w.turns.holds(s.Tenant) {
		w.turns.take(s)
	}
}

// failedBefore takes in a failure, and finishes its way back where that is not
// finished.
func (w *walker) failedBefore(ctx context.Context, s plan.Step, err error) {
	f := w.cost(s, err)
	id := RollbackID(s.ID)
	if why := w.past.backFailed[id]; why != nil {
		f.RollbackErr = why
		w.turns.release(s)
		return
	}
	var left []comeback
	for _, c := range w.wayBack(s) {
		if w.past.back[id][c.Address] {
			w.backAgain(f, c.Release)
		} else {
			left = append(left, c)
		}
	}
	if len(left) == 0 || ctx.Err() != nil {
		w.turns.release(s)
		return
	}
	w.back[s.ID] = true
	w.rollback(ctx, f, left)
}
