package plan

import (
	"fmt"
	"slices"
)

// outlook says how far back one can go: which states the run passes that it can
// return to as a whole, and where Helm alone no longer gets back.
func (d *Draft) outlook(doc *Document) {
	legs := map[string]Leg{}
	for _, r := range doc.Releases {
		for i, l := range r.Path {
			legs[fmt.Sprint(r.Address, " ", i)] = l
		}
	}
	reversible := func(s Step) bool {
		return legs[fmt.Sprint(s.Address, " ", s.Hop)].Reversibility == Reversible
	}
	doc.NoReturn = noReturn(doc, reversible)
	doc.RollbackPoints = append(doc.RollbackPoints, rollbackPoints(doc.Steps, reversible)...)
}

func changes(s Step) bool {
	return s.Kind == StepUpgrade || s.Kind == StepInstall || s.Kind == StepUninstall
}

// saves says whether a step makes a way back to what its release is then.
func (s Step) saves() bool { return s.Kind == StepSnapshot && len(s.Unsaved) == 0 && !s.NoRestore }

// noReturn is the first step that Helm cannot take back. A migration that runs
// ahead of such an upgrade is that step.
func noReturn(doc *Document, reversible func(Step) bool) *NoReturn {
	var snapshots []Step
	for _, s := range doc.Steps {
		if s.saves() {
			snapshots = append(snapshots, s)
		}
		if !changes(s) && s.Kind != StepMigrate || reversible(s) {
			continue
		}
		n := &NoReturn{Step: s.ID, Why: whyNot(doc, s)}
		for _, snap := range snapshots {
			if snap.Address == s.Address {
				n.Snapshots = append(n.Snapshots, snap.ID)
			}
		}
		return n
	}
	return nil
}

// whyNot takes the first reason of a verdict, which is the weightiest, from the
// class that the step belongs to.
func whyNot(doc *Document, s Step) string {
	i := slices.IndexFunc(doc.Releases, func(r Release) bool { return r.Address == s.Address })
	j := slices.IndexFunc(doc.Classes, func(c Class) bool { return c.ID == doc.Releases[i].Class })
	notes := doc.Classes[j].Notes
	if s.Hop < len(doc.Classes[j].Hops) {
		notes = doc.Classes[j].Hops[s.Hop].Notes
	}
	if len(notes) == 0 {
		return "its last revision failed, so there is nothing to go back to"
	}
	return notes[0]
}

// rollbackPoints walks the steps backwards. A point is one that the run can go
// back to as long as everything that changes after it can be undone: by Helm, by
// uninstalling what was installed, or with a snapshot taken after the point.
func rollbackPoints(steps []Step, reversible func(Step) bool) []RollbackPoint {
	if len(steps) == 0 {
		return nil
	}
	var points []RollbackPoint
	lost := map[string]bool{}    // addresses whose change nothing undoes
	touched := map[string]bool{} // addresses that change
	var restores, snapshots []string
	note := func(id, after string) {
		if len(lost) == 0 && len(restores) > 0 {
			points = append(points, RollbackPoint{ID: id, After: after, Restores: slices.Sorted(slices.Values(restores)), Snapshots: slices.Sorted(slices.Values(snapshots))})
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		if id := pointAfter(steps, i); id != "" {
			note(id, s.ID)
		}
		switch {
		case s.saves() && lost[s.Address]:
			delete(lost, s.Address)
			snapshots = append(snapshots, s.ID)
		case changes(s):
			if !reversible(s) {
				lost[s.Address] = true
			}
			if !touched[s.Address] {
				touched[s.Address] = true
				restores = append(restores, s.Address)
			}
		}
	}
	note("start", "")
	slices.Reverse(points)
	return points
}

// pointAfter names the point after a step: where the system's part of a phase
// ends, or a wave does, or the last tenant that leaves is gone.
func pointAfter(steps []Step, i int) string {
	s := steps[i]
	last := i+1 == len(steps) || steps[i+1].Phase != s.Phase || steps[i+1].Kind == StepGate
	switch {
	case s.Kind == StepUninstall:
		if i+1 == len(steps) || steps[i+1].Kind != StepUninstall {
			return "removed"
		}
		return ""
	case last && s.Wave != "":
		return fmt.Sprintf("wave.%s/%d", s.Wave, s.Phase)
	case last:
		return fmt.Sprintf("system/%d", s.Phase)
	}
	return ""
}
