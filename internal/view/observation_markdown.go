package view

import (
	"fmt"
	"io"
	"strings"
)

// ObservationMarkdown writes an observation for a pull request, under 65,536
// characters: rows that do not fit are left out, and the text says so.
func ObservationMarkdown(w io.Writer, o *Observation) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## soctalk observation\n\n**%s**\n\n", mdText(clip(observationTitle(o), widestMarkdown)))
	for _, line := range observationFacts(o) {
		fmt.Fprintf(&b, "- %s\n", mdItem(clip(line, 4*widestMarkdown)))
	}
	fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.Join(observationColumns, " | "), strings.Repeat("---|", len(observationColumns)))
	releases := ordered(o.Releases)
	for i, r := range releases {
		cells := r.cells()
		for j := range cells {
			cells[j] = mdText(clip(cells[j], widestName))
		}
		row := "| " + strings.Join(cells, " | ") + " |\n"
		if b.Len()+len(row) > mostMarkdown-mostCuts {
			fmt.Fprintf(&b, "\n**Left out**, because a comment holds no more: the last %s. `soctalk show` prints all of a saved observation.\n", plural(len(releases)-i, "release"))
			break
		}
		b.WriteString(row)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
