package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

const (
	// mostLines is how many lines at the end of a terminal are rewritten.
	mostLines = 16
	// mostName is how many columns the names of releases may take.
	mostName = 32
)

// lines say what happens now, on a terminal of so many columns and rows.
func (p *progress) lines(width, height int, now time.Time, style Style) []string {
	lines := []string{p.head(now, style)}
	if p.stopping != "" && len(p.running) > 0 {
		lines = append(lines, style.Warn("  stopping: what runs is finished; interrupt again to cancel it"))
	}
	for _, name := range slices.Sorted(maps.Keys(p.waits)) {
		lines = append(lines, "  "+said(p.waits[name]))
	}
	most := min(mostLines, height-1)
	names := 0
	for _, x := range p.running {
		names = min(mostName, width/3, max(names, lipgloss.Width(said(x.step.Address))))
	}
	for i, x := range p.running {
		if len(lines) == most-1 && i < len(p.running)-1 {
			lines = append(lines, style.Faint(fmt.Sprintf("  and %d more", len(p.running)-i)))
			break
		}
		lines = append(lines, x.line(names, now, style))
	}
	return lines[:max(0, min(len(lines), most))]
}

func (p *progress) head(now time.Time, style Style) string {
	releases := len(p.last)
	parts := []string{style.Bold(fmt.Sprintf("%d of %s done", len(p.done), plural(releases, "release")))}
	if n := len(p.failed); n > 0 {
		parts = append(parts, style.Bad(fmt.Sprintf("%d failed", n)))
	}
	if n := releases - len(p.done) - len(p.failed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d left", n))
	}
	parts = append(parts, clock(now.Sub(p.started)))
	gate := p.ahead()
	if left, known := p.left(now); known {
		text := fmt.Sprintf("about %s to go", clock(left))
		if gate != "" {
			text = fmt.Sprintf("about %s to the approval of wave %s", clock(left), said(gate))
		}
		parts = append(parts, text+", at "+now.Add(left).Format("15:04"))
	} else if gate != "" {
		parts = append(parts, "then the approval of wave "+said(gate))
	}
	return strings.Join(parts, style.Faint(" · "))
}

func (x *underwayStep) line(names int, now time.Time, style Style) string {
	name := ansi.Truncate(said(x.step.Address), names, "…")
	doing, _ := words(x.step)
	line := fmt.Sprintf("  %s%s %6s  %s", style.Bold(name), strings.Repeat(" ", max(0, names-lipgloss.Width(name))), clock(now.Sub(x.since)), oneLine(doing))
	if x.status != "" {
		line += style.Faint(": " + oneLine(said(x.status)))
	}
	return line
}

// clock writes a duration in whole seconds.
func clock(d time.Duration) string { return round(max(0, d).Round(time.Second).String()) }
