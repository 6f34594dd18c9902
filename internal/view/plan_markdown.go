package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/prose"
	"github.com/soctalk/fleet/plan"
)

const (
	// mostMarkdown is a little less than what a pull request's comment holds:
	// 65,536 characters. Counted in bytes, which are never fewer.
	mostMarkdown = 65_000
	// What stands around the classes is kept to a part of it.
	mostMarkdownDiagnostics = 16_000
	mostMarkdownOrder       = 12_000

	mostMarkdownRows   = 200 // of the table
	mostMarkdownLikes  = 3   // diagnostics of one summary
	mostMarkdownFields = 40  // of one object
	mostMarkdownLines  = 60  // of one text
	widestMarkdown     = 200 // characters of one value
	widestName         = 120 // characters of one name
)

// PlanMarkdown writes a plan for a pull request: what it comes to, what must
// not be missed, each class behind a click, and the order of work. Whatever the
// fleet, it stays under 65,536 characters: what does not fit is left out, fields
// first, then objects, then classes, and the text says so.
func PlanMarkdown(w io.Writer, doc *plan.Document, d Detail) error {
	x := index(doc)
	m := &markdown{planIndex: x, classes: make([]markdownClass, len(doc.Classes))}
	for i := range doc.Classes {
		m.classes[i] = x.markdownClass(&doc.Classes[i], d)
	}
	head, diagnostics, tail := m.head(), m.diagnostics(), m.work()+m.tail()
	m.fit(len(head) + len(diagnostics) + len(tail))
	_, err := io.WriteString(w, head+m.table()+diagnostics+m.blocks()+tail)
	return err
}

type markdown struct {
	*planIndex
	classes []markdownClass
	cut     cuts
}

const markdownTable = "| Class | Action | Releases | Chart | Versions | Way back | Waves |\n|---|---|---|---|---|---|---|\n"

// head is what the plan comes to.
func (m *markdown) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## soctalk plan\n\n**%s**\n\n", PlanSummary(m.doc))
	if text := reverses(m.doc); text != "" {
		fmt.Fprintf(&b, "%s\n\n", mdText(clip(text, widestMarkdown)))
	}
	if text := unfinished(m.doc); text != "" {
		fmt.Fprintf(&b, "**%s**\n\n", text)
	}
	for i, l := range losses(m.doc) {
		if i == mostNames {
			fmt.Fprintf(&b, "- and %d more\n", len(m.doc.Losses)-i)
			break
		}
		fmt.Fprintf(&b, "- **loses** %s\n", mdText(clip(l, widestMarkdown)))
	}
	if len(m.doc.Losses) > 0 {
		b.WriteString("\n")
	}
	if s := m.noReturnStep(); s != nil {
		f := m.noReturnFact(s.ID)
		fmt.Fprintf(&b, "**%s**\n\n", mdText(clip(prose.Capital(f.text), 2*widestNote)))
	}
	if text := forecast(m.doc); text != "" {
		fmt.Fprintf(&b, "%s\n\n", mdText(clip(text, widestMarkdown)))
	}
	return b.String()
}

// table has a row for each class that is kept.
func (m *markdown) table() string {
	kept := m.classes[:len(m.classes)-m.cut.classes]
	if len(kept) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(markdownTable)
	for _, c := range kept {
		b.WriteString(c.row)
	}
	return b.String() + "\n"
}

// blocks are the classes that are kept, and what was left out of them.
func (m *markdown) blocks() string {
	var b strings.Builder
	for _, c := range m.classes[:len(m.classes)-m.cut.classes] {
		b.WriteString(c.block())
	}
	b.WriteString(m.cut.text())
	return b.String()
}

// diagnostics tells errors before warnings; of many of one kind the first.
func (m *markdown) diagnostics() string {
	var b strings.Builder
	bySeverity := split(m.doc.Diagnostics, plan.Error)
	groups := foldDiagnostics(slices.Concat(bySeverity[0], bySeverity[1]), mostMarkdownLikes)
	told := 0
	for _, g := range groups {
		item := ""
		for _, d := range g.shown {
			item += markdownDiagnostic(d)
		}
		if len(g.rest) > 0 {
			item += markdownRest(g)
		}
		if b.Len()+len(item) > mostMarkdownDiagnostics {
			fmt.Fprintf(&b, "- … and %s\n", plural(len(m.doc.Diagnostics)-told, "more diagnostic"))
			break
		}
		b.WriteString(item)
		told += len(g.shown) + len(g.rest)
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + "\n"
}

func markdownDiagnostic(d plan.Diagnostic) string {
	item := fmt.Sprintf("- **%s:** %s", severityTitle(d), mdText(clip(d.Summary, widestMarkdown)))
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

func markdownRest(g *likeness) string {
	item := fmt.Sprintf("- **%s:** %s, %s", severityTitle(g.first), mdText(clip(g.first.Summary, widestMarkdown)), timesMore(len(g.rest)))
	if names := about(g.rest); names != "" {
		item += ", for " + mdText(clip(names, 4*widestMarkdown))
	}
	return item + "\n"
}

func (m *markdown) work() string {
	o := m.order()
	if len(o.stages) == 0 {
		return ""
	}
	var b strings.Builder
	for _, f := range o.before {
		b.WriteString(markdownFact(f, ""))
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	for i, f := range o.stages {
		number := fmt.Sprintf("%d. ", i+1)
		item := number + markdownLine(f) + "\n" + markdownFacts(f.under, "     ")
		if b.Len()+len(item) > mostMarkdownOrder {
			fmt.Fprintf(&b, "%s… and %s\n", number, plural(len(o.stages)-i, "more stage"))
			break
		}
		b.WriteString(item)
	}
	return "**Order of work**\n\n" + b.String() + "\n"
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
