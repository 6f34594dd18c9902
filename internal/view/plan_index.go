package view

import (
	"slices"

	"github.com/soctalk/fleet/plan"
)

// Detail says how much of each class a view shows.
type Detail int

// The amounts of detail.
const (
	Full    Detail = iota // objects and their fields
	Compact               // objects, without their fields
)

// planIndex is a document with what the views look up in it, found in one pass
// over releases and steps, so that no view's work grows with classes × tenants.
type planIndex struct {
	doc      *plan.Document
	members  map[string][]*plan.Release // by class
	warnings map[string][]plan.Diagnostic
	waves    map[string]*waveWork
	// snapshots holds the addresses that are snapshotted before they change.
	snapshots map[string]bool
	// noReturn is the first step after which Helm alone cannot go back; nil
	// when there is none.
	noReturn *plan.Step
	// lagging are the versions that tenants still run while the system, which
	// goes first, is on its new one.
	lagging []string
}

// waveWork is what the steps of one wave add up to.
type waveWork struct {
	tenants   int
	snapshots int
	settle    string
}

func index(doc *plan.Document) *planIndex {
	x := &planIndex{
		doc: doc, members: map[string][]*plan.Release{}, warnings: map[string][]plan.Diagnostic{},
		waves: map[string]*waveWork{}, snapshots: map[string]bool{},
	}
	releases := make(map[string]*plan.Release, len(doc.Releases))
	for i := range doc.Releases {
		r := &doc.Releases[i]
		releases[r.Address] = r
		if r.Class != "" {
			x.members[r.Class] = append(x.members[r.Class], r)
		}
	}
	for _, d := range doc.Diagnostics {
		if r := releases[d.Address]; r != nil && r.Class != "" {
			x.warnings[r.Class] = append(x.warnings[r.Class], d)
		}
	}
	x.steps(releases)
	return x
}

func (x *planIndex) steps(releases map[string]*plan.Release) {
	tenants, lagging := map[string]bool{}, map[string]bool{}
	systemMoves := false
	for i := range x.doc.Steps {
		s := &x.doc.Steps[i]
		if s.Tenant == "" && s.Kind == plan.StepUpgrade && s.From != s.To {
			systemMoves = true
		}
		if s.Tenant == s.Address && s.Kind == plan.StepUpgrade && s.From != s.To && !lagging[s.From] {
			lagging[s.From] = true
			x.lagging = append(x.lagging, s.From)
		}
		if s.Kind == plan.StepSnapshot {
			x.snapshots[s.Address] = true
		}
		if r := releases[s.Address]; x.noReturn == nil && r != nil && changes(s.Kind) && r.Reversibility != plan.Reversible && r.Reversibility != "" {
			x.noReturn = s
		}
		x.wave(s, tenants)
	}
	if !systemMoves {
		x.lagging = nil
	}
}

func (x *planIndex) wave(s *plan.Step, tenants map[string]bool) {
	if s.Wave == "" {
		return
	}
	w := x.waves[s.Wave]
	if w == nil {
		w = &waveWork{}
		x.waves[s.Wave] = w
	}
	if s.Tenant == "" {
		return
	}
	if !tenants[s.Tenant] {
		tenants[s.Tenant] = true
		w.tenants++
	}
	if s.Kind == plan.StepSnapshot {
		w.snapshots++
	}
	if s.Settle != "" && s.Settle != "0s" {
		w.settle = s.Settle
	}
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

// changes reports whether a step of this kind changes what is live.
func changes(k plan.StepKind) bool {
	return slices.Contains([]plan.StepKind{plan.StepMigrate, plan.StepUpgrade, plan.StepInstall, plan.StepUninstall}, k)
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

// nameOf is the short name of a release: its tenant's slug where it has one.
func nameOf(r *plan.Release) string {
	if r.Slug != "" {
		return clean(r.Slug)
	}
	return clean(r.Address)
}

// subject names a class: its one release, or how many there are.
func (x *planIndex) subject(c *plan.Class) string {
	if m := x.members[c.ID]; len(m) == 1 {
		return clean(m[0].Address)
	}
	return plural(c.Count, "release")
}

// versions says from where to where a class goes.
func versions(c *plan.Class) string {
	switch {
	case c.Action == plan.Install:
		return clean(c.To)
	case c.Action == plan.Uninstall:
		return clean(c.From)
	case c.From == c.To:
		return clean(c.To) + " (same version)"
	}
	return clean(c.From) + " → " + clean(c.To)
}
