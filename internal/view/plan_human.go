package view

import (
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/soctalk/fleet/plan"
)

const (
	mostNames   = 8   // in a list before it is cut
	mostWaves   = 12  // told of one class
	mostFields  = 12  // shown of one object
	widestValue = 60  // columns of one field's value
	widestNote  = 300 // columns of a remark
)

// PlanHuman writes a plan for a person.
func PlanHuman(w io.Writer, doc *plan.Document, s Style, d Detail) error {
	p := planText{planIndex: index(doc), s: s, detail: d, told: map[string]bool{}}
	for i := range doc.Classes {
		p.class(&doc.Classes[i])
	}
	p.order()
	p.losses()
	p.unmanaged()
	p.summary()
	body := p.b.String()
	p.b.Reset()
	p.legend()
	_, err := io.WriteString(w, p.b.String()+body)
	return err
}

type planText struct {
	*planIndex
	s      Style
	detail Detail
	b      strings.Builder
	// told holds the transitions whose release notes are printed already.
	told map[string]bool
	// marked is set once something is marked as to be known.
	marked bool
}

// line writes a line; what is wider than the terminal goes on below, a little
// further in.
func (p *planText) line(indent int, text string) { p.hang(indent, 2, text) }

func (p *planText) hang(indent, hang int, text string) {
	if width := min(p.s.Width, widest) - indent; p.s.Width > 0 && lipgloss.Width(text) > width {
		text = strings.Join(wrap(text, width-hang), "\n"+strings.Repeat(" ", indent+hang))
	}
	p.asIs(indent, text)
}

func (p *planText) asIs(indent int, text string) {
	p.b.WriteString(strings.Repeat(" ", indent) + strings.TrimRight(text, " ") + "\n")
}

func (p *planText) gap() { p.b.WriteString("\n") }

func (p *planText) symbol(a plan.Action) string {
	switch a {
	case plan.Install:
		return p.s.Good("+")
	case plan.Uninstall:
		return p.s.Bad("-")
	case plan.Rollback:
		return p.s.Warn("<")
	}
	return p.s.Warn("~")
}

// legend explains the symbols that are used, and no others.
func (p *planText) legend() {
	if text := reverses(p.doc); text != "" {
		p.line(0, text)
		p.gap()
	}
	if len(p.doc.Classes) == 0 {
		return
	}
	actions, objects := map[plan.Action]bool{}, map[plan.ObjectAction]bool{}
	for _, c := range p.doc.Classes {
		actions[c.Action] = true
		for _, o := range c.Diff {
			objects[o.Action] = true
		}
	}
	p.line(0, "soctalk will carry out the actions below. Their symbols:")
	show := func(used bool, symbol, text string) {
		if used {
			p.line(2, symbol+" "+text)
		}
	}
	show(actions[plan.Install] || objects[plan.Create], p.s.Good("+"), "install, create")
	show(actions[plan.Upgrade] || objects[plan.Change], p.s.Warn("~"), "upgrade, change")
	show(actions[plan.Rollback], p.s.Warn("<"), "roll back")
	show(objects[plan.Replace], p.s.Bad("±"), "replace: delete and create anew")
	show(actions[plan.Uninstall] || objects[plan.Delete], p.s.Bad("-"), "uninstall, delete")
	show(p.marked, p.s.Warn("!"), "to know before it is applied")
	p.gap()
}

func (p *planText) class(c *plan.Class) {
	p.line(2, fmt.Sprintf("%s %s  %s %s  %s", p.symbol(c.Action), p.s.Bold(p.subject(c)), clean(c.Chart), p.s.Bold(versions(c)), p.verdict(c.Reversibility)))
	p.tell(6, p.facts(c, p.detail, p.told))
	p.objects(c)
	if c.Relabelled > 0 {
		p.line(6, p.s.Faint("only version labels change on "+plural(c.Relabelled, "more object")))
	}
	p.gap()
}

func (p *planText) verdict(r plan.Reversibility) string {
	switch r {
	case plan.Reversible:
		return p.s.Good(string(r))
	case plan.RestoreRequired:
		return p.s.Warn(string(r))
	}
	return p.s.Bad(clean(string(r)))
}

// tell writes facts, a line each, what is under one of them further in.
func (p *planText) tell(indent int, facts []fact) {
	for _, f := range facts {
		text := clip(oneLine(f.text), widestNote)
		if f.verdict != "" {
			text += "  " + p.verdict(f.verdict)
		}
		if f.then != "" {
			text += ", " + clip(oneLine(f.then), widestNote)
		}
		if f.url != "" {
			text += " " + clip(oneLine(f.url), widestNote)
		}
		switch f.weight {
		case weightFaint:
			text = p.s.Faint(text)
		case weightToKnow:
			p.marked = true
			text = p.s.Warn("!") + " " + text
		case weightNoReturn:
			text = p.s.Bad("← " + text)
		}
		p.line(indent, text)
		p.tell(indent+4, f.under)
	}
}

// order tells the stages in the order in which they run.
func (p *planText) order() {
	o := p.planIndex.order()
	if len(o.stages) == 0 {
		return
	}
	p.line(0, "Order of work:")
	p.tell(2, o.before)
	for i, f := range o.stages {
		number := fmt.Sprintf("%d. ", i+1)
		p.hang(2, len(number), number+p.s.Bold(clip(oneLine(f.text), widestNote)))
		p.tell(2+len(number), f.under)
	}
	p.gap()
	if text := forecast(p.doc); text != "" {
		p.line(0, text)
		p.gap()
	}
}

func (p *planText) unmanaged() {
	if len(p.doc.Observed.Unmanaged) > 0 {
		p.line(0, "Live and not in these files, never touched: "+cleanList(p.doc.Observed.Unmanaged))
		p.gap()
	}
}

// losses come last before the sum: nobody shall miss them.
func (p *planText) losses() {
	lines := losses(p.doc)
	if len(lines) == 0 {
		return
	}
	p.line(0, p.s.Bad("This loses:"))
	for i, l := range lines {
		if i == mostNames && len(lines) > mostNames+1 {
			p.line(2, fmt.Sprintf("- and %d more", len(lines)-i))
			break
		}
		p.line(2, "- "+l)
	}
	p.gap()
}

func (p *planText) summary() {
	if text := unfinished(p.doc); text != "" {
		p.line(0, p.s.Bad(text))
		p.gap()
	}
	p.b.WriteString(PlanSummary(p.doc) + "\n") // never wrapped: programs look for it
}
