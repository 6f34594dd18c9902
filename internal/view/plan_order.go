package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// workLine is one entry of the order of work.
type workLine struct {
	text string
	// noReturn is set where Helm alone can no longer go back.
	noReturn string
}

// work tells the steps in the order in which they may run: those of the system
// one by one, those of tenants wave by wave.
func (x *planIndex) work() []workLine {
	var lines []workLine
	// What is beyond return in a wave is told at the wave.
	noReturn := x.noReturn
	told := false
	for i := range x.doc.Steps {
		s := &x.doc.Steps[i]
		text := x.step(s)
		if text == "" {
			continue
		}
		l := workLine{text: text}
		switch {
		case noReturn == nil:
		case s == noReturn:
			l.noReturn = "point of no return: going back from here needs a restore"
		case s.Kind == plan.StepGate && noReturn.Tenant != "" && s.Wave == noReturn.Wave:
			l.noReturn = fmt.Sprintf("point of no return: from %s on, going back needs a restore", clean(noReturn.Address))
		}
		lines = append(lines, l)
		if !told && s.Tenant == "" && s.Kind == plan.StepUpgrade && len(x.lagging) > 0 {
			told = true
			lines = append(lines, workLine{text: fmt.Sprintf("until their wave has come, tenants on %s run beside system %s", clean(shortList(x.lagging)), clean(s.To))})
		}
	}
	return lines
}

// step says what a step of the system or a wave does; empty for those of a
// tenant, which its wave stands for.
func (x *planIndex) step(s *plan.Step) string {
	if s.Tenant != "" {
		return ""
	}
	switch s.Kind {
	case plan.StepGate:
		return x.waveText(s.Wave)
	case plan.StepSoak:
		return fmt.Sprintf("let wave %s soak for %s", clean(s.Wave), clean(round(s.Settle)))
	case plan.StepMigrate:
		return fmt.Sprintf("migrate the database with the Job of %s, before any pod rolls%s", clean(s.Template), upTo(s.Timeout))
	}
	who := "the system"
	if s.Address != "system" {
		who = clean(s.Address)
	}
	switch s.Kind {
	case plan.StepSnapshot:
		return fmt.Sprintf("snapshot %s%s", who, upTo(s.Timeout))
	case plan.StepInstall, plan.StepUpgrade:
		to := s.To
		if s.From != "" && s.From != s.To {
			to = s.From + " → " + s.To
		}
		return fmt.Sprintf("%s %s, %s, and wait until it is ready%s", s.Kind, who, clean(to), upTo(s.Timeout))
	case plan.StepUninstall:
		return fmt.Sprintf("uninstall %s%s", who, upTo(s.Timeout))
	case plan.StepVerify:
		if s.Settle == "" || s.Settle == "0s" {
			return "verify " + who
		}
		return fmt.Sprintf("verify %s, which settles for %s", who, clean(round(s.Settle)))
	case plan.StepPins:
		return "set the tenants' versions that " + who + " pins"
	}
	return clean(string(s.Kind)) + " " + who
}

func upTo(timeout string) string {
	if timeout == "" || timeout == "0s" {
		return ""
	}
	return " (up to " + clean(round(timeout)) + ")"
}

func (x *planIndex) waveText(wave string) string {
	parts := []string{"wave " + clean(wave)}
	w := x.waves[wave]
	if w == nil {
		return parts[0]
	}
	parts[0] += ": " + plural(w.tenants, "tenant")
	if n := min(x.parallel(wave), w.tenants); n > 0 && w.tenants > 1 {
		parts = append(parts, fmt.Sprintf("%d at a time", n))
	}
	if w.snapshots > 0 {
		parts = append(parts, plural(w.snapshots, "snapshot")+" first")
	}
	if w.settle != "" {
		parts = append(parts, "each settling "+clean(round(w.settle)))
	}
	return strings.Join(parts, ", ")
}
