package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/soctalk/fleet/plan"
)

const (
	// mostMarkdown is a little less than what a pull request's comment holds:
	// 65,536 characters. Counted in bytes, which are never fewer.
	mostMarkdown = 65_000
	// What stands around the classes is kept to a part of it.
	mostMarkdownDiagnostics = 16_000
	mostMarkdownOrder       = 6_000

	mostMarkdownFields = 40  // of one object
	mostMarkdownLines  = 60  // of one text
	widestMarkdown     = 200 // characters of one value
	widestName         = 120 // characters of one name
	mostMarkdownWaves  = 12  // of one class
)

// PlanMarkdown writes a plan for a pull request. Whatever the fleet, it stays
// under 65,536 characters: what does not fit is left out, fields first, then
// objects, then classes, and the text says so.
func PlanMarkdown(w io.Writer, doc *plan.Document, d Detail) error {
	x := index(doc)
	m := &markdown{planIndex: x, classes: make([]markdownClass, len(doc.Classes))}
	for i := range doc.Classes {
		m.classes[i] = x.markdownClass(&doc.Classes[i], d)
	}
	m.fit(len(m.head()) + len(m.tail()))
	_, err := io.WriteString(w, m.text())
	return err
}

type markdown struct {
	*planIndex
	classes []markdownClass
	cut     cuts
}

// text puts the document together.
func (m *markdown) text() string {
	var b strings.Builder
	b.WriteString(m.head())
	kept := m.classes[:len(m.classes)-m.cut.classes]
	if len(kept) > 0 {
		b.WriteString(markdownTable)
		for _, c := range kept {
			b.WriteString(c.row)
		}
		b.WriteString("\n")
	}
	for _, c := range kept {
		b.WriteString(c.block())
	}
	b.WriteString(m.cut.text())
	b.WriteString(m.tail())
	return b.String()
}

const markdownTable = "| Class | Action | Releases | Chart | Versions | Way back | Waves |\n|---|---|---|---|---|---|---|\n"

// head is what a reviewer must not miss.
func (m *markdown) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## soctalk plan\n\n**%s**\n\n", PlanSummary(m.doc))
	if text := unfinished(m.doc); text != "" {
		fmt.Fprintf(&b, "**%s**\n\n", text)
	}
	m.diagnostics(&b)
	m.order(&b)
	return b.String()
}

func (m *markdown) diagnostics(b *strings.Builder) {
	start := b.Len()
	for i, d := range m.doc.Diagnostics {
		item := markdownDiagnostic(d)
		if b.Len()-start+len(item) > mostMarkdownDiagnostics {
			fmt.Fprintf(b, "- … and %s more\n", plural(len(m.doc.Diagnostics)-i, "diagnostic"))
			break
		}
		b.WriteString(item)
	}
	if b.Len() > start {
		b.WriteString("\n")
	}
}

func markdownDiagnostic(d plan.Diagnostic) string {
	title := "Error"
	if d.Severity == plan.Warning {
		title = "Warning"
	}
	item := fmt.Sprintf("- **%s:** %s", title, mdText(clip(d.Summary, widestMarkdown)))
	if d.Range != nil {
		item += fmt.Sprintf(", %s", mdCode(clip(fmt.Sprintf("%s:%d", d.Range.Filename, d.Range.Start.Line), widestMarkdown)))
	}
	if d.Address != "" {
		item += ", for " + mdCode(clip(d.Address, widestName))
	}
	if d.Detail != "" {
		item += "<br>" + mdText(clip(strings.TrimSpace(d.Detail), 4*widestMarkdown))
	}
	return item + "\n"
}

func (m *markdown) order(b *strings.Builder) {
	lines := m.work()
	if len(lines) == 0 {
		return
	}
	b.WriteString("**Order of work**\n\n")
	start := b.Len()
	for i, l := range lines {
		item := fmt.Sprintf("%d. %s", i+1, mdText(clip(l.text, widestMarkdown)))
		if l.noReturn != "" {
			item += " **← " + mdText(clip(l.noReturn, widestMarkdown)) + "**"
		}
		if b.Len()-start+len(item) > mostMarkdownOrder {
			fmt.Fprintf(b, "%d. … and %s more\n", i+1, plural(len(lines)-i, "line"))
			break
		}
		b.WriteString(item + "\n")
	}
	b.WriteString("\n")
}

func (m *markdown) tail() string {
	var b strings.Builder
	if u := m.doc.Observed.Unmanaged; len(u) > 0 {
		fmt.Fprintf(&b, "Live and not in these files, never touched: %s\n\n", mdText(clip(shortList(u), 4*widestMarkdown)))
	}
	fmt.Fprintf(&b, "<sub>plan %s, made %s by soctalk %s</sub>\n",
		htmlCode(clip(m.doc.PlanID, widestName)), m.doc.Created.UTC().Format("2006-01-02 15:04 UTC"), mdText(clip(m.doc.ToolVersion, widestName)))
	return b.String()
}
