package view

import (
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// screen keeps a few lines below everything else on a terminal and writes them
// again and again. It asks nothing of the terminal but to move the cursor up and
// to erase what is below it, and hides nothing: a program that dies leaves the
// lines as they were.
type screen struct {
	w io.Writer
	// size returns the columns and rows of the terminal as it is now.
	size func() (width, height int)
	// shown are the widths of the lines that stand there.
	shown []int
}

// paint writes a text that stays, which may be empty, and then the lines.
func (s *screen) paint(stays string, lines []string) {
	width, _ := s.size()
	var b strings.Builder
	b.WriteString(s.erasing(width))
	b.WriteString(stays)
	s.shown = nil
	for _, line := range lines {
		line = ansi.Truncate(line, width-1, "…")
		s.shown = append(s.shown, lipgloss.Width(line))
		b.WriteString(line + "\n")
	}
	_, _ = io.WriteString(s.w, b.String()) // a terminal that is gone needs no view
}

// erasing takes the lines away. A terminal that has become narrower has broken
// them.
func (s *screen) erasing(width int) string {
	if len(s.shown) == 0 {
		return ""
	}
	rows := 0
	for _, w := range s.shown {
		rows += max(1, (w+width-1)/width)
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows)
}
