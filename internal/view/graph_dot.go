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
	for i, p := range g.phases {
		indent := "\t"
		if g.severalPhases() {
			fmt.Fprintf(&b, "\tsubgraph cluster_phase_%d {\n\t\tlabel=%s;\n\t\tstyle=dashed;\n", i, dotText(p.title))
			indent = "\t\t"
		}
		for _, c := range p.columns {
			g.dotColumn(&b, c, indent)
		}
		if g.severalPhases() {
			b.WriteString("\t}\n")
		}
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "\tn%d -> n%d;\n", e.from, e.to)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *graph) dotColumn(b *strings.Builder, column int, indent string) {
	c := &g.columns[column]
	fmt.Fprintf(b, "%ssubgraph cluster_%d {\n%s\tlabel=%s;\n%s\tstyle=solid;\n", indent, column, indent, dotText(c.title), indent)
	for _, id := range c.nodes {
		n := &g.nodes[id]
		colour := colourOf(n)
		fmt.Fprintf(b, "%s\tn%d [label=%s, fillcolor=%q, color=%q", indent, id, dotText(n.label()...), colour.fill, colour.line)
		switch {
		case n.gate:
			b.WriteString(", shape=hexagon, style=filled")
		case n.snapshot:
			b.WriteString(", shape=cylinder, style=filled")
		}
		if n.approve {
			b.WriteString(", peripheries=2")
		}
		if len(n.tenants) > 0 {
			fmt.Fprintf(b, ", tooltip=%s", dotText(shortList(n.tenants)))
		}
		b.WriteString("];\n")
	}
	b.WriteString(indent + "}\n")
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
