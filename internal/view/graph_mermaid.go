package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// GraphMermaid writes a plan's DAG for Mermaid, which pull requests draw.
func GraphMermaid(w io.Writer, doc *plan.Document) error {
	g := newGraph(doc)
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, p := range g.phases {
		indent := "  "
		if g.severalPhases() {
			fmt.Fprintf(&b, "  subgraph p%d[%s]\n", i, mermaidText(p.title))
			indent = "    "
		}
		for _, c := range p.columns {
			g.mermaidColumn(&b, c, indent)
		}
		if g.severalPhases() {
			b.WriteString("  end\n")
		}
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  n%d --> n%d\n", e.from, e.to)
	}
	for id := range g.nodes {
		colour := colourOf(&g.nodes[id])
		fmt.Fprintf(&b, "  style n%d fill:%s,stroke:%s,color:#1f2328", id, colour.fill, colour.line)
		if g.nodes[id].approve || g.nodes[id].noReturn {
			b.WriteString(",stroke-width:3px")
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *graph) mermaidColumn(b *strings.Builder, column int, indent string) {
	c := &g.columns[column]
	fmt.Fprintf(b, "%ssubgraph c%d[%s]\n%s  direction TB\n", indent, column, mermaidText(c.title), indent)
	for _, id := range c.nodes {
		n := &g.nodes[id]
		opening, closing := "[", "]"
		switch {
		case n.gate:
			opening, closing = "{{", "}}"
		case n.snapshot:
			opening, closing = "[(", ")]"
		}
		fmt.Fprintf(b, "%s  n%d%s%s%s\n", indent, id, opening, mermaidText(n.label()...), closing)
	}
	b.WriteString(indent + "end\n")
}

// mermaidEscapes are Mermaid's own entities, which begin with a hash.
var mermaidEscapes = strings.NewReplacer(
	"#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "`", "#96;", ";", "#59;", `\`, "#92;", "%", "#37;",
	"[", "#91;", "]", "#93;", "{", "#123;", "}", "#125;", "(", "#40;", ")", "#41;", "|", "#124;", "$", "#36;", "*", "#42;", "_", "#95;",
)

// mermaidText quotes lines of a label.
func mermaidText(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, l := range lines {
		escaped[i] = mermaidEscapes.Replace(clip(l, widestName))
	}
	return `"` + strings.Join(escaped, "<br/>") + `"`
}
