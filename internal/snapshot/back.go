package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
)

// Needed implements apply.Snapshots.
func (t *Taker) Needed(ctx context.Context, s plan.Step) (bool, error) {
	records, err := t.recordsOf(ctx, s)
	if err != nil {
		return false, err
	}
	if len(records) == 0 {
		return false, fmt.Errorf("the snapshot of step %s is not on record", s.ID)
	}
	for _, record := range records {
		driver, err := t.fleet.Driver(record.Driver)
		if err != nil {
			return false, err
		}
		tells, can := driver.(mover)
		if !can {
			return true, nil
		}
		if moved, err := tells.Moved(ctx, record); moved || err != nil {
			return moved, err
		}
	}
	return false, nil
}

// mover is a driver that can tell whether what it saved has moved since, beyond
// being written to.
type mover interface {
	Moved(ctx context.Context, s *plan.Snapshot) (bool, error)
}

// BringBack implements apply.Snapshots. What was scaled down is in the record
// until [Taker.ScaleUp], so that an attempt after this one knows of it.
func (t *Taker) BringBack(ctx context.Context, s plan.Step, report apply.Report) error {
	records, err := t.recordsOf(ctx, s)
	if err != nil {
		return err
	}
	timeout, err := time.ParseDuration(s.Timeout)
	if err != nil {
		return fmt.Errorf("timeout of step %s: %w", s.ID, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than its timeout of %s", timeout))
	defer cancel()
	for _, record := range records {
		if err := t.bringBack(ctx, record, report); err != nil {
			err = fmt.Errorf("restore snapshot %s of %s: %w", record.ID, record.Address, because(ctx, err))
			return errors.Join(err, t.Resume(ctx, record, report))
		}
	}
	return nil
}

func (t *Taker) bringBack(ctx context.Context, record *plan.Snapshot, report apply.Report) error {
	driver, err := t.fleet.Driver(record.Driver)
	if err != nil {
		return err
	}
	report.Status("reading the snapshot")
	if err := driver.Verify(ctx, record); err != nil {
		return err
	}
	if err := t.Quiesce(ctx, record, report); err != nil {
		return err
	}
	return driver.Restore(ctx, record, report)
}

// ScaleUp implements apply.Snapshots.
func (t *Taker) ScaleUp(ctx context.Context, s plan.Step, report apply.Report) error {
	records, err := t.recordsOf(ctx, s)
	if err != nil {
		return err
	}
	for _, record := range records {
		if err := t.Resume(ctx, record, report); err != nil {
			return err
		}
	}
	return nil
}

// recordsOf are the records that a step names, in its order, or that it has made.
func (t *Taker) recordsOf(ctx context.Context, s plan.Step) ([]*plan.Snapshot, error) {
	all, err := t.journal.Snapshots(ctx, journal.SnapshotFilter{State: plan.Taken})
	if err != nil {
		return nil, err
	}
	if s.Kind == plan.StepSnapshot {
		return slices.DeleteFunc(all, func(r *plan.Snapshot) bool { return r.Run != t.run || r.Step != s.ID }), nil
	}
	var records []*plan.Snapshot
	for _, id := range s.Records {
		i := slices.IndexFunc(all, func(r *plan.Snapshot) bool { return r.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("snapshot %s is not on record any more", id)
		}
		records = append(records, all[i])
	}
	return records, nil
}
