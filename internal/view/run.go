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
	// Close takes away what is only shown while the run happens. It may be called
	// more than once.
	Close()
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

// Line says what happened in one line of plain text; empty when there is nothing
// to say.
func Line(e apply.Event) string { return oneLine((&RunHuman{}).event(e)) }

func (v *RunHuman) event(e apply.Event) string {
	who := v.Style.Bold(e.Step.Address + ":")
	doing, done := words(e.Step)
	switch e.Type {
	case apply.StepStart:
		if doing == "" || e.Step.Settle == "0s" && len(e.Step.Checks) == 0 {
			return ""
		}
		return fmt.Sprintf("%s %s…", who, doing)
	case apply.StepProgress:
		text := fmt.Sprintf("%s still %s (%s)", who, briefly(e.Step), elapsed(e.Elapsed))
		if e.Message != "" {
			text += ": " + said(e.Message)
		}
		return text
	case apply.StepLog:
		return fmt.Sprintf("%s %s %s", who, v.Style.Faint("│"), said(e.Message))
	case apply.StepDone:
		if done == "" {
			return ""
		}
		return fmt.Sprintf("%s %s after %s", who, v.Style.Good(done), elapsed(e.Elapsed))
	case apply.StepFailed:
		if why, is := untouched(e); is {
			return fmt.Sprintf("%s %s: %s", who, v.Style.Bad(quarantined), said(why))
		}
		return fmt.Sprintf("%s %s after %s: %s", who, v.Style.Bad("failed "+briefly(e.Step)), elapsed(e.Elapsed), said(e.Err.Error()))
	case apply.RolledBack:
		return fmt.Sprintf("%s %s after %s", who, v.Style.Warn("rolled back to "+e.Step.To), elapsed(e.Elapsed))
	case apply.StepWaiting:
		return fmt.Sprintf("%s %s", who, e.Message)
	case apply.Gate:
		return fmt.Sprintf("%s %s", v.Style.Bold("wave "+e.Step.Wave+":"), e.Message)
	case apply.PointReached:
		return v.Style.Faint("rollback point " + e.Message)
	case apply.Stopping:
		return v.Style.Warn("Stopping: "+e.Message+".") + " What runs is finished, nothing new is started."
	}
	return ""
}

// quarantined says what became of a release that was changed behind the run's
// back.
const quarantined = "quarantined, not touched"

// untouched says why a step left its release alone, without naming that again.
func untouched(e apply.Event) (why string, is bool) {
	var stale *apply.StaleError
	// A way back that a failure begins is no step of the plan, and fails.
	if !errors.As(e.Err, &stale) || e.Step.Kind == plan.StepRollback && e.Step.Revision == 0 {
		return "", false
	}
	return strings.TrimPrefix(e.Err.Error(), stale.Address+": "), true
}

// words say what a step is doing, and what it has done.
func words(s plan.Step) (doing, done string) {
	switch s.Kind {
	case plan.StepMigrate:
		return "migrating the database with " + s.Template, "database migrated"
	case plan.StepSnapshot:
		return fmt.Sprintf("taking snapshot %s with %s", s.Snapshot, s.Driver), fmt.Sprintf("snapshot %s taken", s.Snapshot)
	case plan.StepInstall:
		return "installing " + s.To, "installed " + s.To
	case plan.StepUpgrade:
		if s.From == s.To {
			return "upgrading " + s.To + " in place", "upgraded " + s.To + " in place"
		}
		return fmt.Sprintf("upgrading %s → %s", s.From, s.To), "upgraded to " + s.To
	case plan.StepUninstall:
		return "uninstalling", "uninstalled"
	case plan.StepPins:
		return "setting SocTalk's own pins to what the tenants run", "pins set"
	case plan.StepCRDs:
		return "updating custom resource definitions " + strings.Join(s.CRDs, ", "), "custom resource definitions updated"
	case plan.StepVerify, plan.StepSoak:
		return proving(s)
	case plan.StepRollback:
		return "rolling back to " + s.To, "rolled back to " + s.To
	case plan.StepRestore:
		return "restoring snapshot " + s.Snapshot, "restored"
	case plan.StepScaleUp:
		return "scaling up again", "scaled up again"
	}
	return string(s.Kind), string(s.Kind)
}

// Close does nothing.
func (v *RunHuman) Close() {}

// End writes the closing report.
func (v *RunHuman) End(r *apply.Result) {
	report := Report{Result: r, Next: v.Next}
	fmt.Fprintf(v.W, "\n%s", report.text(v.Style))
}

// elapsed rounds a duration to what a person cares for.
func elapsed(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
