package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/redact"
)

// Outcome is what the hops of one release come to, once rendered. It depends on
// nothing but the move, its renders and the live manifest, and holds no secret,
// so that it can be kept and used again while those are the same.
type Outcome struct {
	// Unchanged is true when a move that might have changed something does not.
	Unchanged bool
	// Idle is true when the system's own hop, with its pins held, would change
	// nothing, so that only the step that sets the pins is left.
	Idle bool
	// PinsRestarts are the workloads whose pods that step replaces.
	PinsRestarts []string
	// Class is the transition with the release's own identity taken out.
	Class Class
	// Verdicts are those of the hops, in order, and Breaking says of each whether
	// what is saved before a breaking hop is saved.
	Verdicts []Reversibility
	Breaking []bool
	// Wants are the definitions that each hop has to bring.
	Wants [][]CRDWant
	// Migrated says of each hop that the migration Job would have nothing to do.
	Migrated []bool
	// Minted are the Secrets of an install that templates give random data.
	Minted []string
	// Turns are the hops as the quotas of the namespace see them.
	Turns []Turn
	// Touched are the kinds of objects that it may change, by namespace.
	Touched map[string][]string
	// Refusals are why it must not be done.
	Refusals []Problem
	// Asked are the words of `accept` that matter to the move, there or not.
	Asked []string
}

// Compare works out what a move does. before is the live manifest; renders are
// those of the move's hops, in order. It may be called from several goroutines.
func (d *Draft) Compare(m *Move, before []Object, renders []*Rendered) *Outcome {
	o := &Outcome{}
	if d.idle(m, before, renders) {
		if pinsHop(m) == nil {
			return &Outcome{Unchanged: true}
		}
		o.Idle, m, renders = true, m.pinsOnly(), renders[1:]
	}
	last := renders[len(renders)-1]
	id := identityOf(m)
	mask := newMask(d.sensitive.in(d.fleet), secretsOf(renders), publicOf(m), wordsOf(renders), valuesOf(m), append([][]Object{before}, objectsOf(renders)...)...)
	c := &o.Class
	c.Action, c.Chart, c.From, c.To, c.Diff = m.Action, m.wanted.Chart.Name, versionText(m.From), versionText(m.To), []ObjectDiff{}

	o.crds(m, renders)
	step := before
	var changes []objectChange
	var pins ClassHop
	for i, h := range m.Hops {
		changes = d.known(changedObjects(step, renders[i].Objects, renders[i].Again))
		o.Turns = append(o.Turns, turnOf(m.Release.Address, m.Release.Namespace, step, renders[i].Objects, changes))
		x := &hopReview{draft: d, move: m, hop: h, changes: changes, before: step, after: renders[i].Objects, id: id, mask: mask}
		if out := x.review(o); h.pins {
			pins = out
		} else {
			c.Hops = append(c.Hops, out)
		}
		step = renders[i].Objects
	}
	if len(c.Hops) == 1 {
		only := c.Hops[0]
		c.Restarts, c.Notes, c.Changes, c.NotesURL, c.Snapshots, c.Hops = only.Restarts, only.Notes, only.Changes, only.NotesURL, only.Snapshots, nil
	}
	o.PinsRestarts = pins.Restarts
	c.Restarts, c.Notes = union(c.Restarts, pins.Restarts), union(c.Notes, pins.Notes)
	slices.Sort(c.Restarts)
	if m.Action == Install {
		o.Minted = minted(last)
	}
	if len(m.Hops) > 1 {
		changes = d.known(changedObjects(before, last.Objects, last.Again))
	}
	o.touched(m, before, renders)
	d.diff(c, changes, id, mask)
	if m.From != nil {
		c.Images = imageChanges(changes, id, mask)
		c.Subcharts = subchartChanges(m.Live.Subcharts, last.Subcharts, before)
	}
	for _, reason := range append(slices.Clone(m.Reasons), m.notes...) {
		c.Notes = append(c.Notes, id.remove(reason))
	}
	o.Unchanged = m.Action == Upgrade && len(m.Reasons) == 0 && !m.moves() && pinsHop(m) == nil && len(c.Diff) == 0 && c.Relabelled == 0
	return o
}

func publicOf(m *Move) []string {
	public := []string{m.Release.Name, m.Release.Namespace, m.Slug, versionText(m.From), versionText(m.To)}
	if m.Live != nil {
		public = append(public, m.Live.AppVersion)
	}
	for _, h := range m.Hops {
		public = append(public, versionText(h.To), h.Wanted.Chart.Name, h.Wanted.Chart.AppVersion)
	}
	return public
}

func valuesOf(m *Move) []map[string]any {
	var values []map[string]any
	for _, h := range m.Hops {
		values = append(values, h.Wanted.Values)
	}
	if m.Live != nil {
		values = append(values, m.Live.Values)
	}
	return values
}

func secretsOf(renders []*Rendered) []string {
	var all []string
	for _, r := range renders {
		all = append(all, r.Secrets...)
	}
	return all
}

func wordsOf(renders []*Rendered) []*redact.ChartWords {
	var all []*redact.ChartWords
	for _, r := range renders {
		if r.Words != nil && !slices.Contains(all, r.Words) {
			all = append(all, r.Words)
		}
	}
	return all
}

func objectsOf(renders []*Rendered) [][]Object {
	var all [][]Object
	for _, r := range renders {
		all = append(all, r.Objects)
	}
	return all
}

// diff folds changed objects into a class.
func (d *Draft) diff(c *Class, changes []objectChange, id identity, mask *mask) {
	for _, o := range changes {
		diff, onlyLabels := objectDiff(o, id, mask)
		switch {
		case onlyLabels:
			c.Relabelled++
		case o.action != Change || len(diff.Paths) > 0:
			c.Diff = append(c.Diff, diff)
		}
	}
	// Sorted once more without the tenant's name, which must not tell classes apart.
	slices.SortStableFunc(c.Diff, func(x, y ObjectDiff) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Namespace, y.Namespace))
	})
}

// objectDiff renders an object's change for a class; onlyLabels is true when
// nothing but version labels changes.
func objectDiff(o objectChange, id identity, mask *mask) (diff ObjectDiff, onlyLabels bool) {
	diff = ObjectDiff{Kind: o.key.kind, Namespace: id.remove(o.key.namespace), Name: id.remove(o.key.name), Action: o.action, Paths: []string{}}
	labels := 0
	for _, c := range o.changes {
		if isVersionLabel(c.path) {
			labels++
			continue
		}
		if o.unstable[strings.Join(c.path, "")] {
			continue // never counted as a change
		}
		f := mask.field(o.key.kind, c)
		f.Path, f.Before, f.After = id.remove(f.Path), id.remove(f.Before), id.remove(f.After)
		diff.Paths = append(diff.Paths, f.Path)
		diff.Fields = append(diff.Fields, f)
	}
	return diff, labels > 0 && len(diff.Paths) == 0
}

func (o *Outcome) touched(m *Move, before []Object, renders []*Rendered) {
	lists := [][]Object{before}
	for i, r := range renders {
		lists = append(lists, r.Objects, r.Hooks)
		// Helm makes the definitions of what it installs; later a step brings them.
		if m.Action == Install || i < len(o.Wants) && len(o.Wants[i]) > 0 {
			lists = append(lists, r.CRDs)
		}
	}
	o.Touched = touchedBy(m.Release.Namespace, lists...)
}
