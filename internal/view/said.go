package view

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// said is a text that others wrote, such as a container's log, without what
// would command the terminal that it is shown on. Lines stay lines.
func said(text string) string {
	lines := strings.Split(ansi.Strip(text), "\n")
	for i, line := range lines {
		lines[i] = clean(strings.TrimRight(line, "\r"))
	}
	return strings.Join(lines, "\n")
}
