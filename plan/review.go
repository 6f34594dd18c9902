package plan

import (
	"fmt"
	"slices"
)

// hopReview looks at one rendered hop of a release.
type hopReview struct {
	draft   *Draft
	move    *Move
	hop     *Hop
	changes []objectChange
	before  []Object
	after   []Object
	id      identity
	mask    *mask
}

// review adds to an outcome what matters for the decision to make the hop, and
// returns what the hop does.
func (x *hopReview) review(o *Outcome) ClassHop {
	m, h := x.move, x.hop
	passed := passageOf(x.draft.fleet.Facts, m.component(), h.From, h.To, h.Wanted.Chart.Breaking)
	out := ClassHop{From: versionText(h.From), To: versionText(h.To), Phase: h.Phase, NotesURL: passed.URL, Restarts: x.restarts()}
	if m.moves() && h.From != nil {
		out.Changes = append(slices.Clone(passed.Notes), h.Wanted.Chart.Changes...)
	}
	var schema, major []string
	if h.From != nil {
		major = majorImages(x.changes, x.id, x.mask)
		if m.System != nil {
			schema = x.draft.schemaMove(m, h)
		}
	}
	migrated := x.migrated()
	o.Migrated = append(o.Migrated, migrated)
	against := objections(m.Release, x.changes, m.System != nil && migratesByJob(m, h) && !migrated)
	reasons := x.reasons(schema, against, passed.Breaking, major)
	out.Reversibility = verdict(m, h, reasons)
	out.Notes = append(append(reasons, leftOut(h)...), workloadNotes(x.changes, x.after, m.Release.Namespace, x.id)...)
	breaking := len(passed.Breaking)+len(major)+len(schema) > 0
	for _, s := range snapshotsOf(m, breaking) {
		out.Snapshots = append(out.Snapshots, fmt.Sprintf("%s (%s)", s.Name, s.Driver))
	}
	o.Verdicts, o.Breaking = append(o.Verdicts, out.Reversibility), append(o.Breaking, breaking)
	o.Class.Reversibility = worse(o.Class.Reversibility, out.Reversibility)
	x.refuse(o, against, slices.Concat(passed.Breaking, major))
	return out
}

func (x *hopReview) restarts() []string {
	var all []string
	for _, o := range x.changes {
		if o.restarts() {
			all = append(all, o.key.kind+"/"+x.id.remove(o.key.name))
		}
	}
	slices.Sort(all)
	return all
}

// reasons are why Helm alone does not take the hop back, one a line.
func (x *hopReview) reasons(schema []string, against []objection, breaking, major []string) []string {
	all := slices.Clone(schema)
	for _, o := range against {
		all = append(all, x.id.remove(o.note()))
	}
	for _, b := range breaking {
		all = append(all, "breaking: "+b)
	}
	return append(all, major...)
}
