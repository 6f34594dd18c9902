package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// RunJSON writes a run as NDJSON.
type RunJSON struct {
	W   io.Writer
	Now func() time.Time
	// Next is the command that plans what is left; see [Report].
	Next string
}

// line is one object of the run stream.
type line struct {
	Timestamp  time.Time        `json:"@timestamp"`
	Level      string           `json:"@level"`
	Message    string           `json:"@message"`
	Type       string           `json:"type"`
	Step       *plan.Step       `json:"step,omitempty"`
	Seconds    *float64         `json:"elapsed_seconds,omitempty"`
	Error      string           `json:"error,omitempty"`
	Seen       []string         `json:"seen,omitempty"`
	Version    string           `json:"version,omitempty"`
	Plan       *planHead        `json:"plan,omitempty"`
	Point      string           `json:"point,omitempty"`
	Summary    *runSummary      `json:"summary,omitempty"`
	Diagnostic *plan.Diagnostic `json:"diagnostic,omitempty"`
	Document   *plan.Document   `json:"document,omitempty"`
}

type planHead struct {
	PlanID  string       `json:"plan_id"`
	Summary plan.Summary `json:"summary"`
}

func (v *RunJSON) write(l line) {
	if l.Timestamp.IsZero() {
		l.Timestamp = v.Now()
	}
	if l.Level == "" {
		l.Level = "info"
	}
	// The stream is closed when its reader has gone; the run goes on.
	_ = json.NewEncoder(v.W).Encode(l)
}

// Start writes which program runs which plan.
func (v *RunJSON) Start(version string, doc *plan.Document) {
	v.write(line{Type: "version", Message: "soctalk " + version, Version: version})
	v.write(line{Type: "plan_summary", Message: PlanSummary(doc), Plan: &planHead{doc.PlanID, doc.Summary}})
}

// Plan writes the whole document.
func (v *RunJSON) Plan(doc *plan.Document) {
	v.write(line{Type: "plan", Message: PlanSummary(doc), Document: doc})
}

// Diagnostic writes an error or a warning.
func (v *RunJSON) Diagnostic(d plan.Diagnostic) {
	level := "warn"
	if d.Severity == plan.Error {
		level = "error"
	}
	v.write(line{Type: "diagnostic", Level: level, Message: d.Summary, Diagnostic: &d})
}

// Event writes what happened.
func (v *RunJSON) Event(e apply.Event) {
	if e.Type == apply.StepStatus {
		return // step_progress says it
	}
	l := line{Timestamp: e.Time, Type: string(e.Type), Step: &e.Step, Message: e.Message}
	if e.Elapsed > 0 {
		seconds := e.Elapsed.Seconds()
		l.Seconds = &seconds
	}
	doing, done := words(e.Step)
	switch e.Type {
	case apply.StepStart:
		l.Message = fmt.Sprintf("%s: %s", e.Step.Address, doing)
	case apply.StepDone:
		l.Message = fmt.Sprintf("%s: %s", e.Step.Address, cmp.Or(done, "settled"))
	case apply.RolledBack:
		l.Type, l.Message = string(apply.StepDone), fmt.Sprintf("%s: rolled back", e.Step.Address)
	case apply.StepLog:
		l.Type = string(apply.StepProgress)
	case apply.StepFailed:
		l.Level, l.Error = "error", e.Err.Error()
		l.Message = fmt.Sprintf("%s: failed %s", e.Step.Address, briefly(e.Step))
		if why, is := untouched(e); is {
			l.Message = fmt.Sprintf("%s: %s: %s", e.Step.Address, quarantined, why)
		}
		l.Seen = seenIn(e.Err)
	case apply.StepWaiting:
		l.Type, l.Message = string(apply.StepProgress), fmt.Sprintf("%s: %s", e.Step.Address, e.Message)
	case apply.PointReached:
		l.Step, l.Point, l.Message = nil, e.Message, "rollback point "+e.Message
	case apply.Stopping:
		l.Level, l.Step = "warn", nil
		l.Type, l.Diagnostic = "diagnostic", &plan.Diagnostic{Severity: plan.Warning, Summary: "Stopping", Detail: e.Message}
	}
	v.write(l)
}

// Close does nothing.
func (v *RunJSON) Close() {}

// End writes the closing summary.
func (v *RunJSON) End(r *apply.Result) {
	report := &Report{Result: r, Next: v.Next}
	stands := report.standing()
	l := line{Type: "apply_summary", Level: stands.level, Message: stands.title + " " + Counts(r), Summary: summaryOf(report)}
	v.write(l)
}
