package view

import (
	"slices"
	"strings"

	"github.com/soctalk/fleet/plan"
)

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
	images := listed(c)
	for _, o := range c.Diff {
		if o.Action != plan.Create && o.Action != plan.Delete {
			p.object(o, images)
		}
	}
}

func (p *planText) kinds(diff []plan.ObjectDiff, action plan.ObjectAction) {
	for _, k := range byKind(diff, action) {
		p.line(6, p.objectSymbol(action)+" "+k)
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

// object writes one object and its fields, without the images, which are told
// above.
func (p *planText) object(o plan.ObjectDiff, images map[string]bool) {
	p.line(6, p.objectSymbol(o.Action)+" "+clean(o.Kind)+" "+clean(o.Name))
	fields := slices.DeleteFunc(slices.Clone(o.Fields), func(f plan.FieldDiff) bool { return isListed(images, o, f) })
	if len(fields) == 0 && len(o.Fields) > 0 {
		p.line(10, p.s.Faint("its image, as above"))
	}
	for i, f := range fields {
		if i == mostFields {
			p.line(10, p.s.Faint("… and "+plural(len(fields)-i, "more field")))
			return
		}
		p.field(f)
	}
}

func (p *planText) field(f plan.FieldDiff) {
	path := clean(f.Path)
	if lines := textDiff(f, mostFields); lines != nil {
		p.line(10, path)
		for _, l := range lines {
			p.asIs(12, p.diffLine(l))
		}
		return
	}
	p.line(10, path+" "+p.values(f))
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
