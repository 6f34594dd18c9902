package snapshot

import (
	"context"
	"errors"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
)

// retain removes what is beyond the number to keep of a snapshot that was just
// taken.
func (t *Taker) retain(ctx context.Context, taken *plan.Snapshot, keep int) error {
	all, err := t.journal.Snapshots(ctx, journal.SnapshotFilter{Release: taken.Release, State: plan.Taken})
	if err != nil {
		return err
	}
	var same []*plan.Snapshot
	for _, s := range all {
		if s.Address == taken.Address && s.Name == taken.Name {
			same = append(same, s)
		}
	}
	if len(same) <= keep {
		return nil
	}
	runs, err := t.journal.Runs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range beyond(same, keep, living(runs, t.run)) {
		errs = append(errs, t.remove(ctx, s))
	}
	return errors.Join(errs...)
}

// beyond returns the snapshots that need not be kept, of those of one block, the
// newest first. The snapshots of a run stay or go together, because the points
// of the run need all of them, and those of a living run stay.
func beyond(same []*plan.Snapshot, keep int, alive map[string]bool) []*plan.Snapshot {
	var out []*plan.Snapshot
	kept := map[string]bool{}
	n := 0
	for _, s := range same {
		if alive[s.Run] || kept[s.Run] || n < keep {
			kept[s.Run] = true
			n++
			continue
		}
		out = append(out, s)
	}
	return out
}

// living are the runs that may go on or be gone back from as they are: this one,
// and those that did not complete and that no later run has completed after.
// Runs come newest first.
func living(runs []*journal.Run, this string) map[string]bool {
	alive := map[string]bool{this: true}
	for _, r := range runs {
		if r.State == journal.Complete {
			break
		}
		alive[r.ID] = true
	}
	return alive
}
