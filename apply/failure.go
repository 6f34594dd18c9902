package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-multierror"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// failed decides what a failed step costs: whether its releases go back,
// whether the run goes on.
func (w *walker) failed(ctx context.Context, s plan.Step, err error) {
	var stale *StaleError
	if errors.As(err, &stale) {
		w.untouch(s)
		w.quarantine(s, err)
		w.leave(s)
		return
	}
	f := w.cost(s, err)
	back := w.wayBack(s)
	if len(back) == 0 || ctx.Err() != nil {
		w.leave(s)
		return
	}
	w.rollback(ctx, f, back)
}

func (w *walker) quarantine(s plan.Step, err error) {
	w.result.Quarantined = append(w.result.Quarantined, Failure{Step: s, Err: err})
	if s.Tenant == "" {
		w.stop("the system changed after the plan was made")
	}
}

// cost notes a failure and takes it off the budget.
func (w *walker) cost(s plan.Step, err error) *Failure {
	f := &Failure{Step: s, Err: err}
	w.result.Failed = append(w.result.Failed, f)
	if s.Tenant == "" {
		w.stop(s.Address + " failed")
	} else {
		w.spendBudget()
	}
	return f
}

func (w *walker) spendBudget() {
	w.failures++
	most := w.Plan.Rollout.MaxFailures
	switch {
	case w.Plan.Rollout.OnFailure == string(schema.TenantStop):
		w.stop(`a tenant failed, and on_failure is "stop"`)
	case w.failures > most:
		w.stop(fmt.Sprintf("%s failed, and max_failures is %d", count(w.failures, "tenant"), most))
	}
}

// rollback puts releases back while their tenant keeps its place.
func (w *walker) rollback(ctx context.Context, f *Failure, back []comeback) {
	s := plan.Step{ID: RollbackID(f.Step.ID), Kind: plan.StepRollback, Needs: []string{}, Address: f.Step.Address, Tenant: f.Step.Tenant, Wave: f.Step.Wave, From: f.Step.To, To: f.Step.From}
	for _, c := range back {
		if c.Address == s.Address {
			s.From, s.To = turnOf(f.Step, c)
		}
	}
	w.running[s.ID] = &execution{step: s, began: w.Clock.Now()}
	w.emit(Event{Type: StepStart, Step: s})
	rep := w.report(s.ID)
	go func() {
		o := outcome{step: s, undone: f}
		var errs *multierror.Error
		for _, c := range back {
			reached, err := w.putBack(ctx, c, s, rep)
			if reached {
				o.back = append(o.back, c.Release)
			}
			var unkept *JournalError
			if errors.As(err, &unkept) {
				o.unkept = unkept
				break
			}
			if err != nil {
				errs = multierror.Append(errs, fmt.Errorf("%s: %w", c.Address, err))
			}
		}
		o.err = errs.ErrorOrNil()
		w.results <- o
	}()
}

// turnOf is from where to where a release goes because a step of its turn failed.
func turnOf(s plan.Step, c comeback) (from, to string) {
	if from = s.To; !writes(s) {
		for _, l := range c.Path {
			if l.Phase == s.Phase {
				from = l.To
			}
		}
	}
	return from, c.From
}

// putBack puts one release back, between its intent and its result, and says
// whether it got there.
func (w *walker) putBack(ctx context.Context, c comeback, s plan.Step, rep Report) (bool, error) {
	e := Entry{Kind: Begun, Step: s.ID, Address: c.Address, Base: &c.Base}
	// As often as a run is cut off here, its journal gets no longer.
	if !w.past.goingBack[wayKey{s.ID, c.Address}] {
		if err := w.write(ctx, e); err != nil {
			return false, err
		}
	}
	base, err := w.comeBack(ctx, c, s, rep)
	switch {
	case err == nil:
		e.Kind, e.Base = Done, &base
	case cancelled(ctx, err):
		e.Kind, e.Base = Cancelled, nil
	default:
		e.Base = nil
		e.failedWith(err)
	}
	return err == nil, errors.Join(err, w.write(ctx, e))
}

// endRollback takes in how a way back ended; the step it belongs to has failed
// either way.
func (w *walker) endRollback(o outcome) {
	if o.err != nil {
		o.undone.RollbackErr = o.err
		w.emit(Event{Type: StepFailed, Step: o.step, Err: o.err})
	} else if o.unkept == nil {
		w.emit(Event{Type: RolledBack, Step: o.step})
	}
	for _, rel := range o.back {
		w.backAgain(o.undone, rel)
	}
	delete(w.running, o.step.ID)
	w.leave(o.undone.Step)
}

// backAgain notes that a release is where it was.
func (w *walker) backAgain(f *Failure, rel plan.Release) {
	w.result.RolledBack = append(w.result.RolledBack, rel.Address)
	if (rel.Address != f.Step.Address || !writes(f.Step)) && w.begun[rel.Address] >= len(rel.Path) {
		w.result.Upgraded-- // it had gone ahead and arrived
	}
}

// leave ends a failed step's turn and lets go of what waited for it.
func (w *walker) leave(s plan.Step) {
	w.turns.release(s)
	w.follow(s.ID, false)
}

func (w *walker) untouch(s plan.Step) {
	if !writes(s) {
		return
	}
	list := w.touched[s.Tenant]
	for i, rel := range list {
		if rel.Address == s.Address {
			w.touched[s.Tenant] = append(list[:i:i], list[i+1:]...)
			w.begun[s.Address]--
			return
		}
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
