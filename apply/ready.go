package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/plan"
)

// startReady starts what may start: everything once its needs are met, but of
// tenants no more at a time than the plan allows, none outside of its window,
// and nothing new once the run is stopping, except what a tenant in flight
// needs to finish its turn.
func (w *walker) startReady(ctx context.Context) {
	w.ready = append(w.shut, w.ready...)
	w.shut, w.wake = nil, time.Time{}
	clear(w.awaited)
	for {
		s, ok := w.next(ctx)
		if !ok {
			return
		}
		switch {
		case ctx.Err() != nil || w.interrupted || w.result.Stopped != "" && s.Tenant == "":
			if s.Tenant != "" {
				w.turns.release(s)
			}
		case s.Kind == plan.StepGate:
			w.gate(ctx, s)
		default:
			w.start(ctx, s)
		}
	}
}

// next takes a step that may start: of a tenant in its turn or of none, else
// the first of a tenant that may have a turn now.
func (w *walker) next(ctx context.Context) (plan.Step, bool) {
	for len(w.ready) > 0 {
		s := w.steps[w.ready[0]]
		w.ready = w.ready[1:]
		switch {
		case s.Tenant != "" && !w.turns.holds(s.Tenant):
			w.queued = append(w.queued, s.ID)
		case w.result.Stopped == "" && !w.open(s):
			w.shut = append(w.shut, s.ID)
		case w.result.Stopped != "" && !w.open(s): // it would be waited for
			w.turns.release(s)
		default:
			return s, true
		}
	}
	if ctx.Err() != nil || w.result.Stopped != "" {
		return plan.Step{}, false
	}
	for i, id := range w.queued {
		if s := w.steps[id]; w.turns.free(s) && w.open(s) {
			w.queued = slices.Delete(w.queued, i, i+1)
			w.turns.take(s)
			return s, true
		}
	}
	return plan.Step{}, false
}

// open says whether a step's window is open, and remembers when the next one
// opens.
func (w *walker) open(s plan.Step) bool {
	now := w.Clock.Now()
	opens := w.windows.opens(s, now)
	if !opens.After(now) {
		return true
	}
	if w.wake.IsZero() || opens.Before(w.wake) {
		w.wake = opens
	}
	at := opens.In(w.windows.byName[s.Window].location)
	e := Event{Type: StepWaiting, Step: s, Message: fmt.Sprintf("window %s opens %s", s.Window, at.Format("Mon 2006-01-02 15:04 MST"))}
	w.awaited[s.Window] = e
	if told := w.told[s.Window]; !told.Equal(opens) {
		w.told[s.Window], w.waitTold = opens, now
		w.emit(e)
	}
	return false
}

// waits says whether nothing runs for the only reason that windows are closed.
func (w *walker) waits() bool { return w.result.Stopped == "" && !w.wake.IsZero() }

// gate opens a gate, or stops the run in front of it.
func (w *walker) gate(ctx context.Context, s plan.Step) {
	if s.Approve && !w.past.approved[s.ID] {
		i := slices.Index(w.approve, s.Wave)
		if i < 0 {
			w.result.Awaits, w.result.Resumable = s.Wave, true
			w.emit(Event{Type: Gate, Step: s, Message: "waits for an approval"})
			w.stop("wave " + s.Wave + " waits for an approval")
			return
		}
		w.approve = slices.Delete(w.approve, i, i+1)
		if err := w.write(ctx, Entry{Kind: Approved, Step: s.ID, By: w.By}); err != nil {
			w.result.Resumable = true
			w.stop(err.Error())
			return
		}
		w.emit(Event{Type: Gate, Step: s, By: w.By, Message: "approved by " + w.By})
	}
	w.follow(s.ID, true)
}

// checkApprovals refuses words about gates that are not there.
func checkApprovals(doc *plan.Document, waves []string) error {
	var known []string
	for _, s := range doc.Steps {
		if s.Kind == plan.StepGate && s.Approve {
			known = append(known, s.Wave)
		}
	}
	for _, wave := range waves {
		if slices.Contains(known, wave) {
			continue
		}
		only := ""
		if len(known) > 0 {
			only = ", only of " + strings.Join(slices.Compact(known), ", ")
		}
		return fmt.Errorf("nothing was started: no gate of wave %q in this plan waits for an approval%s", wave, only)
	}
	return nil
}
