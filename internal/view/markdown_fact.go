package view

import (
	"fmt"
	"regexp"
	"strings"
)

// markdownFacts are facts as a list, what is under one further in.
func markdownFacts(facts []fact, indent string) string {
	var b strings.Builder
	for _, f := range facts {
		b.WriteString(indent + markdownFact(f, indent))
	}
	return b.String()
}

func markdownFact(f fact, indent string) string {
	return "- " + markdownLine(f) + "\n" + markdownFacts(f.under, indent+"  ")
}

func markdownLine(f fact) string {
	text := mdItem(clip(oneLine(f.text), 2*widestNote))
	for _, more := range []string{string(f.verdict), f.then} {
		if more != "" {
			text += ", " + mdText(clip(oneLine(more), 2*widestNote))
		}
	}
	if f.url != "" {
		text += " " + mdURL(f.url)
	}
	switch f.weight {
	case weightToKnow:
		return "**to know**: " + text
	case weightNoReturn:
		return "**← " + text + "**"
	}
	return text
}

// block is what a line begins with that begins a list, or a heading above.
var block = regexp.MustCompile(`^([-+=]|[0-9]+[.)]( |$))`)

// mdItem escapes text that may begin a line.
func mdItem(s string) string {
	s = mdText(s)
	if block.MatchString(s) {
		return fmt.Sprintf("&#%d;%s", s[0], s[1:])
	}
	return s
}

// plainURL has nothing that Markdown could read.
var plainURL = regexp.MustCompile(`^https?://[A-Za-z0-9][A-Za-z0-9.:/~%?=+-]*$`)

// mdURL makes a link of an address, or else text.
func mdURL(url string) string {
	if len(url) <= widestNote && plainURL.MatchString(url) {
		return "<" + url + ">"
	}
	return mdText(clip(url, widestNote))
}
