package snapshot

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
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
	if err := t.tidy(ctx, s.ID); err != nil {
		return err
	}
	record := &plan.Snapshot{
		ID: newID(), State: plan.Taking, Run: t.run, Step: s.ID, Name: config.Name, Driver: config.Driver,
		Address: r.Address, Cluster: r.Cluster, Namespace: r.Namespace, Release: r.Name, Version: versionBefore(r, s), Revision: r.Base.Revision,
		Began: time.Now().UTC(), Store: config.Store,
	}
	if err := driver.Check(ctx, config, record); err != nil {
		return fmt.Errorf("snapshot %q of %s: %w", config.Name, r.Address, err)
	}
	if err := t.journal.KeepSnapshot(ctx, record); err != nil {
		return err
	}
	a := &Attempt{Config: config, Record: record, Report: report, Keep: func(ctx context.Context) error { return t.journal.KeepSnapshot(ctx, record) }}
	if err := t.attempt(ctx, driver, a); err != nil {
		return errors.Join(fmt.Errorf("snapshot %q of %s: %w", config.Name, r.Address, err), t.remove(ctx, driver, record))
	}
	return nil
}

// attempt takes a snapshot and reads it back, within its time.
func (t *Taker) attempt(ctx context.Context, d Driver, a *Attempt) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.Config.Timeout, fmt.Errorf("it took longer than its timeout of %s", a.Config.Timeout))
	defer cancel()
	if err := d.Take(ctx, a); err != nil {
		return because(ctx, err)
	}
	a.Report.Status("reading it back")
	if err := d.Verify(ctx, a.Record); err != nil {
		return because(ctx, fmt.Errorf("read it back: %w", err))
	}
	a.Record.State = plan.Taken
	return a.Keep(ctx)
}

// because names the timeout where that is why something failed.
func because(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
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

// tidy removes what earlier attempts of the run at a step have left.
func (t *Taker) tidy(ctx context.Context, step string) error {
	records, err := t.journal.Snapshots(ctx, journal.SnapshotFilter{Run: t.run})
	if err != nil {
		return err
	}
	for _, s := range records {
		if s.Step != step {
			continue
		}
		driver, err := t.fleet.Driver(s.Driver)
		if err != nil {
			return err
		}
		if err := t.remove(ctx, driver, s); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a snapshot and then its record, so that what cannot be deleted
// now is found again. It does so also when ctx is cancelled.
func (t *Taker) remove(ctx context.Context, d Driver, s *plan.Snapshot) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	if err := d.Delete(ctx, s); err != nil {
		return fmt.Errorf("remove snapshot %s: %w", s.ID, err)
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
