package view

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/soctalk/fleet/plan"
)

// widest is where details wrap at most: longer lines are hard to read.
const widest = 120

// mostAlikeText is how many diagnostics of one summary are written in full.
const mostAlikeText = 20

// DiagnosticsText writes diagnostics for a person, in Terraform's form: warnings
// first, so that errors stand where one looks, what is the same of several
// releases once, and of many of one summary only some. Those of a severity stay in their order, which is that of the files, unless
// they are too many. dir is
// the way from the working directory to the configuration's folder, put before
// file names; empty or "." for none.
func DiagnosticsText(w io.Writer, diags []plan.Diagnostic, dir string, s Style) error {
	var b strings.Builder
	for _, of := range split(mergeAlike(diags), plan.Warning) {
		groups := foldDiagnostics(of, mostAlikeText)
		if slices.ContainsFunc(groups, func(g *likeness) bool { return len(g.rest) > 0 }) {
			of = nil
			for _, g := range groups {
				of = append(of, g.shown...)
				if len(g.rest) > 0 {
					of = append(of, restText(g))
				}
			}
		}
		for _, d := range of {
			b.WriteString(diagnosticText(d, dir, s))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// restText stands for the diagnostics of a group that are not written.
func restText(g *likeness) plan.Diagnostic {
	d := plan.Diagnostic{Severity: g.first.Severity, Summary: g.first.Summary + ", " + timesMore(len(g.rest)), Detail: "With -json, every one is shown."}
	if names := about(g.rest); names != "" {
		d.Detail = "For " + names + ". " + d.Detail
	}
	return d
}

func diagnosticText(d plan.Diagnostic, dir string, s Style) string {
	rule, title := s.Bad, "Error: "
	if d.Severity == plan.Warning {
		rule, title = s.Warn, "Warning: "
	}
	var lines []string
	add := func(line string) { lines = append(lines, line) }
	add(rule(title) + s.Bold(oneLine(d.Summary)))
	add("")
	switch {
	case d.Range != nil:
		at := d.Range.Filename
		if dir != "" && dir != "." && !filepath.IsAbs(at) {
			at = filepath.Join(dir, filepath.FromSlash(at))
		}
		where := fmt.Sprintf("  on %s line %d", at, d.Range.Start.Line)
		if d.Snippet != nil && d.Snippet.Context != "" {
			where += ", in " + d.Snippet.Context
		}
		// The block says all of an address that has no key.
		if strings.Contains(d.Address, "[") {
			where += ", for " + d.Address
		}
		add(where + ":")
		lines = append(lines, code(d, s)...)
		add("")
	case d.Address != "":
		add("  for " + d.Address + ":")
		add("")
	}
	width := min(s.Width, widest)
	if width <= 0 { // no terminal: what searches the text must find its sentences whole
		width = math.MaxInt
	}
	if d.Detail != "" {
		for _, para := range strings.Split(strings.TrimSpace(d.Detail), "\n") {
			lines = append(lines, wrap(clean(para), width-2)...)
		}
	}
	if last := len(lines) - 1; lines[last] == "" { // there is no detail
		lines = lines[:last]
	}
	var b strings.Builder
	b.WriteString(rule("╷") + "\n")
	for _, line := range lines {
		b.WriteString(strings.TrimRight(rule("│")+" "+line, " ") + "\n")
	}
	b.WriteString(rule("╵") + "\n")
	return b.String()
}

// code renders the source line, the mark under it, and the values.
func code(d plan.Diagnostic, s Style) []string {
	sn := d.Snippet
	if sn == nil || sn.Code == "" {
		return nil
	}
	const tab = "    "
	start, end := bounded(sn.HighlightStart, len(sn.Code)), bounded(sn.HighlightEnd, len(sn.Code))
	end = max(start, end)
	before, marked, after := clean(sn.Code[:start]), clean(sn.Code[start:end]), clean(sn.Code[end:])
	before, marked, after = window(before, marked, after)
	number := fmt.Sprintf("%4d: ", sn.StartLine)
	lines := []string{number + before + s.Bold(marked) + after}
	mark := strings.Repeat(" ", columns(number)+columns(before)) + strings.Repeat("^", max(1, columns(marked)))
	lines = append(lines, s.Bad(mark))
	if len(sn.Values) > 0 {
		lines = append(lines, tab+"├────────────────")
		for _, v := range sn.Values {
			lines = append(lines, tab+"│ "+clean(v))
		}
	}
	return lines
}

// window shortens a line far wider than any terminal around its mark.
func window(before, marked, after string) (string, string, string) {
	const side, most = 60, 100
	if r := []rune(before); len(r) > side && len([]rune(marked))+len(r) > most {
		before = "…" + string(r[len(r)-side:])
	}
	if r := []rune(marked); len(r) > most {
		return before, string(r[:most]) + "…", ""
	}
	if r := []rune(after); len(r) > side {
		after = string(r[:side]) + "…"
	}
	return before, marked, after
}

func bounded(i, n int) int { return min(max(i, 0), n) }

func columns(s string) int { return len([]rune(s)) }

func oneLine(s string) string { return clean(strings.ReplaceAll(s, "\n", " ")) }

// clean takes out what is no text: control characters, which could rewrite the
// terminal, and what turns the direction of writing.
func clean(s string) string {
	if printable(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control):
			return '?'
		}
		return r
	}, s)
}

// printable reports whether a text is plain ASCII, as most are.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// wrap breaks a paragraph at spaces; what is indented stays as it is.
func wrap(s string, width int) []string {
	if s == "" || strings.HasPrefix(s, " ") || lipgloss.Width(s) <= width {
		return []string{s}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case lipgloss.Width(line)+1+lipgloss.Width(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
