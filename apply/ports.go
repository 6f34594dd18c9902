// Package apply carries out a plan document. It knows what a step means and in
// which order steps may run; how a step is done is behind its ports.
package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/soctalk/fleet/plan"
)

// Releases does the work on the clusters. Every method may be called from
// several goroutines, for different releases. The Base of the release that they
// are given is the revision that it is at in this run, which each hop moves on.
type Releases interface {
	// Base returns what is live now, to be held against the plan.
	Base(ctx context.Context, r plan.Release) (plan.Base, error)
	// Migrate moves the database schema by the chart's own Job. With open, this
	// step of this run was begun before, and how it ended is not known: a Job
	// that it made is waited for and not made again.
	Migrate(ctx context.Context, r plan.Release, s plan.Step, open bool, report Report) error
	// Upgrade installs or upgrades the release, waits until it is ready, and
	// returns the revision that it made.
	Upgrade(ctx context.Context, r plan.Release, s plan.Step, report Report) (plan.Base, error)
	// Recover looks at what an earlier attempt of this run at an [Releases.Upgrade]
	// or [Releases.Uninstall] has left. A revision that it left pending is marked
	// as failed, so that the step can be done again. When the release is neither at its base nor at a
	// revision of this step, that is a [StaleError].
	Recover(ctx context.Context, r plan.Release, s plan.Step, report Report) (Recovered, error)
	// Uninstall takes the release away, with its history, and waits until its
	// objects are gone. It picks up an earlier attempt; see [Releases.Recover].
	Uninstall(ctx context.Context, r plan.Release, s plan.Step, report Report) error
	// UpdateCRDs brings the custom resource definitions of the step to those of
	// the chart that the release is about to get.
	UpdateCRDs(ctx context.Context, r plan.Release, s plan.Step, report Report) error
	// Rollback puts the release back to its base, waits until it is ready, and
	// returns the revision that it made. It picks up an earlier attempt.
	Rollback(ctx context.Context, r plan.Release, s plan.Step, report Report) (plan.Base, error)
	// Return takes the release back to the revision of the step, waits until it is
	// ready, and returns the revision that it made. What an earlier attempt has
	// left is [Releases.Recover]'s business.
	Return(ctx context.Context, r plan.Release, s plan.Step, report Report) (plan.Base, error)
	// EndMigration makes sure that no migration of the release is at work.
	EndMigration(ctx context.Context, r plan.Release) error
}

// Snapshots saves what steps are about to change. It may be called from several
// goroutines, for different steps.
type Snapshots interface {
	// Take takes the snapshot of a step. It returns without an error only once
	// that is whole, was read back, and is on record for a way back. What an
	// earlier attempt at the step has left is removed.
	Take(ctx context.Context, r plan.Release, s plan.Step, report Report) error
	// Needed says whether what the snapshot of a step is of has moved since, so that
	// a release only gets back with it. Where nobody can tell, it has.
	Needed(ctx context.Context, s plan.Step) (bool, error)
	// BringBack scales down what writes to what the snapshot of a step is of, and
	// restores that; the step restores snapshots or has taken one. When it fails, what it scaled down is scaled up again; when it
	// succeeds, that is left to ScaleUp, after the release went back too. It picks
	// up an earlier attempt.
	BringBack(ctx context.Context, s plan.Step, report Report) error
	// ScaleUp scales up what was scaled down for the snapshots of a step. It may be
	// called again.
	ScaleUp(ctx context.Context, s plan.Step, report Report) error
}

// Recovered is what an earlier attempt at a step came to. Done says that the
// step was carried out; Base is the revision that the release is at.
type Recovered struct {
	Done bool
	Base plan.Base
}

// Report tells how a step gets on.
type Report struct {
	// Status replaces what was last said about what the step waits for.
	Status func(string)
	// Log passes on one line of output, such as a migration's.
	Log func(string)
}

// Clock is the passing of time.
type Clock interface {
	Now() time.Time
	// After returns a channel that gets one value after d.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the real clock.
type SystemClock struct{}

// Now returns the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// After is [time.After].
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// StaleError says that a release is no longer what the plan was made against.
type StaleError struct {
	Address    string
	Want, Have int // revisions; 0: not installed
}

func (e *StaleError) Error() string {
	switch {
	case e.Want == e.Have:
		return fmt.Sprintf("%s: revision %d was rewritten after the plan was made", e.Address, e.Have)
	case e.Have == 0:
		return fmt.Sprintf("%s: was at revision %d when the plan was made and is not installed now", e.Address, e.Want)
	case e.Want == 0:
		return fmt.Sprintf("%s: was not installed when the plan was made and is at revision %d now", e.Address, e.Have)
	}
	return fmt.Sprintf("%s: was at revision %d when the plan was made and is at %d now", e.Address, e.Want, e.Have)
}

// ErrCancelled is why a step failed whose context was cancelled. What the
// cluster has of it shows at the next plan.
var ErrCancelled = errors.New("cancelled while it was under way")

// CauseError is why a step failed, with what was seen around it: waiting
// reasons, events, the last lines of logs.
type CauseError struct {
	Err  error
	Seen []string
}

func (e *CauseError) Error() string { return e.Err.Error() }

func (e *CauseError) Unwrap() error { return e.Err }
