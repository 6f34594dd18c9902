package apply

import (
	"context"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// points notes which of a plan's rollback points the run has reached: those of
// which every step before has ended, however.
type points struct {
	steps []plan.Step
	ended map[string]bool
	// passed is how many steps from the first on have all ended.
	passed int
	open   []point
}

// point is one that is not reached yet; after is how many steps are before it.
type point struct {
	id    string
	after int
}

func newPoints(doc *plan.Document, reached map[string]bool) points {
	p := points{steps: doc.Steps, ended: map[string]bool{}}
	for _, r := range doc.RollbackPoints {
		last := slices.IndexFunc(doc.Steps, func(s plan.Step) bool { return s.ID == r.After })
		if !reached[r.ID] && (last >= 0 || r.After == "") {
			p.open = append(p.open, point{r.ID, last + 1})
		}
	}
	return p
}

// end takes in steps that have ended, and returns the points that are reached.
func (p *points) end(steps ...string) []point {
	for _, id := range steps {
		p.ended[id] = true
	}
	for p.passed < len(p.steps) && p.ended[p.steps[p.passed].ID] {
		p.passed++
	}
	var reached []point
	p.open = slices.DeleteFunc(p.open, func(x point) bool {
		if x.after <= p.passed {
			reached = append(reached, x)
		}
		return x.after <= p.passed
	})
	return reached
}

// reach keeps in the journal which points are reached now that steps have ended.
func (w *walker) reach(ended ...string) {
	for _, p := range w.points.end(ended...) {
		if err := w.write(context.Background(), Entry{Kind: Reached, Step: p.id}); err != nil {
			w.result.Resumable = true
			w.stop(err.Error())
			return
		}
		w.emit(Event{Type: PointReached, Message: p.id})
	}
}
