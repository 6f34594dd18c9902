package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// Detail says how much of each class a view shows.
type Detail int

// The amounts of detail.
const (
	Full    Detail = iota // objects and their fields, and release notes
	Compact               // objects, without their fields
)

// planIndex is a document with what the views look up in it, found in one pass
// over releases and steps, so that no view's work grows with classes × tenants.
type planIndex struct {
	doc      *plan.Document
	names    map[string]string          // short ones, by address
	members  map[string][]*plan.Release // by class
	warnings map[string][]plan.Diagnostic
	steps    map[string]*plan.Step // by id
	stages   []*stage
	stageOf  map[*plan.Step]*stage
	// snapshots holds the addresses that are snapshotted before they change.
	snapshots map[string]bool
}

func index(doc *plan.Document) *planIndex {
	x := &planIndex{
		doc: doc, names: make(map[string]string, len(doc.Releases)), members: map[string][]*plan.Release{},
		warnings: map[string][]plan.Diagnostic{}, steps: make(map[string]*plan.Step, len(doc.Steps)),
		stageOf: make(map[*plan.Step]*stage, len(doc.Steps)), snapshots: map[string]bool{},
	}
	releases := make(map[string]*plan.Release, len(doc.Releases))
	for i := range doc.Releases {
		r := &doc.Releases[i]
		releases[r.Address] = r
		x.names[r.Address] = nameOf(r)
		if r.Class != "" {
			x.members[r.Class] = append(x.members[r.Class], r)
		}
	}
	for _, d := range doc.Diagnostics {
		if r := releases[d.Address]; r != nil && r.Class != "" {
			x.warnings[r.Class] = append(x.warnings[r.Class], d)
		}
	}
	for i := range doc.Steps {
		s := &doc.Steps[i]
		x.steps[s.ID] = s
		if s.Kind == plan.StepSnapshot {
			x.snapshots[s.Address] = true
		}
	}
	x.findStages()
	return x
}

// name is the short name of an address.
func (x *planIndex) name(address string) string {
	if n := x.names[address]; n != "" {
		return n
	}
	return clean(address)
}

// parallel is how many tenants of a wave move at a time; 0 when the document
// does not say.
func (x *planIndex) parallel(wave string) int {
	n := x.doc.Rollout.MaxParallel
	if w := x.doc.Rollout.WaveParallel[wave]; w > 0 && w < n {
		n = w
	}
	return n
}

// snapshotted names the members of a class that are snapshotted first.
func (x *planIndex) snapshotted(class string) []string {
	var names []string
	for _, r := range x.members[class] {
		if x.snapshots[r.Address] {
			names = append(names, nameOf(r))
		}
	}
	return names
}

// byWave groups the members of a class, in the order of the document.
func (x *planIndex) byWave(class string) (waves []string, names map[string][]string) {
	names = map[string][]string{}
	for _, r := range x.members[class] {
		if r.Wave == "" {
			continue
		}
		if names[r.Wave] == nil {
			waves = append(waves, r.Wave)
		}
		names[r.Wave] = append(names[r.Wave], nameOf(r))
	}
	return waves, names
}

// subject names a class: its one release, or how many there are.
func (x *planIndex) subject(c *plan.Class) string {
	if m := x.members[c.ID]; len(m) == 1 {
		return clean(m[0].Address)
	}
	return plural(c.Count, "release")
}

// snapshotNames says whose snapshots the steps of these ids take; of many, how
// many they are.
func (x *planIndex) snapshotNames(ids []string) string {
	if len(ids) > fewNames {
		return plural(len(ids), "snapshot")
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = clean(id)
		if s := x.steps[id]; s != nil && s.Snapshot != "" {
			names[i] = fmt.Sprintf("%s of %s", clean(s.Snapshot), x.name(s.Address))
		}
	}
	return "snapshot " + strings.Join(names, ", ")
}
