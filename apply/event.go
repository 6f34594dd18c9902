package apply

import (
	"slices"
	"time"

	"github.com/soctalk/fleet/plan"
)

// EventType says what happened.
type EventType string

// The events of a run, in the words of the run stream.
const (
	StepStart EventType = "step_start"
	// StepProgress is a sign of life of a step of which nothing was heard for
	// long, StepStatus what a step waits for, each time that this changes.
	StepProgress EventType = "step_progress"
	StepStatus   EventType = "step_status"
	StepLog      EventType = "step_log"
	StepDone     EventType = "step_done"
	StepFailed   EventType = "step_failed"
	StepSkipped  EventType = "step_skipped"
	RolledBack   EventType = "rolled_back"
	Stopping     EventType = "stopping"
	// StepWaiting says that a tenant's window is closed, and when it opens.
	StepWaiting EventType = "step_waiting"
	// Gate says that a gate waits for an approval, or, with By, that it has one.
	Gate EventType = "gate"
	// PointReached says which rollback point the run has come to.
	PointReached EventType = "rollback_point"
)

// RollbackID names the way back from a step.
func RollbackID(step string) string { return step + "/rollback" }

// Event is one thing that happened during a run. Events arrive one at a time.
type Event struct {
	Time    time.Time
	Type    EventType
	Step    plan.Step
	Elapsed time.Duration // since the step started
	Message string
	By      string // on whose word
	Err     error
}

// Result is how a run ended.
type Result struct {
	RunID                            string
	Installed, Upgraded, Uninstalled int
	// Returned counts the releases that the plan itself puts back.
	Returned int
	// Failed and Quarantined are in the order in which they happened.
	Failed      []*Failure
	Quarantined []Failure
	// RolledBack are the addresses of releases that were put back because a step
	// failed.
	RolledBack []string
	// NotStarted are the addresses of releases that no step touched.
	NotStarted []string
	// Underway are releases that made some of their hops and not the last.
	Underway []Underway
	// Open are steps that were begun, and how they ended is not known; see
	// [Recount].
	Open []plan.Step
	// Reverses is the run that the plan rolls back, if it does.
	Reverses string
	// Stopped says why nothing more was started; empty when all was.
	Stopped string
	// Awaits is the wave whose gate waits for an approval.
	Awaits string
	// Resumable says that the run may go on from its journal as it is.
	Resumable bool
	Elapsed   time.Duration
}

// Underway is a release that stands at a version on its way.
type Underway struct{ Address, At string }

// Failure is one step that did not succeed.
type Failure struct {
	Step plan.Step
	Err  error
	// RollbackErr is why the release could not be put back either.
	RollbackErr error
}

// Unproven are the addresses of waves and releases that stand as the run brought
// them, though what was to show that they work did not. A new plan finds nothing
// to do there and asks no check again; the run itself, taken up again, does.
func (r *Result) Unproven() []string {
	var unproven []string
	for _, f := range r.Failed {
		if tries := f.Step.Kind == plan.StepSoak || f.Step.Kind == plan.StepVerify; tries && !slices.Contains(r.RolledBack, f.Step.Address) {
			unproven = append(unproven, f.Step.Address)
		}
	}
	return unproven
}

// OK says whether everything that was planned was done.
func (r *Result) OK() bool {
	return len(r.Failed) == 0 && len(r.Quarantined) == 0 && len(r.Open) == 0 && r.Stopped == ""
}
