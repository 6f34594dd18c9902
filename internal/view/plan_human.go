package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/soctalk/fleet/plan"
)

const (
	mostNames   = 8   // in a list before it is cut
	mostFields  = 12  // shown of one object
	widestValue = 60  // columns of one field's value
	widestNote  = 300 // columns of a remark
)

// PlanHuman writes a plan for a person.
func PlanHuman(w io.Writer, doc *plan.Document, s Style, d Detail) error {
	p := planText{planIndex: index(doc), s: s, detail: d, told: map[string]bool{}}
	p.legend()
	for i := range doc.Classes {
		p.class(&doc.Classes[i])
	}
	p.order()
	p.unmanaged()
	p.summary()
	_, err := io.WriteString(w, p.b.String())
	return err
}

type planText struct {
	*planIndex
	s      Style
	detail Detail
	b      strings.Builder
	// told holds the transitions whose release notes are printed already.
	told map[string]bool
}

func (p *planText) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (p *planText) symbol(a plan.Action) string {
	switch a {
	case plan.Install:
		return p.s.Good("+")
	case plan.Uninstall:
		return p.s.Bad("-")
	}
	return p.s.Warn("~")
}

func (p *planText) objectSymbol(a plan.ObjectAction) string {
	switch a {
	case plan.Create:
		return p.s.Good("+")
	case plan.Delete:
		return p.s.Bad("-")
	case plan.Replace:
		return p.s.Bad("±")
	}
	return p.s.Warn("~")
}

// legend explains the symbols that are used, and no others.
func (p *planText) legend() {
	if len(p.doc.Classes) == 0 {
		return
	}
	actions, objects, remarks := map[plan.Action]bool{}, map[plan.ObjectAction]bool{}, false
	for _, c := range p.doc.Classes {
		actions[c.Action] = true
		remarks = remarks || len(c.Notes) > 0 || len(p.warnings[c.ID]) > 0
		for _, o := range c.Diff {
			objects[o.Action] = true
		}
	}
	p.line("soctalk will carry out the actions below. Their symbols:")
	show := func(used bool, symbol, text string) {
		if used {
			p.line("  %s %s", symbol, text)
		}
	}
	show(actions[plan.Install] || objects[plan.Create], p.s.Good("+"), "install, create")
	show(actions[plan.Upgrade] || objects[plan.Change], p.s.Warn("~"), "upgrade, change")
	show(objects[plan.Replace], p.s.Bad("±"), "replace: delete and create anew")
	show(actions[plan.Uninstall] || objects[plan.Delete], p.s.Bad("-"), "uninstall, delete")
	show(remarks, p.s.Warn("!"), "to know before it is applied")
	p.line("")
}

func (p *planText) class(c *plan.Class) {
	p.line("  %s %s  %s %s  %s", p.symbol(c.Action), p.s.Bold(p.subject(c)), clean(c.Chart), p.s.Bold(versions(c)), p.verdict(c.Reversibility))
	waves, names := p.byWave(c.ID)
	for _, w := range waves {
		p.line("      wave %s: %s", clean(w), shortList(names[w]))
	}
	p.snapshotFirst(c)
	for _, n := range c.Notes {
		p.line("      %s %s", p.s.Warn("!"), clip(oneLine(n), widestNote))
	}
	for i, d := range p.warnings[c.ID] {
		if i == mostNames {
			p.line("      %s and %s more", p.s.Warn("!"), plural(len(p.warnings[c.ID])-i, "remark"))
			break
		}
		p.line("      %s %s: %s", p.s.Warn("!"), severity(d), remark(d))
	}
	p.releaseNotes(c)
	p.objects(c)
	if c.Relabelled > 0 {
		p.line("      %s", p.s.Faint("only version labels change on "+plural(c.Relabelled, "more object")))
	}
	if len(c.Restarts) > 0 {
		p.line("      pods restart: %s", clean(strings.Join(c.Restarts, ", ")))
	}
	p.line("")
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

func (p *planText) snapshotFirst(c *plan.Class) {
	switch names := p.snapshotted(c.ID); {
	case len(names) == 0:
	case len(names) == len(p.members[c.ID]):
		p.line("      snapshotted first")
	default:
		p.line("      snapshotted first: %s", shortList(names))
	}
}

// remark is a diagnostic where it occurs; all of it is told with its line in
// the files elsewhere.
func remark(d plan.Diagnostic) string {
	text := oneLine(d.Summary)
	if d.Detail != "" {
		text += ": " + oneLine(d.Detail)
	}
	return clip(text, widestNote)
}

func severity(d plan.Diagnostic) string {
	if d.Severity == plan.Error {
		return "error"
	}
	return "warning"
}

// releaseNotes prints those of a transition once.
func (p *planText) releaseNotes(c *plan.Class) {
	if len(c.Changes) == 0 {
		return
	}
	key := c.Chart + " " + c.From + " " + c.To
	if p.told[key] {
		p.line("      %s", p.s.Faint("release notes: as above"))
		return
	}
	p.told[key] = true
	for _, n := range c.Changes {
		p.line("      %s", p.s.Faint("note: "+oneLine(n)))
	}
}

// objects lists what is created or deleted as a whole, a line a kind, and then
// what changes, with its fields.
func (p *planText) objects(c *plan.Class) {
	p.kinds(c.Diff, plan.Create)
	p.kinds(c.Diff, plan.Delete)
	if p.detail == Compact {
		p.kinds(c.Diff, plan.Replace)
		p.kinds(c.Diff, plan.Change)
		return
	}
	for _, o := range c.Diff {
		if o.Action != plan.Create && o.Action != plan.Delete {
			p.object(o)
		}
	}
}

func (p *planText) kinds(diff []plan.ObjectDiff, action plan.ObjectAction) {
	for _, k := range byKind(diff, action) {
		p.line("      %s %s", p.objectSymbol(action), k)
	}
}

// byKind lists the objects that an action befalls as "Kind name, name".
func byKind(diff []plan.ObjectDiff, action plan.ObjectAction) []string {
	var kinds []string
	names := map[string][]string{}
	for _, o := range diff {
		if o.Action != action {
			continue
		}
		if names[o.Kind] == nil {
			kinds = append(kinds, o.Kind)
		}
		names[o.Kind] = append(names[o.Kind], o.Name)
	}
	for i, k := range kinds {
		kinds[i] = clean(k + " " + strings.Join(names[k], ", "))
	}
	return kinds
}

func (p *planText) object(o plan.ObjectDiff) {
	p.line("      %s %s %s", p.objectSymbol(o.Action), clean(o.Kind), clean(o.Name))
	for i, f := range o.Fields {
		if i == mostFields {
			p.line("          %s", p.s.Faint(fmt.Sprintf("… and %s more", plural(len(o.Fields)-i, "field"))))
			return
		}
		path := clean(f.Path)
		if lines := textDiff(f, mostFields); lines != nil {
			p.line("          %s", path)
			for _, l := range lines {
				p.line("            %s", p.diffLine(l))
			}
			continue
		}
		p.line("          %s %s", path, p.values(f))
	}
}

func (p *planText) diffLine(l string) string {
	switch l[0] {
	case '-':
		return p.s.Bad(l)
	case '+':
		return p.s.Good(l)
	}
	return p.s.Faint(l)
}

func (p *planText) values(f plan.FieldDiff) string {
	if why := maskedText(f); why != "" {
		return p.s.Faint(why)
	}
	before, after := beforeAfter(f, widestValue)
	switch {
	case f.Before == "":
		return p.s.Good("+ " + after)
	case f.After == "":
		return p.s.Bad("- " + before)
	}
	return before + " → " + after
}

func shortList(names []string) string {
	if len(names) > mostNames {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ", "), len(names)-mostNames)
	}
	return strings.Join(names, ", ")
}

// order tells the steps in the order in which they may run, wave by wave.
func (p *planText) order() {
	if len(p.doc.Steps) == 0 {
		return
	}
	p.line("Order of work:")
	for _, l := range p.work() {
		if l.noReturn != "" {
			p.line("  • %s  %s", l.text, p.s.Warn("← "+l.noReturn))
		} else {
			p.line("  • %s", l.text)
		}
	}
	p.line("")
}

func (p *planText) unmanaged() {
	if n := len(p.doc.Observed.Unmanaged); n > 0 {
		p.line("Live and not in these files, never touched: %s\n", clean(shortList(p.doc.Observed.Unmanaged)))
	}
}

func (p *planText) summary() {
	if text := unfinished(p.doc); text != "" {
		p.line("%s\n", p.s.Bad(text))
	}
	p.line("%s", PlanSummary(p.doc))
}

// unfinished says why a plan is of no use yet; empty when it is.
func unfinished(doc *plan.Document) string {
	errors := 0
	for _, d := range doc.Diagnostics {
		if d.Severity == plan.Error {
			errors++
		}
	}
	switch {
	case errors > 0:
		return fmt.Sprintf("This plan cannot be applied: it has %s.", plural(errors, "error"))
	case !doc.Complete:
		return "This plan cannot be applied: not every release could be planned."
	}
	return ""
}

// PlanSummary is the last line of a plan.
func PlanSummary(doc *plan.Document) string {
	n := doc.Summary
	if n.Install+n.Upgrade+n.Uninstall == 0 && doc.Complete && !plan.HasErrors(doc.Diagnostics) {
		return "No changes. The fleet matches the configuration."
	}
	return fmt.Sprintf("Plan: %d to install, %d to upgrade, %d to uninstall. %d unchanged.", n.Install, n.Upgrade, n.Uninstall, n.Unchanged)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// round writes a duration as people do: 10m, not 10m0s.
func round(d string) string {
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(d, zero) {
			d = d[:len(d)-2]
		}
	}
	return d
}
