package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// Recount tells from a run's journal what the run came to, in the words of the
// program that wrote it. Why it stopped, and whether it may go on, is in the
// journal's head and not here. It changes nothing.
func Recount(doc *plan.Document, run string, entries []Entry) (*Result, error) {
	told := slices.Clone(entries)
	// What follows an end is another attempt, which forgets what had failed.
	for len(told) > 0 && (told[len(told)-1].Kind == Ended || told[len(told)-1].Kind == Taken) {
		told = told[:len(told)-1]
	}
	w, err := newWalker(&Runner{Plan: doc, Clock: SystemClock{}, Events: func(Event) {}, RunID: run, Past: told})
	if err != nil {
		return nil, fmt.Errorf("plan %s is not sound: %w", doc.PlanID, err)
	}
	// Nothing is taken up again under a context that is over.
	ctx, over := context.WithCancel(context.Background())
	over()
	for _, s := range doc.Steps {
		w.remember(ctx, s)
		if !w.past.open[s.ID] {
			continue
		}
		w.enter(s)
		if w.past.cancelled[s.ID] {
			w.cost(s, ErrCancelled)
		} else {
			w.result.Open = append(w.result.Open, s)
		}
	}
	w.close()
	w.result.Stopped, w.result.Elapsed = "", 0
	if len(entries) > 0 {
		w.result.Elapsed = entries[len(entries)-1].Time.Sub(entries[0].Time)
	}
	return w.result, nil
}
