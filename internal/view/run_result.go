package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// result is how a step, or several, ended: the worst first.
type result int

const (
	resultFailed result = iota
	resultOpen
	resultDone
	resultNone // not started
)

func resultOf(state string) result {
	switch apply.EntryKind(state) {
	case apply.Done:
		return resultDone
	case apply.Begun:
		return resultOpen
	}
	return resultFailed
}

func (r result) look() string {
	return [...]string{resultFailed: "bad", resultOpen: "data", resultDone: "good", resultNone: ""}[r]
}

func (r result) word() string {
	return [...]string{resultFailed: "failed", resultOpen: "not finished", resultDone: "done", resultNone: "not started"}[r]
}

// tally is what became of a tenant's steps, or of a step that is no tenant's.
type tally struct {
	steps, done int
	failed      string // the state that says so
	begun       bool
	from, until time.Time
}

func (t *tally) result() result {
	switch {
	case t.failed != "":
		return resultFailed
	case t.done == t.steps:
		return resultDone
	case t.begun:
		return resultOpen
	}
	return resultNone
}

// ended tells the nodes of a graph what became of them.
func (g *graph) ended(doc *plan.Document, r *RunHistory) {
	states := make(map[string]*StepHistory, len(r.Steps))
	for i := range r.Steps {
		// A way back has the id of the step that failed.
		if states[r.Steps[i].Step] == nil {
			states[r.Steps[i].Step] = &r.Steps[i]
		}
	}
	nodes := make([]map[string]*tally, len(g.nodes))
	gates := gatesOf(doc, r)
	for _, s := range doc.Steps {
		id, drawn := g.byStep[s.ID]
		if !drawn {
			continue
		}
		if s.Kind == plan.StepGate {
			n := &g.nodes[id]
			if n.outcome, n.result = gates.outcome(s); n.result != resultNone {
				n.lines = slices.DeleteFunc(n.lines, func(l string) bool { return l == awaitsApproval })
			}
			continue
		}
		if nodes[id] == nil {
			nodes[id] = map[string]*tally{}
		}
		t := nodes[id][s.Tenant]
		if t == nil {
			t = &tally{}
			nodes[id][s.Tenant] = t
		}
		t.add(states[s.ID])
	}
	for id, tallies := range nodes {
		if tallies == nil { // a gate
			continue
		}
		g.nodes[id].outcome, g.nodes[id].result = outcome(tallies)
	}
}

// gates are what a run tells of them. None begins or ends: one is open when it
// was approved, or when something behind it has begun.
type gates struct {
	approved, passed map[string]bool
	awaits           string
}

func gatesOf(doc *plan.Document, r *RunHistory) gates {
	g := gates{map[string]bool{}, map[string]bool{}, r.report.Result.Awaits}
	for _, w := range r.Words {
		if w.Kind == string(apply.Approved) {
			g.approved[w.Step] = true
		}
	}
	begun := map[string]bool{}
	for _, s := range r.Steps {
		begun[s.Step] = true
	}
	for _, s := range doc.Steps {
		if begun[s.ID] {
			for _, need := range s.Needs {
				g.passed[need] = true
			}
		}
	}
	return g
}

func (g gates) outcome(s plan.Step) (string, result) {
	switch {
	case g.approved[s.ID]:
		return "approved", resultDone
	case g.passed[s.ID]:
		return "passed", resultDone
	case s.Approve && g.awaits == s.Wave:
		return awaitsApproval, resultOpen
	}
	return "not reached", resultNone
}

func (t *tally) add(s *StepHistory) {
	t.steps++
	if s == nil {
		return
	}
	t.begun = true
	switch resultOf(s.State) {
	case resultDone:
		t.done++
	case resultFailed:
		t.failed = s.State
	}
	if s.Began != nil && (t.from.IsZero() || s.Began.Before(t.from)) {
		t.from = *s.Began
	}
	if s.Ended != nil && s.Ended.After(t.until) {
		t.until = *s.Ended
	}
}

// outcome says in a line what became of a node.
func outcome(tallies map[string]*tally) (string, result) {
	worst, n := resultNone, map[result]int{}
	for _, t := range tallies {
		n[t.result()]++
		worst = min(worst, t.result())
	}
	if len(tallies) == 1 {
		for _, t := range tallies {
			text := worst.word()
			if t.failed != "" {
				text = clean(t.failed)
			}
			if worst == resultDone && !t.from.IsZero() {
				text += " in " + elapsed(t.until.Sub(t.from))
			}
			return text, worst
		}
	}
	var parts []string
	for _, r := range []result{resultDone, resultFailed, resultOpen, resultNone} {
		if n[r] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[r], r.word()))
		}
	}
	return strings.Join(parts, ", "), worst
}
