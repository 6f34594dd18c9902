package plan

import (
	"fmt"

	"github.com/Masterminds/semver/v3"
)

// checkDatabase holds what the database says of itself against the system's
// versions: one that is ahead of the target's code cannot be served by it.
func (d *Draft) checkDatabase() {
	db := d.observation.Database
	system := d.Moves[0]
	if db == nil || system.From == nil {
		return // an install makes its own
	}
	r := system.Release
	if db.Problem != "" {
		severity := Warning
		if system.Action != Unchanged {
			severity, d.complete = Error, false
		}
		d.tellDatabase(severity, "Database cannot be judged", fmt.Sprintf("%s: %s. Whether its schema is where the live version left it is not known.", describe(r), db.Problem))
		return
	}
	if db.Revision == "" || system.wanted == nil {
		return
	}
	var at *semver.Version // the newest version that needs this revision
	note := func(v *semver.Version, revision string) {
		if revision == db.Revision && (at == nil || v.GreaterThan(at)) {
			at = v
		}
	}
	for _, f := range d.fleet.Facts {
		if f.Component == system.component() {
			note(f.Version, f.SchemaRevision)
		}
	}
	note(system.To, d.schemaRevision(system, system.To, system.wanted.Chart.SchemaRevision))
	note(system.From, d.schemaRevision(system, system.From, system.Live.SchemaRevision))
	switch {
	case at == nil:
		d.tellDatabase(Warning, "Unknown database revision", fmt.Sprintf(
			"%s: the database is at %s, which is the revision of no version that the charts or release blocks name. Its migration will fail if it cannot go on from there.", describe(r), db.Revision))
	case at.GreaterThan(system.To):
		d.tellDatabase(Error, "Database is ahead of the target", fmt.Sprintf(
			"%s: the database is at %s, which version %s needs; the code of %s does not know it and would not start. Set the version to %s or later, or restore a backup of the database.", describe(r), db.Revision, at, system.To, at))
	case at.GreaterThan(system.From) && system.From.LessThan(system.To):
		d.tellDatabase(Warning, "Database is ahead of the live system", fmt.Sprintf(
			"%s: version %s is live, and the database is at %s, which %s needs: a migration ran, and the upgrade after it did not. This plan goes on from there.", describe(r), system.From, db.Revision, at))
	}
}

func (d *Draft) tellDatabase(severity Severity, summary, detail string) {
	at := d.fleet.System.Source.At("version")
	if db := d.fleet.System.Database; db != nil {
		at = db.Source.Block
	}
	d.diagnostics = append(d.diagnostics, Diagnostic{Severity: severity, Address: d.fleet.System.Address, Range: rangeOf(at), Summary: summary, Detail: detail})
}
