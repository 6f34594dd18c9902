package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/soctalk/fleet/plan"
)

func (w *walker) run(ctx context.Context) (*Result, error) {
	defer close(w.over)
	first := Entry{Kind: Started, By: w.By}
	if len(w.Past) > 0 {
		first.Kind = Resumed
	}
	if err := w.write(ctx, first); err != nil {
		return nil, fmt.Errorf("nothing was started: %w", err)
	}
	w.replay(ctx)
	w.reach()
	tick := w.Clock.After(lookInterval)
	interrupt, cancelled := w.Interrupt, ctx.Done()
	w.startReady(ctx)
	for len(w.running) > 0 || w.waits() {
		select {
		case o := <-w.results:
			w.end(ctx, o)
			w.startReady(ctx)
		case rep := <-w.reports:
			w.heard(rep)
		case <-tick:
			tick = w.Clock.After(lookInterval)
			if w.waits() && !w.Clock.Now().Before(w.wake) {
				w.startReady(ctx)
			}
			w.tellSilent()
		case <-cancelled:
			cancelled = nil
			w.result.Resumable = true
			w.stop(context.Cause(ctx).Error())
		case <-interrupt:
			interrupt = nil
			w.shut = nil
			w.interrupted, w.result.Resumable = true, true
			w.stop("interrupted")
		}
	}
	w.close()
	w.last(ctx)
	return w.result, nil
}

// last says in the journal whether the run may go on by itself.
func (w *walker) last(ctx context.Context) {
	e := Entry{Kind: Ended, Message: w.result.Stopped}
	if w.result.Resumable {
		e.Kind = Waiting
	}
	if err := w.write(ctx, e); err != nil {
		w.stop(err.Error())
	}
}

func (w *walker) follow(id string, ok bool) {
	ready, skipped := w.walk.End(id, ok)
	w.reach(append(skipped, id)...)
	w.admit(ready)
	for _, s := range skipped {
		w.emit(Event{Type: StepSkipped, Step: w.steps[s], Message: "a step that it needs did not succeed"})
	}
}

func (w *walker) stop(why string) {
	if w.result.Stopped == "" {
		w.result.Stopped = why
		w.emit(Event{Type: Stopping, Message: why})
	}
}

// close lists what was never started or not finished, save what has failed.
func (w *walker) close() {
	told := map[string]bool{}
	for _, f := range w.result.Failed {
		told[f.Step.Address] = true
	}
	for _, f := range w.result.Quarantined {
		told[f.Step.Address] = true
	}
	for _, s := range w.result.Open {
		told[s.Address] = true
	}
	for _, rel := range w.Plan.Releases {
		begun := w.begun[rel.Address]
		switch {
		case rel.Action == plan.Unchanged || told[rel.Address]:
		case begun == 0:
			w.result.NotStarted = append(w.result.NotStarted, rel.Address)
		case begun < len(rel.Path) && !slices.Contains(w.result.RolledBack, rel.Address):
			w.result.Underway = append(w.result.Underway, Underway{Address: rel.Address, At: rel.Path[begun-1].To})
		}
	}
	w.result.Elapsed = w.Clock.Now().Sub(w.started)
}
