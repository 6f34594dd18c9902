package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// GraphDOT writes a plan's DAG for Graphviz.
func GraphDOT(w io.Writer, doc *plan.Document) error {
	g := newGraph(doc)
	var b strings.Builder
	b.WriteString("digraph plan {\n\trankdir=LR;\n\tnode [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n")
	fmt.Fprintf(&b, "\tlabel=%s;\n", dotText(g.summary))
	for i, c := range g.columns {
		fmt.Fprintf(&b, "\tsubgraph cluster_%d {\n\t\tlabel=%s;\n", i, dotText(c.title))
		for _, id := range c.nodes {
			n := &g.nodes[id]
			colour := colourOf(n)
			fmt.Fprintf(&b, "\t\tn%d [label=%s, fillcolor=%q, color=%q", id, dotText(n.label()...), colour.fill, colour.line)
			if n.gate {
				b.WriteString(", shape=hexagon, style=filled")
			}
			if len(n.tenants) > 0 {
				fmt.Fprintf(&b, ", tooltip=%s", dotText(shortList(n.tenants)))
			}
			b.WriteString("];\n")
		}
		b.WriteString("\t}\n")
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "\tn%d -> n%d;\n", e.from, e.to)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// dotText quotes lines of a label.
func dotText(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, l := range lines {
		escaped[i] = dotEscapes.Replace(clip(l, widestName))
	}
	return `"` + strings.Join(escaped, `\n`) + `"`
}
