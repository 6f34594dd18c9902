package journal

import (
	"fmt"
	"strings"
	"time"
)

// auditKey is the part of a run's head that is for people, who read it with
// kubectl.
const auditKey = "audit"

// mostAttempts bounds what is remembered of who took a run up.
const mostAttempts = 50

// Attempt is one program at work on a run.
type Attempt struct {
	// By is the user and machine, KubernetesUser whom the API server took that
	// for.
	By             string    `json:"by"`
	KubernetesUser string    `json:"kubernetes_user,omitempty"`
	ToolVersion    string    `json:"tool_version"`
	Started        time.Time `json:"started"`
	// Approval says on whose word the plan is carried out.
	Approval string `json:"plan_approved"`
}

// GateApproval is who opened the gate of a wave.
type GateApproval struct {
	Wave string    `json:"wave"`
	By   string    `json:"by"`
	Time time.Time `json:"time"`
}

// Outcome counts what became of the releases of a run.
type Outcome struct {
	Installed   int `json:"installed"`
	Upgraded    int `json:"upgraded"`
	Uninstalled int `json:"uninstalled"`
	Failed      int `json:"failed"`
	RolledBack  int `json:"rolled_back"`
	Quarantined int `json:"quarantined"`
	NotStarted  int `json:"not_started"`
}

// Begin notes that a program takes the run up.
func (r *Run) Begin(a Attempt) {
	r.Attempts = append(r.Attempts, a)
	if n := len(r.Attempts); n > mostAttempts {
		// Who began it is worth more than who was second.
		r.Attempts = append(r.Attempts[:1], r.Attempts[n-mostAttempts+1:]...)
	}
}

// Audit is the record of a run: who ran what, when, from which plan.
func (r *Run) Audit() string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", what+":", fmt.Sprintf(format, args...))
	}
	line("run", "%s", r.ID)
	line("plan", "%s, of the configuration %s", r.PlanID, r.ConfigDigest)
	intent := fmt.Sprintf("%d to install, %d to upgrade, %d to uninstall", r.Summary.Install, r.Summary.Upgrade, r.Summary.Uninstall)
	if r.Reverses != "" {
		intent += fmt.Sprintf(", %d to roll back, which undoes run %s", r.Summary.Rollback, r.Reverses)
	}
	line("intent", "%s", intent)
	for i, a := range r.Attempts {
		what, who := "started", a.By
		if i > 0 {
			what = "resumed"
		}
		if a.KubernetesUser != "" {
			who += " as " + a.KubernetesUser
		}
		line(what, "%s by %s with soctalk %s; %s", stamp(a.Started), who, a.ToolVersion, a.Approval)
	}
	for _, g := range r.Gates {
		line("approved", "wave %s by %s, %s", g.Wave, g.By, stamp(g.Time))
	}
	if r.Ended != nil {
		line("ended", "%s", stamp(*r.Ended))
	}
	line("state", "%s", r.State)
	if o := r.Outcome; o != nil {
		line("result", "%d installed, %d upgraded, %d uninstalled; %d failed, %d rolled back, %d quarantined, %d not started",
			o.Installed, o.Upgraded, o.Uninstalled, o.Failed, o.RolledBack, o.Quarantined, o.NotStarted)
	}
	if r.Stopped != "" {
		line("stopped", "%s", strings.ReplaceAll(r.Stopped, "\n", " "))
	}
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
