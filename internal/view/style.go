// Package view renders everything that is read: plans, runs, diagnostics. It
// renders documents, never internal state, so that no two views can disagree.
package view

import (
	"charm.land/lipgloss/v2"
)

// Style says how text for people is written.
type Style struct {
	// Color allows ANSI colours; without it every output is plain text.
	Color bool
	// Width is the number of columns to wrap at; 0 means do not wrap.
	Width int
}

var (
	bold   = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	green  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	red    = lipgloss.NewStyle().Foreground(lipgloss.Red)
)

func (s Style) paint(style lipgloss.Style, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return style.Render(text)
}

// Bold renders text that matters.
func (s Style) Bold(text string) string { return s.paint(bold, text) }

// Faint renders text of less weight.
func (s Style) Faint(text string) string { return s.paint(faint, text) }

// Good renders what is added or went well.
func (s Style) Good(text string) string { return s.paint(green, text) }

// Warn renders what changes or wants care.
func (s Style) Warn(text string) string { return s.paint(yellow, text) }

// Bad renders what is removed or failed.
func (s Style) Bad(text string) string { return s.paint(red, text) }
