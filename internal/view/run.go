package view

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// Run shows a run while it happens and when it has ended.
type Run interface {
	Event(apply.Event)
	End(*apply.Result)
}

// RunHuman writes a run line by line, for a person or a log.
type RunHuman struct {
	W     io.Writer
	Style Style
	// Next is the command that goes on with what is left; empty hides it.
	Next string
}

// Event writes one line for what happened, or none.
func (v *RunHuman) Event(e apply.Event) {
	if text := v.event(e); text != "" {
		fmt.Fprintln(v.W, text)
	}
}

func (v *RunHuman) event(e apply.Event) string {
	who := v.Style.Bold(e.Step.Address + ":")
	doing, done := words(e.Step)
	switch e.Type {
	case apply.StepStart:
		if doing == "" || e.Step.Settle == "0s" {
			return ""
		}
		return fmt.Sprintf("%s %s…", who, doing)
	case apply.StepProgress:
		text := fmt.Sprintf("%s still %s (%s)", who, doing, elapsed(e.Elapsed))
		if e.Message != "" {
			text += ": " + e.Message
		}
		return text
	case apply.StepLog:
		return fmt.Sprintf("%s %s %s", who, v.Style.Faint("│"), e.Message)
	case apply.StepDone:
		if done == "" {
			return ""
		}
		return fmt.Sprintf("%s %s after %s", who, v.Style.Good(done), elapsed(e.Elapsed))
	case apply.StepFailed:
		return fmt.Sprintf("%s %s after %s: %s", who, v.Style.Bad("failed "+doing), elapsed(e.Elapsed), e.Err)
	case apply.RolledBack:
		return fmt.Sprintf("%s %s after %s", who, v.Style.Warn("rolled back to "+e.Step.To), elapsed(e.Elapsed))
	case apply.StepWaiting:
		return fmt.Sprintf("%s %s", who, e.Message)
	case apply.Gate:
		return fmt.Sprintf("%s %s", v.Style.Bold("wave "+e.Step.Wave+":"), e.Message)
	case apply.Stopping:
		return v.Style.Warn("Stopping: "+e.Message+".") + " What runs is finished, nothing new is started."
	}
	return ""
}

// words say what a step is doing, and what it has done.
func words(s plan.Step) (doing, done string) {
	switch s.Kind {
	case plan.StepMigrate:
		return "migrating the database with " + s.Template, "database migrated"
	case plan.StepInstall:
		return "installing " + s.To, "installed " + s.To
	case plan.StepUpgrade:
		if s.From == s.To {
			return "upgrading " + s.To + " in place", "upgraded " + s.To + " in place"
		}
		return fmt.Sprintf("upgrading %s → %s", s.From, s.To), "upgraded to " + s.To
	case plan.StepPins:
		return "setting SocTalk's own pins to what the tenants run", "pins set"
	case plan.StepCRDs:
		return "updating custom resource definitions " + strings.Join(s.CRDs, ", "), "custom resource definitions updated"
	case plan.StepVerify:
		return "settling for " + round(s.Settle), ""
	case plan.StepSoak:
		return "soaking for " + round(s.Settle), "soaked"
	case apply.StepRollback:
		return "rolling back to " + s.To, ""
	}
	return string(s.Kind), string(s.Kind)
}

// End writes the closing report.
func (v *RunHuman) End(r *apply.Result) {
	var b strings.Builder
	b.WriteString("\n")
	if r.OK() {
		b.WriteString(v.Style.Good("Apply complete!") + " " + Counts(r) + "\n")
		io.WriteString(v.W, b.String())
		return
	}
	title := v.Style.Bad("Apply did not complete.")
	if r.Awaits != "" && len(r.Failed)+len(r.Quarantined) == 0 {
		title = v.Style.Warn("Apply waits for an approval.")
	}
	b.WriteString(title + " " + Counts(r) + "\n\n")
	for _, f := range r.Failed {
		v.failure(&b, "Failed", f)
	}
	for i := range r.Quarantined {
		v.failure(&b, "Quarantined, not touched", &r.Quarantined[i])
	}
	if len(r.RolledBack) > 0 {
		fmt.Fprintf(&b, "  Rolled back: %s\n", strings.Join(r.RolledBack, ", "))
	}
	if len(r.NotStarted) > 0 {
		fmt.Fprintf(&b, "  Not started: %s\n", shortList(r.NotStarted))
	}
	for _, u := range r.Underway {
		fmt.Fprintf(&b, "  On its way: %s is at %s\n", u.Address, u.At)
	}
	if r.Stopped != "" {
		fmt.Fprintf(&b, "  Stopped because %s.\n", r.Stopped)
	}
	if v.Next != "" && r.Resumable {
		command := v.Next + " -resume " + r.RunID
		if r.Awaits != "" {
			command += " -approve " + r.Awaits
		}
		fmt.Fprintf(&b, "\nThis goes on where it stopped:\n  %s\n", command)
	} else if v.Next != "" {
		fmt.Fprintf(&b, "\nOnce the cause is mended, this plans and runs what is left:\n  %s\n", v.Next)
	}
	io.WriteString(v.W, b.String())
}

func (v *RunHuman) failure(b *strings.Builder, title string, f *apply.Failure) {
	fmt.Fprintf(b, "  %s: %s (%s)\n      %s\n", v.Style.Bad(title), v.Style.Bold(f.Step.Address), f.Step.Kind, indent(f.Err.Error(), "      "))
	var seen *apply.CauseError
	if errors.As(f.Err, &seen) {
		for _, line := range seen.Seen {
			fmt.Fprintf(b, "      %s %s\n", v.Style.Faint("│"), line)
		}
	}
	if f.RollbackErr != nil {
		fmt.Fprintf(b, "      %s %s\n", v.Style.Bad("and it could not be rolled back:"), f.RollbackErr)
	}
}

// Counts says what was done, in the words that apply ends with.
func Counts(r *apply.Result) string {
	return fmt.Sprintf("%d installed, %d upgraded, %d uninstalled.", r.Installed, r.Upgraded, r.Uninstalled)
}

func indent(s, by string) string { return strings.ReplaceAll(s, "\n", "\n"+by) }

// elapsed rounds a duration to what a person cares for.
func elapsed(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
