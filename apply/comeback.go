package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// comeback is a release that goes back because a step failed.
type comeback struct {
	plan.Release
	// saved are the steps whose snapshots are restored first.
	saved []plan.Step
}

// wayBack returns the releases to put back, last touched first, each once.
func (w *walker) wayBack(s plan.Step) []comeback {
	back, restore := w.onFailure(s)
	if !back {
		return nil
	}
	touched := w.touched[s.Tenant]
	if s.Kind == plan.StepMigrate && s.Hop < len(w.releases[s.Address].Path) {
		// The upgrade was not begun, and the data may have moved.
		rel := w.releases[s.Address]
		rel.From = rel.Path[s.Hop].From
		if rel.Reversibility = rel.Path[s.Hop].Reversibility; rel.Reversibility == plan.RestoreRequired {
			touched = append(slices.Clip(touched), rel)
		}
	}
	hops := map[string][]plan.Release{}
	for _, rel := range touched {
		hops[rel.Address] = append(hops[rel.Address], rel)
	}
	var all []comeback
	for _, rel := range slices.Backward(touched) {
		if c, ok := w.farthest(s, hops[rel.Address], restore); ok {
			all = append(all, c)
		}
		delete(hops, rel.Address)
	}
	return all
}

// farthest is how far back a release gets over the hops of its turn: to where the
// turn began, with the snapshots that it began with, or else over the last hops
// that Helm alone takes back. A first install has nothing to go back to.
func (w *walker) farthest(s plan.Step, hops []plan.Release, restore bool) (farthest comeback, ok bool) {
	is := func(verdict plan.Reversibility) func(plan.Release) bool {
		return func(r plan.Release) bool { return r.Reversibility == verdict }
	}
	lost := !slices.ContainsFunc(hops, is(plan.RestoreRequired)) || slices.ContainsFunc(hops, is(plan.ForwardOnly))
	if restore && !lost && hops[0].Base.Revision != 0 {
		if saved := w.savedBefore(s, hops[0].Address); len(saved) > 0 {
			return comeback{hops[0], saved}, true
		}
	}
	for _, rel := range slices.Backward(hops) {
		if rel.Base.Revision == 0 || rel.Reversibility != plan.Reversible {
			break
		}
		farthest, ok = comeback{Release: rel}, true
	}
	return farthest, ok
}

// onFailure says what the files want of a failed step: that its releases go
// back, and that snapshots are restored for it.
func (w *walker) onFailure(s plan.Step) (back, restore bool) {
	if s.Kind == plan.StepSoak {
		return false, false // its tenants' turns are over
	}
	if s.Tenant == "" {
		restore = w.Plan.Rollout.SystemFailure == string(schema.SystemRestore)
		return restore || w.Plan.Rollout.SystemFailure == string(schema.SystemRollback), restore
	}
	restore = w.Plan.Rollout.OnFailure == string(schema.TenantRestore)
	return restore || w.Plan.Rollout.OnFailure == string(schema.TenantRollback), restore
}

// savedBefore are the snapshots that a release's turn began with; none when they
// leave something out.
func (w *walker) savedBefore(s plan.Step, address string) []plan.Step {
	var saved []plan.Step
	for _, x := range w.Plan.Steps {
		if x.Kind != plan.StepSnapshot || x.Address != address || x.Phase != s.Phase {
			continue
		}
		if len(x.Unsaved) > 0 {
			return nil
		}
		saved = append(saved, x)
	}
	return saved
}

// comeBack restores what a release needs, puts it back, and starts again what
// stood still meanwhile. A second attempt finds what has not moved.
func (w *walker) comeBack(ctx context.Context, c comeback, s plan.Step, rep Report) (plan.Base, error) {
	for _, snap := range c.saved {
		needed, err := w.Snapshots.Needed(ctx, snap)
		if err != nil {
			return plan.Base{}, fmt.Errorf("find out whether snapshot %s has to be restored: %w", snap.Snapshot, err)
		}
		if !needed {
			continue
		}
		if err := w.restore(ctx, c.Release, snap, rep); err != nil {
			return plan.Base{}, err
		}
	}
	base, err := w.Releases.Rollback(ctx, c.Release, s, rep)
	if err != nil {
		return base, err
	}
	for _, snap := range slices.Backward(c.saved) {
		if err := w.Snapshots.ScaleUp(ctx, snap, rep); err != nil {
			return base, err
		}
	}
	return base, nil
}
