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
	for i, c := range g.columns {
		fmt.Fprintf(&b, "  subgraph c%d[%s]\n    direction TB\n", i, mermaidText(c.title))
		for _, id := range c.nodes {
			n := &g.nodes[id]
			opening, closing := "[", "]"
			if n.gate {
				opening, closing = "{{", "}}"
			}
			fmt.Fprintf(&b, "    n%d%s%s%s\n", id, opening, mermaidText(n.label()...), closing)
		}
		b.WriteString("  end\n")
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  n%d --> n%d\n", e.from, e.to)
	}
	for id := range g.nodes {
		colour := colourOf(&g.nodes[id])
		fmt.Fprintf(&b, "  style n%d fill:%s,stroke:%s,color:#1f2328\n", id, colour.fill, colour.line)
	}
	_, err := io.WriteString(w, b.String())
	return err
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
