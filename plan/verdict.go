package plan

import (
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

var badness = []Reversibility{"", Reversible, RestoreRequired, ForwardOnly}

// worse returns the verdict that leaves less.
func worse(a, b Reversibility) Reversibility {
	if slices.Index(badness, a) > slices.Index(badness, b) {
		return a
	}
	return b
}

// verdict says how one gets back from a hop, and why.
func (d *Draft) verdict(m *Move, h *Hop, objections []objection) (Reversibility, []string) {
	if h.From == nil {
		return Reversible, nil
	}
	var notes []string
	if m.System != nil {
		notes = append(notes, d.schemaMove(m, h)...)
	}
	for _, o := range objections {
		notes = append(notes, identityOf(m).remove(o.Note))
	}
	notes = append(notes, d.breaking(m, h)...)
	switch {
	case h.Number == 0 && m.Live.Status == "failed":
		return ForwardOnly, notes
	case len(notes) > 0:
		return RestoreRequired, notes
	}
	return Reversible, nil
}

// schemaMove says where a hop of the system takes the database.
func (d *Draft) schemaMove(m *Move, h *Hop) []string {
	from, to := d.schemaBefore(m, h), d.schemaRevision(m, h.To, h.Wanted.Chart.SchemaRevision)
	switch {
	case from != to:
		return []string{fmt.Sprintf("database schema moves from %s to %s: it only goes forward, so going back needs the backup", orUnknown(from), orUnknown(to))}
	case from == "" && !h.From.Equal(h.To):
		return []string{"neither chart says which database schema it needs: treat it as moved, going back may need the backup"}
	}
	return nil
}

// schemaBefore is where the database stands before a hop of the system: what it
// says itself, or what the version before needs.
func (d *Draft) schemaBefore(m *Move, h *Hop) string {
	if h.Number > 0 {
		before := m.Hops[h.Number-1]
		return d.schemaRevision(m, before.To, before.Wanted.Chart.SchemaRevision)
	}
	if db := d.observation.Database; db != nil && db.Revision != "" {
		return db.Revision
	}
	return d.schemaRevision(m, h.From, m.Live.SchemaRevision)
}

// migrates says whether a hop of the system moves, or may move, the schema.
func (d *Draft) migrates(m *Move, h *Hop) bool {
	return h.From != nil && len(d.schemaMove(m, h)) > 0
}

// schemaRevision is what a release block says about a version, or else the chart.
func (d *Draft) schemaRevision(m *Move, v *semver.Version, chart string) string {
	if f := d.facts(m, v); f != nil && f.SchemaRevision != "" {
		return f.SchemaRevision
	}
	return chart
}

func (d *Draft) facts(m *Move, v *semver.Version) *schema.Facts {
	if m.Companion != nil {
		return nil
	}
	for _, f := range d.fleet.Facts {
		if f.Component == m.component() && f.Version.Equal(v) {
			return f
		}
	}
	return nil
}

// breaking gathers what the release blocks say of every version that a hop
// gets to or passes by.
func (d *Draft) breaking(m *Move, h *Hop) []string {
	if m.Companion != nil || h.From == nil || h.From.Equal(h.To) {
		return nil
	}
	var notes []string
	for _, f := range d.fleet.Facts {
		if f.Component != m.component() || !f.Version.GreaterThan(h.From) || f.Version.GreaterThan(h.To) {
			continue
		}
		for _, b := range f.Breaking {
			if !f.Version.Equal(h.To) {
				b = fmt.Sprintf("%s (%s)", b, f.Version)
			}
			notes = append(notes, "breaking: "+b)
		}
	}
	return notes
}

func (d *Draft) isBreaking(m *Move, h *Hop) bool {
	return len(d.breaking(m, h)) > 0 || m.System != nil && d.migrates(m, h)
}
