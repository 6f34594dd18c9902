package apply

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/soctalk/fleet/plan"
	"pgregory.net/rapid"
)

// randomSnapshots puts snapshots before some turns, and a point before and after
// the system's.
func randomSnapshots(t *rapid.T, doc *plan.Document) {
	var steps []plan.Step
	for _, s := range doc.Steps {
		first := s.Kind == plan.StepMigrate || s.Kind == plan.StepUpgrade && s.Tenant != "" && slices.ContainsFunc(doc.Steps, func(g plan.Step) bool { return g.Kind == plan.StepGate && g.ID == s.Needs[0] })
		if first && rapid.Bool().Draw(t, "snapshot before "+s.ID) {
			snap := plan.Step{ID: s.Address + "/0/snapshot/x", Kind: plan.StepSnapshot, Driver: "pg_dump", Address: s.Address, Tenant: s.Tenant, Wave: s.Wave, Needs: s.Needs}
			s.Needs = []string{snap.ID}
			steps = append(steps, snap)
		}
		steps = append(steps, s)
	}
	doc.Steps = steps
	doc.RollbackPoints = []plan.RollbackPoint{{ID: "start"}, {ID: "system/0", After: "system/0/upgrade"}}
}

// Take implements Snapshots.
func (m *model) Take(_ context.Context, r plan.Release, s plan.Step, _ Report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.versions[r.Address] != r.From || r.Address == "system" && m.job {
		m.fault("%s was saved after it had moved", r.Address)
	}
	if !slices.ContainsFunc(m.entries, func(e Entry) bool { return e.Kind == Begun && e.Step == s.ID }) {
		m.fault("%s was saved by %s, of which the journal knows nothing", r.Address, s.ID)
	}
	delete(m.saved, s.ID)
	if !m.alive() {
		return errKilled
	}
	if m.broken["snapshot of "+r.Address] {
		m.failed[s.Tenant] = s.Tenant != ""
		return errors.New("broken")
	}
	m.saved[s.ID] = true
	if !m.alive() {
		return errKilled
	}
	return nil
}

// protected holds that all that a step of a turn needs saved is saved.
func (m *model) protected(s plan.Step) {
	for _, snap := range m.doc.Steps {
		if snap.Kind == plan.StepSnapshot && snap.Tenant == s.Tenant && !m.saved[snap.ID] {
			m.fault("%s began without %s", s.ID, snap.ID)
		}
	}
}

// checkPoints holds that each point is in the journal once, when nothing that it
// is before had begun and all that it is after had ended.
func checkPoints(t *rapid.T, m *model) {
	at := map[string][]int{}
	ended := -1
	for i, e := range m.entries {
		switch {
		case e.Kind == Reached:
			at[e.Step] = append(at[e.Step], i)
		case e.Kind == Done && e.Step == "system/0/upgrade":
			ended = i
		}
	}
	begun := slices.IndexFunc(m.entries, func(e Entry) bool { return e.Kind == Begun })
	if n := at["start"]; len(m.doc.RollbackPoints) > 0 && (len(n) != 1 || begun >= 0 && n[0] > begun) {
		t.Fatalf("the start is a point at %v, and the first step began at %d", n, begun)
	}
	if n := at["system/0"]; len(n) > 1 || len(n) == 1 && ended >= 0 && n[0] < ended {
		t.Fatalf("the system's end is a point at %v, and the system ended at %d", n, ended)
	}
}

// A run that was cut off after a snapshot and before what it protects takes it
// anew: what was written in between would be lost otherwise.
func TestSnapshotIsTakenAnewWhenNothingFollowedIt(t *testing.T) {
	t.Parallel()
	doc := &plan.Document{Steps: []plan.Step{
		{ID: "snap", Kind: plan.StepSnapshot, Address: "system"},
		{ID: "migrate", Kind: plan.StepMigrate, Address: "system", Needs: []string{"snap"}},
	}}
	entries := []Entry{{Kind: Begun, Step: "snap"}, {Kind: Done, Step: "snap"}}
	if recall(doc, entries).done["snap"] {
		t.Error("the snapshot counts as taken although nothing followed it")
	}
	if !recall(doc, append(entries, Entry{Kind: Begun, Step: "migrate"})).done["snap"] {
		t.Error("the snapshot is taken anew although the migration was begun")
	}
}
