package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// History is what runs of a fleet have done, newest first.
type History struct {
	FormatVersion string       `json:"format_version"`
	Runs          []RunHistory `json:"runs"`
}

// RunHistory is one run. Steps and points are there only where one run was
// asked for.
type RunHistory struct {
	Run         string       `json:"run"`
	PlanID      string       `json:"plan_id"`
	ToolVersion string       `json:"tool_version"`
	State       string       `json:"state"`
	By          string       `json:"by"`
	Started     time.Time    `json:"started"`
	Ended       *time.Time   `json:"ended,omitempty"`
	Summary     plan.Summary `json:"summary"`
	Stopped     string       `json:"stopped,omitempty"`
	Awaits      string       `json:"awaits_approval,omitempty"`
	// Pruned says that the run is so old that its plan and steps are not kept any
	// more; Record is what is left, where one run was asked for.
	Pruned bool   `json:"pruned,omitempty"`
	Record string `json:"record,omitempty"`
	// Steps are those that were begun, in the order of the plan; Words are what
	// else the journal holds: who began, resumed, approved.
	Steps []StepHistory `json:"steps,omitempty"`
	Words []WordHistory `json:"words,omitempty"`
	// Result is the closing report.
	Result         *runSummary          `json:"result,omitempty"`
	RollbackPoints []plan.RollbackPoint `json:"rollback_points,omitempty"`
	// Snapshots are those of the run that are still kept, newest first.
	Snapshots []*plan.Snapshot `json:"snapshots,omitempty"`

	doc    *plan.Document
	report *Report
}

// StepHistory is what became of a step. State is begun, done, failed, cancelled
// or quarantined.
type StepHistory struct {
	Step     string     `json:"step"`
	Address  string     `json:"address,omitempty"`
	Kind     string     `json:"kind"`
	To       string     `json:"to,omitempty"`
	State    string     `json:"state"`
	Began    *time.Time `json:"began,omitempty"`
	Ended    *time.Time `json:"ended,omitempty"`
	Revision int        `json:"revision,omitempty"`
	Message  string     `json:"message,omitempty"`
	// Seen is what was seen around a failure: events, the last lines of logs.
	Seen []string `json:"seen,omitempty"`
}

// WordHistory is an entry that is about no step's doing.
type WordHistory struct {
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`
	Epoch   int       `json:"epoch"`
	By      string    `json:"by,omitempty"`
	Step    string    `json:"step,omitempty"`
	Message string    `json:"message,omitempty"`
}

// Recall fills in what the journal and the plan tell of a run, and the report
// that is made of it.
func (h *RunHistory) Recall(doc *plan.Document, entries []apply.Entry, report *Report) {
	h.doc, h.report, h.Result = doc, report, summaryOf(report)
	steps, reached := map[string]*StepHistory{}, map[string]bool{}
	var back []*StepHistory // ways back, in the order that they were taken
	for _, e := range entries {
		switch e.Kind {
		case apply.Begun, apply.Done, apply.Failed, apply.Cancelled, apply.Quarantined:
			key := e.Step + " " + e.Address
			if steps[key] == nil {
				steps[key] = &StepHistory{Step: e.Step, Address: e.Address, Kind: string(plan.StepRollback)}
				if e.Address != "" {
					back = append(back, steps[key])
				}
			}
			steps[key].add(e)
		case apply.Reached:
			reached[e.Step] = true
		default:
			h.Words = append(h.Words, WordHistory{Time: e.Time, Kind: string(e.Kind), Epoch: e.Epoch, By: e.By, Step: e.Step, Message: e.Message})
		}
	}
	for _, s := range doc.Steps {
		if x := steps[s.ID+" "]; x != nil {
			x.Address, x.Kind, x.To = s.Address, string(s.Kind), s.To
			h.Steps = append(h.Steps, *x)
		}
	}
	for _, x := range back {
		h.Steps = append(h.Steps, *x)
	}
	for _, p := range doc.RollbackPoints {
		if reached[p.ID] {
			h.RollbackPoints = append(h.RollbackPoints, p)
		}
	}
}

func (s *StepHistory) add(e apply.Entry) {
	s.State, s.Message, s.Seen = string(e.Kind), e.Message, e.Seen
	if e.Kind == apply.Begun {
		s.Began, s.Ended, s.Revision = &e.Time, nil, 0
		return
	}
	s.Ended = &e.Time
	if e.Base != nil {
		s.Revision = e.Base.Revision
	}
}

// HistoryHuman writes a row a run, or what is known of one.
func HistoryHuman(w io.Writer, h *History, style Style) error {
	if len(h.Runs) == 0 {
		_, err := fmt.Fprintln(w, "No runs yet.")
		return err
	}
	switch r := h.Runs[0]; {
	case len(h.Runs) > 1:
	case r.Record != "":
		_, err := fmt.Fprintf(w, "%s\n%s", r.Record, prunedNote)
		return err
	case r.report != nil:
		return runHuman(w, &r, style)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tSTATE\tSTARTED\tTOOK\tBY\tPLAN")
	pruned := false
	for _, r := range h.Runs {
		took, state := "-", r.State
		if r.Ended != nil {
			took = elapsed(r.Ended.Sub(r.Started))
		}
		if r.Pruned {
			state, pruned = state+"*", true
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Run, state, stampOf(r.Started), took, r.By, summaryText(r.Summary))
	}
	if err := t.Flush(); err != nil || !pruned {
		return err
	}
	_, err := fmt.Fprint(w, "\n* "+prunedNote)
	return err
}

const prunedNote = "Only this record is left: plan and steps are not kept any more, so there is nothing to resume or to roll back.\n"

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func summaryText(s plan.Summary) string {
	text := fmt.Sprintf("%d to install, %d to upgrade, %d to uninstall", s.Install, s.Upgrade, s.Uninstall)
	if s.Rollback > 0 {
		text += fmt.Sprintf(", %d to roll back", s.Rollback)
	}
	return text
}

func runHuman(w io.Writer, r *RunHistory, style Style) error {
	fmt.Fprintf(w, "%s  %s\nPlan %s (%s), soctalk %s\n\n", style.Bold("Run "+r.Run), r.State, r.PlanID, summaryText(r.Summary), r.ToolVersion)
	for _, x := range r.Words {
		line := stampOf(x.Time) + "  " + x.Kind
		if x.Step != "" {
			line += " " + x.Step
		}
		if x.By != "" {
			line += " by " + x.By
		}
		if x.Message != "" {
			line += ": " + said(x.Message)
		}
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "\n%s", r.report.text(style))
	fmt.Fprintln(w, "\nSteps:")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range r.Steps {
		ended, revision := "", ""
		if s.Ended != nil {
			ended = stampOf(*s.Ended)
		}
		if s.Revision > 0 {
			revision = fmt.Sprintf("revision %d", s.Revision)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", s.Step, s.State, ended, revision, oneLine(s.Message))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.RollbackPoints) > 0 {
		fmt.Fprintln(w, "\nRollback points:")
		for _, p := range r.RollbackPoints {
			after := "before the first step"
			if p.After != "" {
				after = "after " + p.After
			}
			if len(p.Snapshots) > 0 {
				after += ", with " + strings.Join(p.Snapshots, ", ")
			}
			fmt.Fprintf(w, "  %s  %s\n", p.ID, after)
		}
	}
	if len(r.Snapshots) > 0 {
		fmt.Fprintln(w, "\nSnapshots:")
		return snapshotTable(w, "  ", r.Snapshots, false)
	}
	return nil
}
