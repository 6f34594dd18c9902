package view

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/soctalk/fleet/plan"
)

const (
	mostTenants = 8  // named in a list before it is cut
	mostFields  = 12 // shown of one object
	widestValue = 60 // columns of one field's value
)

// PlanHuman writes a plan for a person.
func PlanHuman(w io.Writer, doc *plan.Document, s Style) error {
	p := planText{doc: doc, s: s}
	p.header()
	for _, c := range doc.Classes {
		p.class(c)
	}
	p.order()
	p.unmanaged()
	p.summary()
	_, err := io.WriteString(w, p.b.String())
	return err
}

type planText struct {
	doc *plan.Document
	s   Style
	b   strings.Builder
}

func (p *planText) line(format string, args ...any) {
	fmt.Fprintf(&p.b, format+"\n", args...)
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

func (p *planText) header() {
	var legend []string
	for _, a := range []plan.Action{plan.Install, plan.Upgrade, plan.Uninstall} {
		if slices.ContainsFunc(p.doc.Classes, func(c plan.Class) bool { return c.Action == a }) {
			legend = append(legend, p.symbol(a)+" "+string(a))
		}
	}
	if len(legend) == 0 {
		return
	}
	p.line("soctalk will carry out these actions:  %s\n", strings.Join(legend, "   "))
}

func (p *planText) class(c plan.Class) {
	members := p.members(c.ID)
	versions := c.From + " → " + c.To
	switch {
	case c.Action == plan.Install:
		versions = c.To
	case c.From == c.To:
		versions = c.To + " (same version)"
	}
	p.line("  %s %s  %s %s  %s", p.symbol(c.Action), p.s.Bold(subject(c, members)), c.Chart, p.s.Bold(versions), p.verdict(c.Reversibility))
	p.who(members)
	for _, n := range c.Notes {
		p.line("      %s %s", p.s.Warn("!"), n)
	}
	for _, n := range c.Changes {
		p.line("      %s", p.s.Faint("note: "+n))
	}
	p.objects(c.Diff, plan.Create)
	p.objects(c.Diff, plan.Delete)
	for _, o := range c.Diff {
		if o.Action != plan.Create && o.Action != plan.Delete {
			p.object(o)
		}
	}
	if c.Relabelled > 0 {
		p.line("      %s", p.s.Faint(plural(c.Relabelled, "object")+" change only their version labels"))
	}
	if len(c.Restarts) > 0 {
		p.line("      pods restart: %s", strings.Join(c.Restarts, ", "))
	}
	p.line("")
}

// subject names a class: its one release, or how many there are.
func subject(c plan.Class, members []plan.Release) string {
	if len(members) == 1 {
		return members[0].Address
	}
	return plural(c.Count, "release")
}

func (p *planText) members(class string) []plan.Release {
	var in []plan.Release
	for _, r := range p.doc.Releases {
		if r.Class == class {
			in = append(in, r)
		}
	}
	return in
}

func (p *planText) verdict(r plan.Reversibility) string {
	switch r {
	case plan.Reversible:
		return p.s.Good(string(r))
	case plan.RestoreRequired:
		return p.s.Warn(string(r))
	}
	return p.s.Bad(string(r))
}

// who lists the tenants of a class wave by wave.
func (p *planText) who(members []plan.Release) {
	var waves []string
	byWave := map[string][]string{}
	for _, r := range members {
		if r.Wave == "" {
			continue
		}
		if byWave[r.Wave] == nil {
			waves = append(waves, r.Wave)
		}
		byWave[r.Wave] = append(byWave[r.Wave], r.Slug)
	}
	for _, w := range waves {
		p.line("      wave %s: %s", w, shortList(byWave[w]))
	}
}

func shortList(names []string) string {
	if len(names) > mostTenants {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostTenants], ", "), len(names)-mostTenants)
	}
	return strings.Join(names, ", ")
}

// objects lists what is created or deleted as a whole, a line a kind.
func (p *planText) objects(diff []plan.ObjectDiff, action plan.ObjectAction) {
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
	for _, k := range kinds {
		p.line("      %s %s %s", p.objectSymbol(action), k, strings.Join(names[k], ", "))
	}
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

func (p *planText) object(o plan.ObjectDiff) {
	p.line("      %s %s %s", p.objectSymbol(o.Action), o.Kind, o.Name)
	for i, f := range o.Fields {
		if i == mostFields {
			p.line("          %s", p.s.Faint(fmt.Sprintf("… and %s more", plural(len(o.Fields)-i, "field"))))
			return
		}
		if lines := textDiff(f); lines != nil {
			p.line("          %s", f.Path)
			for _, l := range lines {
				p.line("            %s", p.diffLine(l))
			}
			continue
		}
		p.line("          %s %s", f.Path, p.values(f))
	}
}

// textDiff returns the changed lines of a text of several lines, or nil.
func textDiff(f plan.FieldDiff) []string {
	var before, after string
	if json.Unmarshal([]byte(f.Before), &before) != nil || json.Unmarshal([]byte(f.After), &after) != nil || !strings.Contains(before+after, "\n") {
		return nil
	}
	unified := udiff.Unified("", "", before, after)
	var lines []string
	for _, l := range strings.Split(unified, "\n") {
		if (strings.HasPrefix(l, "+") || strings.HasPrefix(l, "-")) && !strings.HasPrefix(l, "+++") && !strings.HasPrefix(l, "---") {
			lines = append(lines, l)
		}
	}
	if len(lines) > mostFields {
		lines = append(lines[:mostFields], fmt.Sprintf("… and %s more", plural(len(lines)-mostFields, "line")))
	}
	return lines
}

func (p *planText) diffLine(l string) string {
	if strings.HasPrefix(l, "-") {
		return p.s.Bad(l)
	}
	return p.s.Good(l)
}

func (p *planText) values(f plan.FieldDiff) string {
	switch f.Masked {
	case "":
	case "value":
		return p.s.Faint("(from values, not shown)")
	default:
		return p.s.Faint("(" + f.Masked + ", not shown)")
	}
	switch {
	case f.Before == "":
		return p.s.Good("+ " + clip(f.After))
	case f.After == "":
		return p.s.Bad("- " + clip(f.Before))
	}
	return clip(f.Before) + " → " + clip(f.After)
}

func clip(s string) string {
	if r := []rune(s); len(r) > widestValue {
		return string(r[:widestValue-1]) + "…"
	}
	return s
}

// order tells the steps in the order in which they may run, wave by wave.
func (p *planText) order() {
	if len(p.doc.Steps) == 0 {
		return
	}
	p.line("Order of work:")
	noReturn := PointOfNoReturn(p.doc)
	for _, s := range p.doc.Steps {
		if text := p.step(s); text != "" {
			if s.ID == noReturn {
				text += p.s.Warn("  ← point of no return: going back from here needs a restore")
			}
			p.line("  • %s", text)
		}
	}
	p.line("")
}

func (p *planText) step(s plan.Step) string {
	switch s.Kind {
	case plan.StepMigrate:
		return fmt.Sprintf("migrate the database with the Job of %s, before any pod rolls (up to %s)", s.Template, round(s.Timeout))
	case plan.StepInstall, plan.StepUpgrade:
		if s.Tenant == "" {
			return fmt.Sprintf("%s the system and wait until it is ready (up to %s)", s.Kind, round(s.Timeout))
		}
	case plan.StepGate:
		return p.wave(s.Wave)
	case plan.StepSoak:
		return fmt.Sprintf("let wave %s soak for %s", s.Wave, round(s.Settle))
	}
	return ""
}

func (p *planText) wave(wave string) string {
	tenants := map[string]bool{}
	settle := ""
	for _, s := range p.doc.Steps {
		if s.Wave == wave && s.Tenant != "" {
			tenants[s.Tenant] = true
			if s.Settle != "" {
				settle = s.Settle
			}
		}
	}
	parallel := p.doc.Rollout.MaxParallel
	if n := p.doc.Rollout.WaveParallel[wave]; n > 0 && n < parallel {
		parallel = n
	}
	text := fmt.Sprintf("wave %s: %s", wave, plural(len(tenants), "tenant"))
	if len(tenants) > 1 {
		text += fmt.Sprintf(", %d at a time", min(parallel, len(tenants)))
	}
	if settle != "" && settle != "0s" {
		text += ", each settling " + round(settle)
	}
	return text
}

// PointOfNoReturn is the first step after which Helm alone cannot go back;
// empty when there is none.
func PointOfNoReturn(doc *plan.Document) string {
	verdicts := map[string]plan.Reversibility{}
	for _, r := range doc.Releases {
		verdicts[r.Address] = r.Reversibility
	}
	for _, s := range doc.Steps {
		if v := verdicts[s.Address]; v == plan.RestoreRequired || v == plan.ForwardOnly {
			return s.ID
		}
	}
	return ""
}

func (p *planText) unmanaged() {
	if n := len(p.doc.Observed.Unmanaged); n > 0 {
		p.line("Not in these files, and never touched: %s\n", shortList(p.doc.Observed.Unmanaged))
	}
}

func (p *planText) summary() {
	p.b.WriteString(PlanSummary(p.doc))
	p.b.WriteString("\n")
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
