package view

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// GraphSVG draws a plan's DAG: a picture that needs nothing else, and that a
// screen reader can read.
func GraphSVG(w io.Writer, doc *plan.Document) error {
	l := newLayout(newGraph(doc))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="plan-title plan-desc" font-family="system-ui, sans-serif" font-size="12.5">`+"\n",
		l.width, l.height, l.width, l.height)
	fmt.Fprintf(&b, "<title id=\"plan-title\">%s</title>\n<desc id=\"plan-desc\">%s</desc>\n", xmlText(l.g.summary), xmlText(l.describe()))
	b.WriteString(`<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", l.width, l.height)
	fmt.Fprintf(&b, `<text x="%d" y="30" font-size="16" font-weight="600" fill="#1f2328">%s</text>`+"\n", margin, xmlText(l.g.summary))
	for i, p := range l.g.phases {
		if l.g.severalPhases() {
			fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="14" font-weight="600" fill="#1f2328">%s</text>`+"\n", margin, l.rows[i].y+phaseHead-9, xmlText(p.title))
		}
	}
	for i, c := range l.g.columns {
		at := l.columns[i]
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="#ffffff" stroke="#d0d7de"/>`+"\n", at.x, at.y, at.w, at.h)
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-weight="600" fill="#57606a">%s</text>`+"\n", at.x+columnInset, at.y+23, xmlText(clip(c.title, boxLetters)))
	}
	b.WriteString(`<g fill="none" stroke="#57606a" stroke-width="1.2" stroke-linejoin="round">` + "\n")
	for _, e := range l.g.edges {
		fmt.Fprintf(&b, `<path d="%s" marker-end="url(#arrow)"/>`+"\n", l.path(e))
	}
	b.WriteString("</g>\n")
	for id := range l.g.nodes {
		l.node(&b, id)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (l *layout) node(b *strings.Builder, id int) {
	n, at := &l.g.nodes[id], l.nodes[id]
	colour, border := colourOf(n), `stroke-width="1.2"`
	switch {
	case n.noReturn, n.approve:
		border = `stroke-width="2.5"`
	case n.gate:
		border = `stroke-width="1.2" stroke-dasharray="5 3"`
	}
	tip := strings.Join(n.label(), ", ")
	if len(n.tenants) > 0 {
		tip += ": " + shortList(n.tenants)
	}
	fmt.Fprintf(b, "<g><title>%s</title>\n", xmlText(clip(tip, 4*widestMarkdown)))
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="%s" %s/>`+"\n", at.x, at.y, at.w, at.h, colour.fill, colour.line, border)
	for i, line := range n.label() {
		weight, ink := "400", "#1f2328"
		if i == 0 {
			weight = "600"
		}
		if n.noReturn && i == len(n.lines) {
			weight, ink = "600", danger
		}
		line = clip(line, boxLetters)
		fmt.Fprintf(b, `<text x="%d" y="%d" font-weight="%s" fill="%s"%s>%s</text>`+"\n", at.x+2*boxPadding, at.y+boxPadding+lineHeight*i+13, weight, ink, squeezed(line), xmlText(line))
	}
	b.WriteString("</g>\n")
}

// squeezed makes a line that is about as wide as its box fit, whatever the font.
func squeezed(line string) string {
	if columns(line) < boxLetters-4 {
		return ""
	}
	return fmt.Sprintf(` textLength="%d" lengthAdjust="spacingAndGlyphs"`, boxWidth-4*boxPadding)
}

// describe says in words what is drawn.
func (l *layout) describe() string {
	if len(l.g.columns) == 0 {
		return "There is nothing to do."
	}
	parts := make([]string, len(l.g.columns))
	for i, c := range l.g.columns {
		var names []string
		for _, id := range c.nodes {
			names = append(names, strings.Join(l.g.nodes[id].label(), " "))
		}
		parts[i] = clip(c.title+": "+strings.Join(names, "; "), 4*widestMarkdown)
	}
	return clip("Left to right: "+strings.Join(parts, ". Then ")+".", 20*widestMarkdown)
}

// xmlText escapes text for an element.
func xmlText(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(clean(s))) // a buffer takes everything
	return b.String()
}
