package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// cuts counts what was left out so that the rest fits.
type cuts struct{ fields, objects, blocks, classes int }

// text says what was left out; empty when nothing was.
func (c cuts) text() string {
	var parts []string
	if c.fields > 0 {
		parts = append(parts, "the fields of "+classes(c.fields))
	}
	if c.objects > 0 {
		parts = append(parts, "the objects of "+classes(c.objects))
	}
	if c.blocks > 0 {
		parts = append(parts, "all but the table's row of "+classes(c.blocks))
	}
	if c.classes > 0 {
		parts = append(parts, "the last "+classes(c.classes)+" altogether")
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("**Left out**, because a comment holds no more: %s. `soctalk show` prints all of a saved plan.\n\n", strings.Join(parts, ", "))
}

func classes(n int) string {
	if n == 1 {
		return "1 class"
	}
	return fmt.Sprintf("%d classes", n)
}

// mostCuts is room for the sentence that tells of the cuts.
const mostCuts = 300

// fit shortens classes until everything is within the limit: first the fields
// of those that gain most by it, then their objects, then, from the end, their
// blocks and then their rows. around is what stands before and after the classes.
func (m *markdown) fit(around int) {
	size := around + len(markdownTable) + 1 + mostCuts
	for i := range m.classes {
		size += len(m.classes[i].row) + len(m.classes[i].full)
	}
	size = m.shorten(size, levelObjects)
	size = m.shorten(size, levelBare)
	for i := len(m.classes) - 1; i >= mostMarkdownRows && size > mostMarkdown; i-- {
		size -= len(m.classes[i].row) + len(m.classes[i].block())
		m.cut.classes++
	}
	for i := len(m.classes) - m.cut.classes - 1; i >= 0 && size > mostMarkdown; i-- {
		size -= len(m.classes[i].block())
		m.classes[i].level = levelRow
	}
	for i := len(m.classes) - m.cut.classes - 1; i >= 0 && size > mostMarkdown; i-- {
		size -= len(m.classes[i].row)
		m.cut.classes++
	}
	m.count()
}

// shorten brings classes down to a level, those that gain most first, until
// all fits or nothing is left to gain.
func (m *markdown) shorten(size int, to markdownLevel) int {
	gain := make([]int, len(m.classes))
	order := make([]int, len(m.classes))
	for i := range m.classes {
		shorter := m.classes[i]
		shorter.level = to
		gain[i] = len(m.classes[i].block()) - len(shorter.block())
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(gain[b], gain[a]) })
	for _, i := range order {
		if size <= mostMarkdown || gain[i] == 0 {
			break
		}
		m.classes[i].level = to
		size -= gain[i]
	}
	return size
}

// count tells of every class only the most that it lost.
func (m *markdown) count() {
	for _, c := range m.classes[:len(m.classes)-m.cut.classes] {
		switch {
		case c.level == levelRow:
			m.cut.blocks++
		case c.level == levelBare && c.objects != c.bare:
			m.cut.objects++
		case c.level == levelObjects && c.full != c.objects:
			m.cut.fields++
		}
	}
}
