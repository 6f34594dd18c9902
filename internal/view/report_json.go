package view

import (
	"github.com/soctalk/fleet/apply"
)

// runSummary is a [Report] for programs.
type runSummary struct {
	Run         string `json:"run"`
	OK          bool   `json:"ok"`
	Installed   int    `json:"installed"`
	Upgraded    int    `json:"upgraded"`
	Uninstalled int    `json:"uninstalled"`
	// Returned counts what the plan itself put back; Reverses is the run that it
	// rolls back.
	Returned    int      `json:"returned,omitempty"`
	Reverses    string   `json:"reverses,omitempty"`
	Failed      []string `json:"failed"`
	Quarantined []string `json:"quarantined"`
	RolledBack  []string `json:"rolled_back"`
	NotStarted  []string `json:"not_started"`
	// Causes say why, of what failed and of what is quarantined.
	Causes []failureCause `json:"causes,omitempty"`
	// Underway are releases at a version on their way, Open those of which a
	// step was begun and it is not known how it ended.
	Underway  []underway `json:"underway,omitempty"`
	Open      []string   `json:"open,omitempty"`
	Stopped   string     `json:"stopped,omitempty"`
	Resumable bool       `json:"resumable,omitempty"`
	Awaits    string     `json:"awaits_approval,omitempty"`
	Seconds   float64    `json:"elapsed_seconds,omitempty"`
	// Next is the command that goes on.
	Next string `json:"next,omitempty"`
}

type failureCause struct {
	Address  string   `json:"address"`
	Step     string   `json:"step"`
	Error    string   `json:"error"`
	Seen     []string `json:"seen,omitempty"`
	Rollback string   `json:"rollback_error,omitempty"`
}

type underway struct {
	Address string `json:"address"`
	At      string `json:"at"`
}

func summaryOf(report *Report) *runSummary {
	r := report.Result
	s := &runSummary{
		Run: r.RunID, OK: r.OK(), Installed: r.Installed, Upgraded: r.Upgraded, Uninstalled: r.Uninstalled, Returned: r.Returned, Reverses: r.Reverses,
		Failed: notNil(addressesOf(r.Failed)), Quarantined: []string{}, RolledBack: notNil(r.RolledBack), NotStarted: notNil(r.NotStarted), Stopped: r.Stopped,
		Resumable: r.Resumable, Awaits: r.Awaits, Seconds: r.Elapsed.Seconds(), Next: report.Command(),
	}
	for _, f := range r.Failed {
		s.Causes = append(s.Causes, causeOf(f))
	}
	for i := range r.Quarantined {
		s.Quarantined = append(s.Quarantined, r.Quarantined[i].Step.Address)
		s.Causes = append(s.Causes, causeOf(&r.Quarantined[i]))
	}
	for _, u := range r.Underway {
		s.Underway = append(s.Underway, underway(u))
	}
	for _, x := range r.Open {
		s.Open = append(s.Open, x.Address)
	}
	return s
}

func causeOf(f *apply.Failure) failureCause {
	c := failureCause{Address: f.Step.Address, Step: f.Step.ID, Error: f.Err.Error(), Seen: seenIn(f.Err)}
	if f.RollbackErr != nil {
		c.Rollback = f.RollbackErr.Error()
	}
	return c
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
