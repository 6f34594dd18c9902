package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/soctalk/fleet/plan"
)

type outcome struct {
	step plan.Step
	err  error
	// base is the revision that the step made.
	base plan.Base
	// unkept is set when the journal did not take an entry; returned, when that
	// was the intent, or the run was cancelled before it, so that nothing was done.
	unkept   error
	returned bool
	// undone and back are set when the step was a way back.
	undone *Failure
	back   []plan.Release
}

// entryOf tells how a step ended.
func entryOf(ctx context.Context, o outcome) Entry {
	e := Entry{Kind: Done, Step: o.step.ID}
	var stale *StaleError
	switch {
	case o.err == nil && writes(o.step):
		e.Base = &o.base
	case o.err == nil:
	case cancelled(ctx, o.err):
		e.Kind = Cancelled
	case errors.As(o.err, &stale):
		e.Kind, e.Message = Quarantined, o.err.Error()
	default:
		e.failedWith(o.err)
	}
	return e
}

func cancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, ErrCancelled) || errors.Is(err, context.Canceled))
}

// end takes in how a step ended: what it frees, what it costs.
func (w *walker) end(ctx context.Context, o outcome) {
	if o.unkept != nil {
		w.result.Resumable = true
		w.stop(o.unkept.Error())
	}
	switch {
	case o.returned:
		delete(w.running, o.step.ID)
		w.untouch(o.step)
		w.turns.release(o.step)
	case o.undone != nil:
		w.endRollback(o)
	case o.err != nil:
		w.emit(Event{Type: StepFailed, Step: o.step, Err: o.err})
		delete(w.running, o.step.ID)
		w.failed(ctx, o.step, o.err)
	default:
		w.emit(Event{Type: StepDone, Step: o.step})
		delete(w.running, o.step.ID)
		if writes(o.step) {
			w.changed[o.step.Tenant] = w.Clock.Now()
		}
		w.done(o)
		w.follow(o.step.ID, true)
	}
}

func (w *walker) done(o outcome) {
	s := o.step
	rel := w.releases[s.Address]
	if writes(s) {
		rel.Base = o.base
		w.releases[s.Address] = rel
		if _, checked := w.steps[plan.StepID(s.Address, s.Hop, plan.StepVerify)]; s.Tenant == "" && !checked {
			delete(w.touched, "") // what follows is another hop
		}
	}
	switch {
	case s.Kind == plan.StepInstall:
		w.result.Installed++
	case (s.Kind == plan.StepUpgrade || s.Kind == plan.StepPins) && arrives(rel, s):
		w.result.Upgraded++
	case s.Kind == plan.StepRollback && arrives(rel, s):
		w.result.Returned++
	case s.Kind == plan.StepUninstall:
		w.result.Uninstalled++
		if !w.hasMoreOf(s) {
			delete(w.touched, s.Tenant)
			w.turns.release(s)
		}
	case s.Kind == plan.StepVerify:
		delete(w.touched, s.Tenant) // what follows is another turn
		w.turns.release(s)
	}
}

// hasMoreOf says whether a step of the same tenant follows an uninstall.
func (w *walker) hasMoreOf(s plan.Step) bool {
	return slices.ContainsFunc(w.Plan.Steps, func(next plan.Step) bool {
		return next.Tenant == s.Tenant && slices.Contains(next.Needs, s.ID)
	})
}

// arrives says whether a step is the last hop of its release.
func arrives(rel plan.Release, s plan.Step) bool { return s.Hop+1 >= len(rel.Path) }
