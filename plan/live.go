package plan

import (
	"fmt"
	"slices"
	"strings"
)

// The kinds of [LiveFinding].
const (
	LiveRefused = "refused"
	LiveUntried = "untried"
	LiveDrift   = "drift"
)

// LiveFinding is one thing that the live cluster says about a release: what it
// would refuse of an upgrade, what could not be tried, and what differs from
// the stored manifest. It holds no values.
type LiveFinding struct {
	Kind string
	// ObjectKind, Namespace and Name are the object's, empty when the finding is
	// about the release as a whole.
	ObjectKind, Namespace, Name string
	// Message says what is refused or could not be tried, and why.
	Message string
	// Paths are the fields.
	Paths []string
	// By names who wrote the drifted fields last, where that is known.
	By string
	// Missing says that the object does not exist.
	Missing bool
	// Kept says that Helm leaves drifted fields as they are unless the chart's
	// own value changes, as it does with custom resources.
	Kept bool
}

// mostLines bounds what one diagnostic lists.
const mostLines = 12

// LiveDiagnostics tells what was found, by address. Releases of which the same
// is true, once their own identity is taken out, share a diagnostic.
func LiveDiagnostics(moves []*Move, findings map[string][]LiveFinding) []Diagnostic {
	var out []Diagnostic
	for _, kind := range []string{LiveRefused, LiveDrift, LiveUntried} {
		for _, g := range liveGroups(moves, findings, kind) {
			out = append(out, g.diagnostic(kind))
		}
	}
	return out
}

// Inspected takes in what the live clusters say; problems are of releases that
// could not be asked about.
func (d *Draft) Inspected(findings map[string][]LiveFinding, problems map[string]Problem) {
	d.diagnostics = append(d.diagnostics, LiveDiagnostics(d.Moves, findings)...)
	for _, m := range d.Moves {
		if p, bad := problems[m.Release.Address]; bad {
			d.complete = false
			d.fail(m.Release, p.Attr, p.Summary, p.Detail)
		}
	}
}

// liveGroup are releases with the same findings of one kind.
type liveGroup struct {
	moves []*Move
	// own are the findings of the first release, lines theirs without identity.
	own   []LiveFinding
	lines []string
}

func liveGroups(moves []*Move, findings map[string][]LiveFinding, kind string) []*liveGroup {
	var groups []*liveGroup
	known := map[string]*liveGroup{}
	for _, m := range moves {
		var own []LiveFinding
		var lines []string
		id := identityOf(m)
		for _, f := range findings[m.Release.Address] {
			if f.Kind == kind {
				own = append(own, f)
				lines = append(lines, id.remove(f.line()))
			}
		}
		if len(own) == 0 {
			continue
		}
		key := strings.Join(append(slices.Clone(lines), string(m.Action), componentOf(m)), "\n")
		g := known[key]
		if g == nil {
			g = &liveGroup{own: own, lines: lines}
			known[key] = g
			groups = append(groups, g)
		}
		g.moves = append(g.moves, m)
	}
	return groups
}

func componentOf(m *Move) string {
	switch {
	case m.System != nil:
		return "system"
	case m.Companion != nil:
		return m.Companion.Label
	}
	return "tenant"
}

func (g *liveGroup) diagnostic(kind string) Diagnostic {
	first := g.moves[0]
	lines := g.lines
	if len(g.moves) == 1 {
		lines = nil
		for _, f := range g.own {
			lines = append(lines, f.line())
		}
	}
	list := ""
	for _, l := range lines[:min(len(lines), mostLines)] {
		list += "\n  - " + l
	}
	if n := len(lines) - mostLines; n > 0 {
		list += fmt.Sprintf("\n  - and %d more", n)
	}
	d := Diagnostic{Severity: Warning, Address: first.Release.Address, Range: rangeOf(first.Release.Source.At("version"))}
	switch kind {
	case LiveRefused:
		d.Severity, d.Summary = Error, "The cluster would refuse this upgrade"
		if first.Action == Install {
			d.Summary = "The cluster would refuse this install"
		}
		d.Detail = whose(g.moves) + ": the API server, asked with a dry run, does not take" + list +
			"\nA real run would fail there, with other objects already changed. Remove the cause, then plan again."
	case LiveDrift:
		d.Summary = "Changed by hand since the last revision"
		d.Detail = whose(g.moves) + ": the cluster differs from what the last revision made it" + list + "\n" + g.fate()
	case LiveUntried:
		d.Summary = "Not everything could be tried"
		d.Detail = whose(g.moves) + ": a dry run says nothing about" + list
	}
	return d
}

// fate says what becomes of drift.
func (g *liveGroup) fate() string {
	if g.moves[0].Action != Upgrade {
		return "This plan does not touch that. The next upgrade does."
	}
	var fate []string
	is := func(which func(LiveFinding) bool) bool { return slices.ContainsFunc(g.own, which) }
	if is(func(f LiveFinding) bool { return !f.Missing && !f.Kept }) {
		fate = append(fate, "The upgrade gives fields of the chart the chart's values again. To keep a change, put it into the values.")
	}
	if is(func(f LiveFinding) bool { return f.Kept && !f.Missing }) {
		fate = append(fate, "Of custom resources, Helm overwrites only the fields that change with the upgrade; the others stay as they are.")
	}
	if is(func(f LiveFinding) bool { return f.Missing }) {
		fate = append(fate, "The upgrade makes again what is missing and still part of the chart.")
	}
	return strings.Join(fate, " ")
}

// line is a finding in one line.
func (f LiveFinding) line() string {
	s := f.Message
	if f.Kind == LiveDrift {
		s = strings.Join(f.Paths, ", ")
		if f.By != "" {
			s += " (last written by " + f.By + ")"
		}
		if f.Missing {
			s = "is missing"
		}
	}
	switch {
	case f.ObjectKind == "":
		return s
	case f.Missing:
		return f.ObjectKind + " " + f.Name + " " + s
	}
	return f.ObjectKind + " " + f.Name + ": " + s
}

// whose names the releases of a diagnostic without letting it grow with them.
func whose(moves []*Move) string {
	if len(moves) == 1 {
		return describe(moves[0].Release)
	}
	var names []string
	for _, m := range moves[:min(3, len(moves))] {
		names = append(names, m.Release.Address)
	}
	list := strings.Join(names, ", ")
	if len(moves) > 3 {
		list += ", …"
	}
	return fmt.Sprintf("%d releases (%s)", len(moves), list)
}
