package view

import (
	"regexp"
	"strings"
)

// special are the characters that mean something in Markdown, in HTML, or to
// the places that render Markdown. As numeric entities they mean nothing in any
// of them, table cells and raw HTML included.
var special = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;",
	`\`, "&#92;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "~", "&#126;",
	"[", "&#91;", "]", "&#93;",
	"|", "&#124;", "$", "&#36;", "{", "&#123;", "}", "&#125;",
	// The comments keep names and numbers from becoming mentions and references.
	"@", "@<!-- -->", "#", "#<!-- -->", "://", ":<!-- -->//", "www.", "www<!-- -->.",
)

// mdText escapes text for Markdown, inside HTML blocks and table cells too. It
// must not begin a line, where dashes and numbers begin lists.
func mdText(s string) string { return special.Replace(strings.TrimSpace(oneLine(s))) }

var plainCode = regexp.MustCompile(`^[A-Za-z0-9./:=,+-][A-Za-z0-9 ./:=,+@_-]*$`)

// mdCode sets text in code, in Markdown.
func mdCode(s string) string {
	s = strings.TrimSpace(oneLine(s))
	if plainCode.MatchString(s) {
		return "`" + s + "`"
	}
	return htmlCode(s)
}

// htmlCode sets text in code where Markdown is not read, as in a summary.
func htmlCode(s string) string { return "<code>" + mdText(s) + "</code>" }

// fenced sets lines in a code block whose fence is longer than any in them.
func fenced(language string, lines []string) string {
	longest := 2
	for _, l := range lines {
		for run := range strings.FieldsFuncSeq(l, func(r rune) bool { return r != '`' }) {
			longest = max(longest, len(run))
		}
	}
	fence := strings.Repeat("`", longest+1)
	return fence + language + "\n" + strings.Join(lines, "\n") + "\n" + fence + "\n"
}
