package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/hinshun/vt10x"
	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// livePlan is a system and four tenants, the last two behind an approval.
func livePlan() *plan.Document {
	doc := &plan.Document{Rollout: plan.Rollout{MaxParallel: 2}}
	doc.Steps = append(doc.Steps, plan.Step{ID: "system", Kind: plan.StepUpgrade, Address: "system", From: "0.2.0", To: "0.2.1"})
	for i, name := range []string{"acme", "beta", "gamma", "a-tenant-with-a-name-that-is-very-long"} {
		if i == 2 {
			doc.Steps = append(doc.Steps, plan.Step{ID: "gate", Kind: plan.StepGate, Wave: "rest", Approve: true})
		}
		address := "tenant." + name
		s := upgradeOf(address)
		doc.Steps = append(doc.Steps, s, plan.Step{ID: address + "/verify", Kind: plan.StepVerify, Address: address, Tenant: address, Settle: "1m0s"})
	}
	return doc
}

func TestProgressLines(t *testing.T) {
	t.Parallel()
	doc := livePlan()
	steps := doc.Steps
	at := func(seconds int, kind apply.EventType, s plan.Step, message string) apply.Event {
		return apply.Event{Time: noon.Add(time.Duration(seconds) * time.Second), Type: kind, Step: s, Message: message, Elapsed: 30 * time.Second}
	}
	started := []apply.Event{at(0, apply.StepStart, steps[0], ""), at(2, apply.StepStatus, steps[0], "2 of 5 objects ready, waiting for Deployment soctalk-system-api: 0 of 1 replicas ready")}
	tenants := append(slices.Clip(started), at(30, apply.StepDone, steps[0], ""), at(30, apply.StepStart, steps[1], ""), at(31, apply.StepStart, steps[3], ""))
	settling := append(slices.Clip(tenants), at(60, apply.StepDone, steps[1], ""), at(60, apply.StepStart, steps[2], ""))
	failed := append(slices.Clip(settling), at(62, apply.StepFailed, steps[3], ""), at(62, apply.StepStart, plan.Step{ID: "back", Kind: plan.StepRollback, Address: "tenant.beta", Tenant: "tenant.beta", To: "0.2.0"}, ""))
	approved := append(slices.Clip(settling), at(90, apply.StepDone, steps[3], ""), apply.Event{Type: apply.Gate, Step: steps[5], By: "somebody"}, at(91, apply.StepStart, steps[6], ""), at(92, apply.StepStart, steps[8], "\x1b[31mred"))
	for name, c := range map[string]struct {
		events        []apply.Event
		now           int
		width, height int
	}{
		"live_start.txt":    {started, 5, 100, 24},
		"live_tenants.txt":  {tenants, 40, 100, 24},
		"live_settling.txt": {settling, 61, 100, 24},
		"live_failed.txt":   {append(slices.Clip(failed), at(62, apply.Stopping, plan.Step{}, "1 tenant failed")), 65, 100, 24},
		"live_approved.txt": {approved, 95, 100, 24},
		"live_narrow.txt":   {approved, 95, 30, 24},
		"live_low.txt":      {approved, 95, 100, 4},
		"live_window.txt":   {append(slices.Clip(started), at(30, apply.StepDone, steps[0], ""), at(30, apply.StepWaiting, plan.Step{Window: "night"}, "window night opens Sun 2026-11-22 22:00 UTC")), 40, 100, 24},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgress(doc, nil, noon)
			for _, e := range c.events {
				p.event(e)
			}
			lines := p.lines(c.width, c.height, noon.Add(time.Duration(c.now)*time.Second), Style{})
			if len(lines) > c.height-1 {
				t.Errorf("%d lines on %d rows", len(lines), c.height)
			}
			var screen strings.Builder
			(&screenOf{&screen, c.width}).paint(lines)
			golden(t, name, screen.String())
		})
	}
}

// screenOf writes lines as a screen of that width shows them.
type screenOf struct {
	w     *strings.Builder
	width int
}

func (s *screenOf) paint(lines []string) {
	(&screen{w: s.w, size: func() (int, int) { return s.width, 24 }}).paint("", lines)
}

// What an earlier program did is not left to do.
func TestProgressGoesOn(t *testing.T) {
	t.Parallel()
	doc := livePlan()
	p := newProgress(doc, []apply.Entry{{Kind: apply.Begun, Step: "system"}, {Kind: apply.Done, Step: "system"}, {Kind: apply.Done, Step: doc.Steps[2].ID}, {Kind: apply.Approved, Step: "gate"}}, noon)
	if got, want := p.lines(100, 24, noon, Style{})[0], "2 of 5 releases done · 3 left · 0s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A release is left until its last step is done, also between its steps.
func TestProgressCountsDown(t *testing.T) {
	t.Parallel()
	doc := livePlan()
	p := newProgress(doc, nil, noon)
	left := 5
	for _, s := range doc.Steps {
		for _, kind := range []apply.EventType{apply.StepStart, apply.StepDone} {
			p.event(apply.Event{Time: noon, Type: kind, Step: s})
			now := 0
			_, _ = fmt.Sscanf(p.head(noon, Style{}), "%d of 5 releases done", &now)
			if now = 5 - now; now > left {
				t.Errorf("%d left after %d", now, left)
			} else if told := strings.Contains(p.head(noon, Style{}), fmt.Sprintf(" %d left ", now)); told != (now > 0) {
				t.Errorf("%d are left: %s", now, p.head(noon, Style{}))
			}
			left = 5 - len(p.done)
		}
	}
}

// TestScreen paints on a terminal that is emulated: what stays is there, whole
// and once, and nothing is left of the lines below it.
func TestScreen(t *testing.T) {
	t.Parallel()
	for _, width := range []int{20, 37, 80} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			terminal := vt10x.New(vt10x.WithSize(width, 60))
			s := &screen{w: carriage{terminal}, size: func() (int, int) { return width, 60 }}
			for i := range 10 {
				s.paint(fmt.Sprintf("stays %d\n", i), []string{strings.Repeat("x", 15*i), "\x1b[1mbold\x1b[0m wörld 世界 " + strings.Repeat("y", 30)})
			}
			s.paint("", nil)
			var want []string
			for i := range 10 {
				want = append(want, fmt.Sprintf("stays %d", i))
			}
			var got []string
			for _, line := range strings.Split(terminal.String(), "\n") {
				if line = strings.TrimRight(line, " "); line != "" {
					got = append(got, line)
				}
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("the screen shows\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// carriage does what a terminal's driver does to the ends of lines.
type carriage struct{ vt10x.Terminal }

func (c carriage) Write(p []byte) (int, error) {
	_, err := c.Terminal.Write([]byte(strings.ReplaceAll(string(p), "\n", "\r\n")))
	return len(p), err
}

// A terminal that becomes narrower breaks the lines that stand there.
func TestScreenBecomesNarrower(t *testing.T) {
	t.Parallel()
	width := 80
	var out strings.Builder
	s := &screen{w: &out, size: func() (int, int) { return width, 24 }}
	s.paint("", []string{strings.Repeat("x", 60), "short"})
	width = 25
	out.Reset()
	s.paint("", []string{strings.Repeat("x", 60)})
	if !strings.HasPrefix(out.String(), "\r\x1b[4A\x1b[J") {
		t.Errorf("%q does not take back the four rows that the two lines have become", out.String())
	}
	for _, line := range strings.Split(strings.TrimPrefix(out.String(), "\r\x1b[4A\x1b[J"), "\n") {
		if lipgloss.Width(line) >= width {
			t.Errorf("%q does not fit %d columns", line, width)
		}
	}
}
