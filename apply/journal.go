package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/soctalk/fleet/plan"
)

// Journal keeps what a run does where it outlives the program. Every entry is
// written before what follows it happens.
type Journal interface {
	// Write returns once the entry is kept. It may be called from several
	// goroutines. It fails for good once another run holds the fleet's lock.
	Write(ctx context.Context, e Entry) error
}

// EntryKind says what an entry tells.
type EntryKind string

// The kinds of entry.
const (
	// Started and Resumed are the first words of a program that runs the plan;
	// By says who runs it.
	Started EntryKind = "started"
	Resumed EntryKind = "resumed"
	// Begun is the intent of a step; Base is what it starts from.
	Begun EntryKind = "begun"
	// Done is its result; Base is the revision that it made, if any.
	Done EntryKind = "done"
	// Failed, Cancelled and Quarantined are its other ends.
	Failed      EntryKind = "failed"
	Cancelled   EntryKind = "cancelled"
	Quarantined EntryKind = "quarantined"
	// Reached says that the run has come to a rollback point, which Step names.
	Reached EntryKind = "point"
	// Approved opens a gate; By says on whose word.
	Approved EntryKind = "approved"
	// Waiting says that the run stands at a gate, or was interrupted.
	Waiting EntryKind = "waiting"
	// Ended says that nothing is left that the run may do by itself.
	Ended EntryKind = "ended"
	// Taken says that another run took the lock: nothing follows that is not
	// preceded by Resumed.
	Taken EntryKind = "taken"
)

// Entry is one line of a run's journal. It holds no secret.
type Entry struct {
	Time time.Time `json:"time"`
	// Epoch counts the holders of the fleet's lock.
	Epoch int       `json:"epoch"`
	Kind  EntryKind `json:"kind"`
	Step  string    `json:"step,omitempty"`
	// Address is set where it is not that of the step.
	Address string     `json:"address,omitempty"`
	Base    *plan.Base `json:"base,omitempty"`
	By      string     `json:"by,omitempty"`
	Message string     `json:"message,omitempty"`
	// Seen is what was seen around a failure; see [CauseError].
	Seen []string `json:"seen,omitempty"`
}

// failedWith notes why something failed.
func (e *Entry) failedWith(err error) {
	e.Kind, e.Message = Failed, err.Error()
	var cause *CauseError
	if errors.As(err, &cause) {
		e.Seen = cause.Seen
	}
}

// cause is the error that [Entry.failedWith] was told.
func (e *Entry) cause() error {
	err := errors.New(e.Message)
	if len(e.Seen) == 0 {
		return err
	}
	return &CauseError{Err: err, Seen: e.Seen}
}

// JournalError says that an entry could not be kept, so that nothing may follow
// it.
type JournalError struct{ Err error }

func (e *JournalError) Error() string { return fmt.Sprintf("the journal cannot be written: %v", e.Err) }

func (e *JournalError) Unwrap() error { return e.Err }

// write keeps an entry. What happened is kept even when the run is cancelled.
func (w *walker) write(ctx context.Context, e Entry) error {
	e.Time = w.Clock.Now().UTC()
	if err := w.Journal.Write(context.WithoutCancel(ctx), e); err != nil {
		return &JournalError{err}
	}
	return nil
}
