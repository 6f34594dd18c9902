package view

import "github.com/soctalk/fleet/plan"

// likeness are diagnostics of one severity and summary: those to show, and
// those of which there are too many.
type likeness struct {
	first plan.Diagnostic
	shown []plan.Diagnostic // first among them
	rest  []plan.Diagnostic
}

// foldDiagnostics groups diagnostics that say the same of different releases
// and shows at most so many of each group. The groups are in the order of their
// first, and so are the diagnostics within them.
func foldDiagnostics(diags []plan.Diagnostic, most int) []*likeness {
	type key struct {
		severity plan.Severity
		summary  string
	}
	var groups []*likeness
	known := map[key]*likeness{}
	for _, d := range diags {
		k := key{d.Severity, d.Summary}
		g := known[k]
		if g == nil {
			g = &likeness{first: d}
			known[k] = g
			groups = append(groups, g)
		}
		if len(g.shown) < most {
			g.shown = append(g.shown, d)
		} else {
			g.rest = append(g.rest, d)
		}
	}
	return groups
}

// about names the releases of diagnostics, as far as they have any.
func about(diags []plan.Diagnostic) string {
	var names []string
	for _, d := range diags {
		if d.Address != "" && (len(names) == 0 || names[len(names)-1] != clean(d.Address)) {
			names = append(names, clean(d.Address))
		}
	}
	return shortList(names)
}

// split parts the diagnostics of a severity from the others and puts them first.
func split(diags []plan.Diagnostic, first plan.Severity) [2][]plan.Diagnostic {
	var parts [2][]plan.Diagnostic
	for _, d := range diags {
		if d.Severity == first {
			parts[0] = append(parts[0], d)
		} else {
			parts[1] = append(parts[1], d)
		}
	}
	return parts
}
