package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

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

// mostAlikeNames is how many releases are named that have the same diagnostic.
const mostAlikeNames = 5

// mergeAlike makes one of diagnostics that say the same of several releases at
// one place of the files.
func mergeAlike(diags []plan.Diagnostic) []plan.Diagnostic {
	type key struct {
		severity                   plan.Severity
		place                      plan.Range
		summary, essence, observed string
	}
	var merged []plan.Diagnostic
	type telling struct {
		first   int
		address string
	}
	at, others, told := map[key]int{}, map[int][]string{}, map[telling]bool{}
	for _, d := range diags {
		if d.Range == nil || d.Address == "" {
			merged = append(merged, d)
			continue
		}
		k := key{d.Severity, *d.Range, d.Summary, essence(d), ""}
		if d.Snippet != nil {
			k.observed = strings.Join(d.Snippet.Values, "\n")
		}
		first, known := at[k]
		if !known {
			first = len(merged)
			at[k] = first
			merged = append(merged, d)
		} else if !told[telling{first, d.Address}] {
			others[first] = append(others[first], d.Address)
		}
		told[telling{first, d.Address}] = true
	}
	for i, names := range others {
		list, n, have := strings.Join(names[:min(len(names), mostAlikeNames)], ", "), len(names), "have"
		if n == 1 {
			have = "has"
		}
		if n > mostAlikeNames {
			list += fmt.Sprintf(" and %d more", n-mostAlikeNames)
		}
		d := &merged[i]
		d.Detail = strings.TrimSpace(fmt.Sprintf("%s\n\nThis is about %s; %d more %s the same: %s.", d.Detail, d.Address, n, have, list))
	}
	return merged
}

// essence is a detail without the release's description that it begins with.
func essence(d plan.Diagnostic) string {
	rest, named := strings.CutPrefix(d.Detail, d.Address)
	if !named {
		return d.Detail
	}
	if strings.HasPrefix(rest, " (release ") {
		if _, after, closed := strings.Cut(rest, "): "); closed {
			return after
		}
	}
	return strings.TrimPrefix(rest, ": ")
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
