package schema

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:generate go run ../internal/languagedocs ../docs

//go:embed page/head.md
var pageHead string

//go:embed page/tail.md
var pageTail string

// Page returns the language page in Markdown: what people read of the table
// that the decoder works from.
func Page() string {
	var b strings.Builder
	b.WriteString("<!-- Made by go generate ./schema from schema/table.go and schema/page. -->\n\n")
	b.WriteString(pageHead)
	b.WriteString("## Blocks\n\n")
	for _, c := range language.blocks {
		writeBlock(&b, c, "", 3)
	}
	b.WriteString("## Functions\n\nNo function reads the clock, the network or the environment, so the same files always mean the same.\n\n")
	for _, g := range functionDocs {
		fmt.Fprintf(&b, "### %s\n\n| call | gives |\n|---|---|\n", g.title)
		for _, f := range g.list {
			fmt.Fprintf(&b, "| `%s` | %s |\n", f.call, f.doc)
		}
		b.WriteString("\n")
	}
	b.WriteString(pageTail)
	return b.String()
}

func writeBlock(b *strings.Builder, s *block, within string, level int) {
	fmt.Fprintf(b, "%s `%s`\n\n", strings.Repeat("#", level), s.heading())
	b.WriteString(s.doc)
	var notes []string
	switch {
	case s.must:
		notes = append(notes, "Required, once.")
	case !s.many:
		notes = append(notes, "At most once.")
	}
	if len(s.oneOf) > 0 {
		notes = append(notes, "Needs exactly one of `"+strings.Join(s.oneOf, "`, `")+"`.")
	}
	if within != "" {
		notes = append(notes, "In "+within+".")
	}
	if len(notes) > 0 {
		b.WriteString(" " + strings.Join(notes, " "))
	}
	b.WriteString("\n\n")
	if s.name == "tenant_defaults" {
		b.WriteString("Attributes and blocks are those of [`tenant`](#tenant-name), without `for_each`.\n\n")
		return
	}
	if len(s.attrs) > 0 {
		b.WriteString("| attribute | is | default | |\n|---|---|---|---|\n")
		for _, a := range s.attrs {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", a.name, a.describe(), a.defaultText(), strings.ReplaceAll(a.doc, "|", `\|`))
		}
		b.WriteString("\n")
	}
	for _, c := range s.blocks {
		if c.name == "snapshot" && s.name != "system" || c.name == "precondition" && s.name == "system" {
			fmt.Fprintf(b, "May hold `%s` blocks, as %s does.\n\n", c.heading(), map[string]string{"snapshot": "`system`", "precondition": "`tenant`"}[c.name])
			continue
		}
		writeBlock(b, c, "`"+s.heading()+"`", min(level+1, 6))
	}
}

func (s *block) heading() string {
	if s.label == "" {
		return s.name
	}
	return s.name + " " + strings.ToUpper(s.label)
}

func (a *attribute) describe() string {
	what := string(a.kind)
	switch {
	case len(a.enum) > 0:
		what = "`" + strings.ReplaceAll(quoteAll(a.enum), ", ", "`, `") + "`"
	case a.kind == kindRef:
		what = "`" + a.refs + ".NAME`"
	case a.kind == kindRefs:
		what = "list of `" + a.refs + ".NAME`"
	case a.bounded && a.max > 0:
		what += fmt.Sprintf(", %d to %d", a.min, a.max)
	case a.bounded:
		what += fmt.Sprintf(", at least %d", a.min)
	}
	return what
}

func (a *attribute) defaultText() string {
	switch {
	case a.required:
		return "**required**"
	case a.def == "":
		return ""
	case strings.ContainsAny(a.def[:1], `"{0123456789`) || a.def == "true" || a.def == "false" || strings.Contains(a.def, "<"):
		return "`" + a.def + "`"
	}
	return a.def
}
