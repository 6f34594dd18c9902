package plan

import (
	"fmt"
	"strings"
)

// drivers are the snapshot drivers that this version has.
var drivers = map[string]bool{"command": true, "csi": true, "pg_dump": true}

// NotYet says what of a plan this version cannot carry out: one line for each
// kind of thing. Leaving it out in silence would be worse: a snapshot that is
// not taken, a gate that does not stop.
func NotYet(doc *Document) []string {
	var lines []string
	seen := map[string]bool{}
	add := func(what string) {
		if !seen[what] {
			seen[what] = true
			lines = append(lines, what)
		}
	}
	for _, s := range doc.Steps {
		if (s.Kind == StepSnapshot || s.Kind == StepRestore) && !drivers[s.Driver] {
			add(fmt.Sprintf("it takes snapshots with driver %s: take those backups by hand and leave the snapshot blocks out until then", s.Driver))
		}
	}
	return lines
}

// notYet warns of it where the plan is made.
func (d *Draft) notYet(doc *Document) {
	lines := NotYet(doc)
	if len(lines) == 0 {
		return
	}
	d.diagnostics = append(d.diagnostics, Diagnostic{
		Severity: Warning, Summary: "Not applicable by this version of soctalk",
		Detail: fmt.Sprintf("The plan is what the files say, and this version cannot carry all of it out yet:\n  - %s", strings.Join(lines, "\n  - ")),
	})
}
