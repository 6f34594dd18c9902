package view

import (
	"fmt"

	"github.com/soctalk/fleet/plan"
)

// points sorts the rollback points by the step that they come after; start are
// those from before any step.
func (x *planIndex) points() (after map[*plan.Step][]*plan.RollbackPoint, start []*plan.RollbackPoint) {
	after = map[*plan.Step][]*plan.RollbackPoint{}
	for i := range x.doc.RollbackPoints {
		p := &x.doc.RollbackPoints[i]
		if s := x.steps[p.After]; s != nil {
			after[s] = append(after[s], p)
		} else {
			start = append(start, p)
		}
	}
	return after, start
}

// stagePoints are those of all steps of a wave.
func (x *planIndex) stagePoints(st *stage, after map[*plan.Step][]*plan.RollbackPoint) []fact {
	var points []*plan.RollbackPoint
	for _, t := range st.turns {
		for _, s := range t.steps {
			points = append(points, after[s]...)
		}
	}
	for _, s := range st.own {
		points = append(points, after[s]...)
	}
	return x.pointFacts(points)
}

// pointFacts tell of points that come at the same place: of many, how many.
func (x *planIndex) pointFacts(points []*plan.RollbackPoint) []fact {
	if len(points) == 0 {
		return nil
	}
	if len(points) == 1 {
		p := points[0]
		text := "rollback point " + clean(p.ID)
		if len(p.Restores) > 0 {
			names := make([]string, len(p.Restores))
			for i, address := range p.Restores {
				names[i] = x.name(address)
			}
			text += ": brings back " + fewNames(names)
		}
		if len(p.Snapshots) > 0 {
			text += ", with snapshot " + x.snapshotNames(p.Snapshots)
		}
		return []fact{{weight: weightFaint, text: text}}
	}
	withSnapshots := 0
	for _, p := range points {
		if len(p.Snapshots) > 0 {
			withSnapshots++
		}
	}
	text := fmt.Sprintf("%s, %s to %s", plural(len(points), "rollback point"), clean(points[0].ID), clean(points[len(points)-1].ID))
	switch withSnapshots {
	case 0:
	case len(points):
		text += ", all with snapshots"
	default:
		text += fmt.Sprintf(", %d of them with snapshots", withSnapshots)
	}
	return []fact{{weight: weightFaint, text: text}}
}

// fewNames lists a few releases, of more how many.
func fewNames(names []string) string {
	if len(names) > 3 {
		return plural(len(names), "release")
	}
	return shortList(names)
}
