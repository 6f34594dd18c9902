package view

import (
	"fmt"
	"strings"

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
		switch {
		case p.After == "":
			text += ": what is live now"
		case len(p.Restores) > 0:
			text += ": brings back " + x.restored(p.Restores)
		}
		if len(p.Snapshots) > 0 {
			text += ", with " + x.snapshotNames(p.Snapshots)
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

// fewNames is how many are named where the names are not what matters.
const fewNames = 3

// restored names a few releases; of many, how many they are.
func (x *planIndex) restored(addresses []string) string {
	if len(addresses) > fewNames {
		return plural(len(addresses), "release")
	}
	names := make([]string, len(addresses))
	for i, a := range addresses {
		names[i] = x.name(a)
	}
	return strings.Join(names, ", ")
}
