package apply

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/plan"
)

func (w *walker) start(ctx context.Context, s plan.Step) {
	e := &execution{step: s, began: w.Clock.Now()}
	w.running[s.ID] = e
	w.emit(Event{Type: StepStart, Step: s})
	rel := w.releases[s.Address]
	if writes(s) {
		w.touch(s)
	}
	all := w.askings(s)
	go func() { w.results <- w.carryOut(ctx, rel, s, all) }()
}

// touch notes the release that a step is about to change, as it can be put
// back.
func (w *walker) touch(s plan.Step) {
	rel := w.releases[s.Address]
	if base, known := w.past.from[s.ID]; known {
		rel.Base = base
	}
	if s.Hop < len(rel.Path) { // those of the way back from here
		rel.From, rel.Reversibility = rel.Path[s.Hop].From, rel.Path[s.Hop].Reversibility
	}
	w.touched[s.Tenant] = append(w.touched[s.Tenant], rel)
	w.begun[s.Address]++
}

func writes(s plan.Step) bool {
	return s.Kind == plan.StepUpgrade || s.Kind == plan.StepInstall || s.Kind == plan.StepUninstall || s.Kind == plan.StepPins || s.Kind == plan.StepRollback
}

// carryOut does a step between its intent and its result.
func (w *walker) carryOut(ctx context.Context, rel plan.Release, s plan.Step, all []asking) outcome {
	o := outcome{step: s}
	rep := w.report(s.ID)
	if s.Kind == plan.StepVerify || s.Kind == plan.StepSoak {
		return w.prove(ctx, s, all, rep)
	}
	var done bool
	done, rel.Base, o.err = w.look(ctx, rel, s, rep)
	if o.returned = o.err != nil && cancelled(ctx, o.err); o.returned {
		return o
	}
	if o.err == nil && !done {
		if o.unkept = w.intend(ctx, s, rel.Base); o.unkept != nil {
			o.returned = true
			return o
		}
		if o.base, o.err = w.execute(ctx, rel, s, rep); o.err != nil && cancelled(ctx, o.err) {
			o.err = ErrCancelled
		}
	} else {
		o.base = rel.Base
	}
	o.unkept = w.write(ctx, entryOf(ctx, o))
	return o
}

// intend keeps the intent of a step, unless an earlier attempt has left it.
func (w *walker) intend(ctx context.Context, s plan.Step, from plan.Base) error {
	if w.past.open[s.ID] {
		return nil
	}
	return w.write(ctx, Entry{Kind: Begun, Step: s.ID, Base: &from})
}

// look makes sure that a release is what the plan was made against or what this
// run has made of it, and cleans up after an earlier attempt at the step.
func (w *walker) look(ctx context.Context, rel plan.Release, s plan.Step, rep Report) (done bool, base plan.Base, err error) {
	if writes(s) && w.past.tried[s.ID] {
		r, err := w.Releases.Recover(ctx, rel, s, rep)
		return r.Done, r.Base, err
	}
	return false, rel.Base, w.checkBase(ctx, rel)
}

// execute does a step and returns the revision that it made, if any.
func (w *walker) execute(ctx context.Context, rel plan.Release, s plan.Step, rep Report) (plan.Base, error) {
	switch s.Kind {
	case plan.StepSnapshot:
		return plan.Base{}, w.Snapshots.Take(ctx, rel, s, rep)
	case plan.StepCRDs:
		return plan.Base{}, w.Releases.UpdateCRDs(ctx, rel, s, rep)
	case plan.StepMigrate:
		return plan.Base{}, w.Releases.Migrate(ctx, rel, s, w.past.open[s.ID], rep)
	case plan.StepUpgrade, plan.StepInstall, plan.StepPins:
		return w.Releases.Upgrade(ctx, rel, s, rep)
	case plan.StepUninstall:
		return plan.Base{}, w.Releases.Uninstall(ctx, rel, s, rep)
	case plan.StepRollback:
		return w.Releases.Return(ctx, rel, s, rep)
	case plan.StepRestore:
		return plan.Base{}, w.restore(ctx, rel, s, rep)
	case plan.StepScaleUp:
		return plan.Base{}, w.Snapshots.ScaleUp(ctx, s, rep)
	}
	return plan.Base{}, fmt.Errorf("step %s: this version cannot carry out a %s", s.ID, s.Kind)
}

// restore brings a snapshot back, once no migration writes over it.
func (w *walker) restore(ctx context.Context, rel plan.Release, s plan.Step, rep Report) error {
	if s.Tenant == "" {
		if err := w.Releases.EndMigration(ctx, rel); err != nil {
			return fmt.Errorf("end the migration before the restore: %w", err)
		}
	}
	return w.Snapshots.BringBack(ctx, s, rep)
}
