package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/snapshot"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
)

// task is a plan to be carried out: a new run of it, or one to go on with.
type task struct {
	doc  *plan.Document
	file []byte       // as kept for a later resume; of a new run
	run  *journal.Run // of one to go on with, as it stood before the lock was taken
	next string       // the command that plans what is left of it
	// approval says on whose word it is carried out.
	approval string
}

// run walks a plan and shows it.
func (a *app) run(ctx context.Context, s *session, t *task, flags *applyFlags) error {
	run := t.run
	if run == nil {
		run = &journal.Run{ID: newID(), PlanID: t.doc.PlanID, ConfigDigest: t.doc.ConfigDigest, ToolVersion: version, By: whoami(), Started: time.Now().UTC(), Summary: t.doc.Summary}
		if t.doc.Reverses != nil {
			run.Reverses = t.doc.Reverses.Run
		}
	}
	by := s.attempt(ctx, t.approval)
	if err := s.preflight(ctx, t.doc); err != nil {
		return err
	}
	s.set.ForRun(run.ID, t.doc)
	if err := mayExec(t.doc, flags.allowExec); err != nil {
		return err
	}
	s.allowExec = flags.allowExec
	if t.run == nil { // one that goes on may have taken them
		if err := s.snapshotsReady(ctx, t.doc); err != nil {
			return err
		}
	}
	ctx, interrupt, stop := interrupts(ctx)
	defer stop()
	held, journals, err := a.lockFleet(ctx, s, run.ID, flags.lockTimeout)
	if err != nil {
		return err
	}
	defer held.Release()
	if err := t.begin(held.Context, journals); err != nil {
		return err
	}
	a.retain(held.Context, s, journals, run)
	run, log, past, err := t.open(held.Context, journals, run, by, s.key)
	if err != nil {
		return err
	}
	if log == nil {
		return a.alreadyComplete(t.doc, run.ID, flags.asJSON)
	}
	taker := snapshot.NewTaker(snapshotFleet(s.fleet, s.clusters, flags.allowExec), journals, run.ID)
	if err := a.cleanUp(held.Context, taker); err != nil {
		return err
	}
	checks := check.New(s.fleet, usable(s.clusters), s.set.Rendered, run.ID, a.env)
	defer checks.Close()
	v := a.runView(t, flags.asJSON, past)
	defer v.Close()
	told := a.tell(ctx, s, run, t, past, flags.metrics.to)
	defer a.endTelling(told)
	r := &apply.Runner{
		Plan: t.doc, Releases: s.set, Snapshots: taker, Checks: checks, Journal: log, Clock: apply.SystemClock{}, Events: eventsTo(v.Event, told.Event, gatesInto(run)), RunID: run.ID, By: whoami(), Past: past,
		Approve: flags.approve, MaxParallel: flags.maxParallel, RefuseStale: flags.stale == "refuse", Interrupt: interrupt,
	}
	result, err := r.Run(held.Context)
	if err != nil {
		run.Refused(err)
		told.Ended(&apply.Result{RunID: run.ID, Stopped: err.Error()})
		return errors.Join(err, journals.End(ctx, run))
	}
	v.End(result)
	told.Ended(result)
	if err := journals.End(ctx, ended(run, result)); err != nil {
		return fmt.Errorf("say in the journal how run %s ended: %w", run.ID, err)
	}
	switch {
	case result.Awaits != "":
		return exitStatus(exitGate)
	case !result.OK():
		if !flags.asJSON && !isTerminal(a.out) { // where the report is read already
			a.diagnostics([]plan.Diagnostic{{Severity: plan.Error, Summary: "Run " + run.ID + " did not complete", Detail: view.Shortfall(result) + " The report on standard output says why, and what goes on."}})
		}
		return exitStatus(exitFailure)
	}
	return nil
}

// begin makes sure that a plan is not carried out a second time.
func (t *task) begin(ctx context.Context, journals *journal.Journal) error {
	if t.run != nil {
		return nil
	}
	runs, err := journals.Runs(ctx)
	if err != nil {
		return err
	}
	return begunBefore(runs, t.doc)
}

// open begins the run's journal, or goes on with it as another program may have
// left it while the lock was waited for. Of a complete run there is no log.
func (t *task) open(ctx context.Context, journals *journal.Journal, run *journal.Run, by journal.Attempt, key plan.Key) (*journal.Run, *journal.Log, []apply.Entry, error) {
	if t.run != nil {
		return journals.Resume(ctx, run.ID, by)
	}
	run.Begin(by)
	log, err := journals.Start(ctx, run, t.file, key)
	return run, log, nil, err
}

// ended notes how a run ended.
func ended(run *journal.Run, r *apply.Result) *journal.Run {
	run.Stopped, run.Awaits, run.Outcome, run.Unproven = r.Stopped, r.Awaits, outcomeOf(r), r.Unproven()
	switch {
	case r.OK():
		run.State = journal.Complete
	case r.Resumable:
		run.State = journal.Waiting
	default:
		run.State = journal.Failed
	}
	return run
}
