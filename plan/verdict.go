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

// verdict says how one gets back from a hop, and why: by Helm alone unless there
// is a reason against it.
func verdict(m *Move, h *Hop, reasons []string) Reversibility {
	switch {
	case h.From == nil:
		return Reversible
	case h.Number == 0 && m.Live.Status == "failed":
		return ForwardOnly
	case len(reasons) > 0:
		return RestoreRequired
	}
	return Reversible
}

// schemaMove says where a hop of the system takes the database.
func (d *Draft) schemaMove(m *Move, h *Hop) []string {
	from, to := d.schemaBefore(m, h), d.schemaRevision(m, h.To, h.Wanted.Chart.SchemaRevision)
	switch {
	case from != to:
		return []string{fmt.Sprintf("database schema moves from %s to %s: it only goes forward", orUnknown(from), orUnknown(to))}
	case from == "" && !h.From.Equal(h.To):
		return []string{"neither chart says which database schema it needs: treat it as moved"}
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

// schemaRevision is what a release block says about a version, or else the chart.
func (d *Draft) schemaRevision(m *Move, v *semver.Version, chart string) string {
	if f := d.facts(m, v); f != nil && f.SchemaRevision != "" {
		return f.SchemaRevision
	}
	return chart
}

func (d *Draft) facts(m *Move, v *semver.Version) *schema.Facts {
	return factsOf(d.fleet.Facts, m.component(), v)
}
