package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// markdownClass is a class at every amount of detail, so that the cheapest one
// to shorten can be found.
type markdownClass struct {
	row string
	// full, objects and bare are the collapsible block with fields, with objects
	// but no fields, and with neither.
	full, objects, bare string
	level               markdownLevel
}

type markdownLevel int

const (
	levelFull markdownLevel = iota
	levelObjects
	levelBare
	levelRow // no block, the row in the table alone
)

func (c *markdownClass) block() string {
	switch c.level {
	case levelFull:
		return c.full
	case levelObjects:
		return c.objects
	case levelBare:
		return c.bare
	}
	return ""
}

func (x *planIndex) markdownClass(c *plan.Class, d Detail) markdownClass {
	out := markdownClass{row: x.markdownRow(c)}
	head := x.markdownHead(c, d)
	out.bare = markdownBlock(head, nil)
	out.objects, out.full = out.bare, out.bare
	if lines := objectLines(c.Diff); len(lines) > 0 {
		out.objects = markdownBlock(head, lines)
		out.full = out.objects
	}
	if lines := fieldLines(c.Diff); d == Full && len(lines) > 0 {
		out.full = markdownBlock(head, lines)
	}
	return out
}

func (x *planIndex) markdownRow(c *plan.Class) string {
	waves, names := x.byWave(c.ID)
	var cells []string
	for i, w := range waves {
		if i == mostWaves {
			cells = append(cells, fmt.Sprintf("and %d more", len(waves)-i))
			break
		}
		cells = append(cells, fmt.Sprintf("%s: %d", mdText(clip(w, widestName)), len(names[w])))
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |\n", mdText(clip(c.ID, widestName)), mdText(clip(string(c.Action), widestName)), mdCode(clip(x.subject(c), widestName)),
		mdCode(clip(c.Chart, widestName)), mdText(clip(versions(c), widestName)), mdText(clip(string(c.Reversibility), widestName)), strings.Join(cells, ", "))
}

// markdownHead is what opens with a click, as far as the diff.
func (x *planIndex) markdownHead(c *plan.Class, d Detail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<details><summary>%s: %s %s, %s %s", mdText(clip(c.ID, widestName)), mdText(clip(string(c.Action), widestName)), mdText(clip(x.subject(c), widestName)),
		htmlCode(clip(c.Chart, widestName)), mdText(clip(versions(c), widestName)))
	if c.Reversibility != "" {
		fmt.Fprintf(&b, ", %s", mdText(clip(string(c.Reversibility), widestName)))
	}
	b.WriteString("</summary>\n\n")
	facts := x.facts(c, d, nil)
	if c.Relabelled > 0 {
		facts = append(facts, fact{text: "only version labels change on " + plural(c.Relabelled, "more object")})
	}
	if len(facts) > 0 {
		b.WriteString(markdownFacts(facts, "") + "\n")
	}
	return b.String()
}

func markdownBlock(head string, diff []string) string {
	if len(diff) > 0 {
		head += fenced("diff", diff) + "\n"
	}
	return head + "</details>\n\n"
}

// objectLines is a class's diff without fields.
func objectLines(diff []plan.ObjectDiff) []string {
	var lines []string
	for _, o := range diff {
		lines = append(lines, objectLine(o))
	}
	return lines
}

func objectLine(o plan.ObjectDiff) string {
	sign := map[plan.ObjectAction]string{plan.Create: "+", plan.Delete: "-", plan.Replace: "!"}[o.Action]
	text := clip(clean(o.Kind)+" "+clean(o.Name), widestMarkdown)
	switch sign {
	case "":
		return "@@ " + text + " @@"
	case "!":
		text += " (replaced: deleted and created anew)"
	}
	return sign + " " + text
}

// fieldLines is a class's diff with the fields of what changes; nil when it is
// more than would ever fit.
func fieldLines(diff []plan.ObjectDiff) []string {
	var lines []string
	size, counted := 0, 0
	for _, o := range diff {
		for ; counted < len(lines); counted++ {
			size += len(lines[counted])
		}
		if size > mostMarkdown {
			return nil
		}
		lines = append(lines, objectLine(o))
		if o.Action == plan.Create || o.Action == plan.Delete {
			continue
		}
		for i, f := range o.Fields {
			if i == mostMarkdownFields {
				lines = append(lines, fmt.Sprintf("  … and %s more", plural(len(o.Fields)-i, "field")))
				break
			}
			lines = append(lines, oneField(f)...)
		}
	}
	return lines
}

func oneField(f plan.FieldDiff) []string {
	path := clip(clean(f.Path), widestMarkdown)
	if why := maskedText(f); why != "" {
		return []string{"! " + path + " " + why}
	}
	if text := textDiff(f, mostMarkdownLines); text != nil {
		lines := []string{"  " + path}
		for _, l := range text {
			lines = append(lines, clip(l, widestMarkdown))
		}
		return lines
	}
	before, after := beforeAfter(f, widestMarkdown)
	var lines []string
	if f.Before != "" {
		lines = append(lines, "- "+path+" "+before)
	}
	if f.After != "" {
		lines = append(lines, "+ "+path+" "+after)
	}
	return lines
}
