package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// order tells the stages of a plan in the order in which they run, with the
// skews, rollback points and the point of no return where they occur.
type order struct {
	before []fact // what holds already
	stages []fact
}

func (x *planIndex) order() order {
	var o order
	points, start := x.points()
	o.before = x.pointFacts(start)
	skews, inherited, unplaced := x.skews()
	o.before = append(o.before, inherited...)
	lag := x.lag()
	for _, st := range x.stages {
		var f fact
		if st.system() {
			f = x.systemStage(st, points)
			f.under = append(f.under, skews[st]...)
			if f.under != nil {
				f.under = append(f.under, lag[st]...)
			}
		} else {
			f = x.waveStage(st, points)
		}
		o.stages = append(o.stages, f)
	}
	if len(o.stages) > 0 && len(unplaced) > 0 {
		last := &o.stages[len(o.stages)-1]
		last.under = append(last.under, unplaced...)
	}
	return o
}

// systemStage tells the steps of the system one by one.
func (x *planIndex) systemStage(st *stage, points map[*plan.Step][]*plan.RollbackPoint) fact {
	f := fact{text: "system"}
	if st.own[0].Address != "system" && st.own[0].Address != "" {
		f.text = clean(st.own[0].Address)
	}
	if len(st.own) == 1 && !changes(st.own[0].Kind) {
		f.text = x.stepText(st.own[0])
		f.under = x.pointFacts(points[st.own[0]])
		return f
	}
	for _, s := range st.own {
		switch s.Kind {
		case plan.StepInstall:
			f.text += " " + clean(s.To)
		case plan.StepUpgrade, plan.StepRollback:
			f.text += " " + fromTo(s)
		case plan.StepUninstall:
			f.text += " " + clean(s.From)
		}
	}
	danger := x.noReturnStep()
	for _, s := range st.own {
		f.under = append(f.under, fact{text: x.stepText(s)})
		if s == danger {
			f.under = append(f.under, x.noReturnFact(""))
		}
		f.under = append(f.under, x.pointFacts(points[s])...)
	}
	return f
}

func fromTo(s *plan.Step) string {
	if s.From == s.To {
		return clean(s.To) + " (same version)"
	}
	return clean(s.From) + " → " + clean(s.To)
}

// mostWays is how many kinds of version change are told of a wave.
const mostWays = 3

// waveStage is one entry, however many tenants.
func (x *planIndex) waveStage(st *stage, points map[*plan.Step][]*plan.RollbackPoint) fact {
	t := st.traits()
	parts := []string{"tenants in no wave"}
	switch {
	case st.wave != "":
		parts[0] = "wave " + clean(st.wave)
	case st.turns[0].kind() == plan.StepUninstall:
		parts[0] = "tenants that leave"
	}
	parts[0] += ": " + plural(len(st.turns), "tenant")
	if n := min(x.parallel(st.wave), len(st.turns)); n > 0 && len(st.turns) > 1 {
		parts = append(parts, fmt.Sprintf("%d at a time", n))
	}
	for i, w := range t.ways {
		if i == mostWays {
			parts = append(parts, plural(len(t.ways)-i, "other way"))
			break
		}
		if len(t.ways) > 1 {
			w.text = fmt.Sprintf("%d × %s", w.tenants, w.text)
		}
		parts = append(parts, w.text)
	}
	if t.snapshots > 0 {
		parts = append(parts, plural(t.snapshots, "snapshot")+" first")
	}
	if t.settle != "" {
		parts = append(parts, "each settling "+clean(round(t.settle)))
	}
	if lasts(t.soak) {
		parts = append(parts, "soak "+clean(round(t.soak)))
	}
	f := fact{text: strings.Join(parts, ", ")}
	if t.approve {
		f.under = append(f.under, fact{weight: weightToKnow, text: fmt.Sprintf("the run stops in front of it until it is approved: soctalk apply -resume=RUN -approve=%s", clean(st.wave))})
	}
	if len(t.windows) > 0 {
		names := make([]string, len(t.windows))
		for i, w := range t.windows {
			names[i] = x.windowText(w)
		}
		f.under = append(f.under, fact{text: "only in window " + shortList(names)})
	}
	if len(t.checks) > 0 {
		f.under = append(f.under, fact{text: "checks: " + shortList(t.checks)})
	}
	if s := x.noReturnStep(); s != nil && x.stageOf[s] == st {
		f.under = append(f.under, x.noReturnFact(s.Address))
	}
	return fact{text: f.text, under: append(f.under, x.stagePoints(st, points)...)}
}

// noReturnStep is the step of the point of no return; nil for none.
func (x *planIndex) noReturnStep() *plan.Step {
	if x.doc.NoReturn == nil {
		return nil
	}
	return x.steps[x.doc.NoReturn.Step]
}

// noReturnFact tells of the point of no return, and from where on it is where
// that is not clear.
func (x *planIndex) noReturnFact(from string) fact {
	text := "point of no return"
	if from != "" {
		text += ", from " + clean(from) + " on"
	}
	if why := x.doc.NoReturn.Why; why != "" {
		text += ": " + oneLine(why)
	}
	switch snapshots := x.doc.NoReturn.Snapshots; {
	case x.doc.Reverses != nil: // it is a way back
	case len(snapshots) > 0:
		text += "; the way back is " + x.snapshotNames(snapshots)
	default:
		text += "; this plan takes no snapshot to go back with"
	}
	return fact{weight: weightNoReturn, text: text}
}
