package snapshot

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// tidyTime bounds the removal of what a failed attempt has left.
const tidyTime = 2 * time.Minute

// Taker takes the snapshots of one run.
type Taker struct {
	fleet   *Fleet
	journal *journal.Journal
	run     string
}

var _ apply.Snapshots = (*Taker)(nil)

// NewTaker returns what takes the snapshots of a run, under the fleet's lock.
func NewTaker(f *Fleet, j *journal.Journal, run string) *Taker {
	return &Taker{fleet: f, journal: j, run: run}
}

// Take implements apply.Snapshots.
func (t *Taker) Take(ctx context.Context, r plan.Release, s plan.Step, report apply.Report) error {
	config, err := t.config(r, s)
	if err != nil {
		return err
	}
	driver, err := t.fleet.Driver(config.Driver)
	if err != nil {
		return err
	}
	earlier, err := t.earlier(ctx, s.ID)
	if err != nil {
		return err
	}
	record := &plan.Snapshot{
		ID: newID(), State: plan.Taking, Run: t.run, Step: s.ID, Name: config.Name, Driver: config.Driver,
		Address: r.Address, Cluster: r.Cluster, Namespace: r.Namespace, Release: r.Name, Version: versionBefore(r, s), Revision: r.Base.Revision,
		Began: time.Now().UTC(), Store: config.Store, Quiesced: config.Quiesce,
	}
	a := &Attempt{Config: config, Record: record, Report: report, Keep: func(ctx context.Context) error { return t.journal.KeepSnapshot(ctx, record) }}
	if err := t.attempt(ctx, driver, a); err != nil {
		return fmt.Errorf("snapshot %q of %s: %w", config.Name, r.Address, err)
	}
	for _, old := range earlier {
		if err := t.remove(ctx, old); err != nil {
			report.Log(fmt.Sprintf("the snapshot of an earlier attempt stays for now: %v", err))
		}
	}
	if err := t.retain(ctx, record, config.Keep); err != nil {
		report.Log(fmt.Sprintf("snapshots that need not be kept stay for now: %v", err))
	}
	return nil
}

// attempt takes a snapshot and reads it back, within its time. What a failure
// leaves is removed, or stays on record where it cannot be.
func (t *Taker) attempt(ctx context.Context, d Driver, a *Attempt) error {
	limit := fmt.Errorf("it took longer than its timeout of %s", a.Config.Timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, a.Config.Timeout, limit)
	defer cancel()
	if err := d.Check(ctx, a.Config, a.Record); err != nil {
		return because(ctx, err)
	}
	if err := a.Keep(ctx); err != nil {
		return err
	}
	err := because(ctx, t.write(ctx, d, a))
	if err != nil {
		return errors.Join(err, t.remove(ctx, a.Record))
	}
	return nil
}

func (t *Taker) write(ctx context.Context, d Driver, a *Attempt) error {
	if err := t.still(ctx, d, a); err != nil {
		return err
	}
	if len(a.Config.Recipients) > 0 {
		if err := t.saveState(ctx, a); err != nil {
			return err
		}
	}
	a.Report.Status("reading it back")
	if err := d.Verify(ctx, a.Record); err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	a.Record.State = plan.Taken
	return a.Keep(ctx)
}

// still takes a snapshot, with its writers scaled down where the files want
// that.
func (t *Taker) still(ctx context.Context, d Driver, a *Attempt) error {
	if !a.Config.Quiesce {
		return d.Take(ctx, a)
	}
	err := t.Quiesce(ctx, a.Record, a.Report)
	if err == nil {
		err = d.Take(ctx, a)
	}
	return errors.Join(err, t.Resume(ctx, a.Record, a.Report))
}

// because names the timeout where that is why something failed, and the error
// does not say so itself.
func because(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(err, context.Cause(ctx)) {
		return context.Cause(ctx)
	}
	return err
}

// config is how the files say that a step's snapshot is taken.
func (t *Taker) config(r plan.Release, s plan.Step) (*schema.Snapshot, error) {
	for _, rel := range t.fleet.Files.Releases() {
		if rel.Address != r.Address {
			continue
		}
		for _, c := range rel.Snapshots {
			if c.Name == s.Snapshot {
				return c, nil
			}
		}
	}
	return nil, fmt.Errorf("the files have no snapshot %q of %s", s.Snapshot, r.Address)
}

// earlier are the snapshots that earlier attempts of the run at a step have left.
func (t *Taker) earlier(ctx context.Context, step string) ([]*plan.Snapshot, error) {
	all, err := t.journal.Snapshots(ctx, journal.SnapshotFilter{Run: t.run})
	return slices.DeleteFunc(all, func(s *plan.Snapshot) bool { return s.Step != step }), err
}

// CleanUp removes what programs have left that were killed while they took a
// snapshot: under the lock, nobody is taking any. Workloads get their replicas
// back, or it fails; what else could not be removed now is returned.
func (t *Taker) CleanUp(ctx context.Context) (left []error, err error) {
	torn, err := t.journal.Snapshots(ctx, journal.SnapshotFilter{State: plan.Taking})
	if err != nil {
		return nil, err
	}
	quiet := apply.Report{Status: func(string) {}, Log: func(string) {}}
	for _, s := range torn {
		if err := t.Resume(ctx, s, quiet); err != nil {
			return left, fmt.Errorf("scale up what a snapshot of %s, which was cut off, has left scaled down: %w", s.Address, err)
		}
		if err := t.remove(ctx, s); err != nil {
			left = append(left, err)
		}
	}
	return left, nil
}

// remove deletes a snapshot and then its record, so that what cannot be deleted
// now is found again. It does so also when ctx is cancelled. A record with
// workloads that are scaled down stays.
func (t *Taker) remove(ctx context.Context, s *plan.Snapshot) error {
	if len(s.ScaledDown) > 0 {
		return nil
	}
	d, err := t.fleet.Driver(s.Driver)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	if err := d.Delete(ctx, s); err != nil {
		return fmt.Errorf("remove snapshot %s: %w", s.ID, err)
	}
	if err := t.dropState(ctx, s); err != nil {
		return fmt.Errorf("remove the Secrets saved with snapshot %s: %w", s.ID, err)
	}
	return t.journal.DropSnapshot(ctx, s.ID)
}

// versionBefore is what a release runs when the snapshot of a step is taken.
func versionBefore(r plan.Release, s plan.Step) string {
	if s.Hop < len(r.Path) {
		return r.Path[s.Hop].From
	}
	return r.From
}

// newID returns an identifier that is sortable by time.
func newID() string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return time.Now().UTC().Format("20060102-150405") + "-" + hex.EncodeToString(random[:])
}
