package view

import (
	"slices"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// progress is how far a run has come.
type progress struct {
	doc     *plan.Document
	started time.Time
	// running are the steps under way, the oldest first.
	running []*underwayStep
	// ended are the steps that are over, however; approved the gates.
	ended, approved map[string]bool
	// last is the step with which a release arrives and stays.
	last map[string]string
	// done and failed are addresses of releases.
	done, failed map[string]bool
	took         map[pace]*average
	waits        map[string]string // by window, when it opens
	stopping     string
}

type underwayStep struct {
	step   plan.Step
	since  time.Time
	status string
}

// pace is what takes about as long each time.
type pace struct {
	kind   plan.StepKind
	system bool
}

func paceOf(s plan.Step) pace { return pace{s.Kind, s.Tenant == ""} }

type average struct {
	total time.Duration
	count int
}

func newProgress(doc *plan.Document, past []apply.Entry, now time.Time) *progress {
	p := &progress{
		doc: doc, started: now, ended: map[string]bool{}, approved: map[string]bool{}, last: map[string]string{},
		done: map[string]bool{}, failed: map[string]bool{}, took: map[pace]*average{}, waits: map[string]string{},
	}
	for _, s := range doc.Steps {
		if changesRelease(s) || s.Kind == plan.StepVerify {
			p.last[s.Address] = s.ID
		}
	}
	steps := map[string]plan.Step{}
	for _, s := range doc.Steps {
		steps[s.ID] = s
	}
	for _, e := range past {
		switch e.Kind {
		case apply.Done:
			if s, planned := steps[e.Step]; planned {
				p.end(s, true)
			}
		case apply.Approved:
			p.approved[e.Step] = true
		}
	}
	return p
}

func changesRelease(s plan.Step) bool {
	return s.Kind == plan.StepInstall || s.Kind == plan.StepUpgrade || s.Kind == plan.StepUninstall || s.Kind == plan.StepPins || s.Kind == plan.StepRollback
}

func (p *progress) event(e apply.Event) {
	s := e.Step
	switch e.Type {
	case apply.StepStart:
		p.running = append(p.running, &underwayStep{step: s, since: e.Time})
		delete(p.waits, s.Window)
	case apply.StepStatus, apply.StepProgress:
		for _, x := range p.running {
			if x.step.ID == s.ID {
				x.status = e.Message
			}
		}
	case apply.StepDone, apply.RolledBack:
		p.leave(s)
		p.end(s, e.Type == apply.StepDone)
		if p.took[paceOf(s)] == nil {
			p.took[paceOf(s)] = &average{}
		}
		p.took[paceOf(s)].total += e.Elapsed
		p.took[paceOf(s)].count++
	case apply.StepFailed:
		p.leave(s)
		p.end(s, false)
	case apply.StepSkipped:
		p.ended[s.ID] = true
	case apply.StepWaiting:
		p.waits[s.Window] = e.Message
	case apply.Gate:
		p.approved[s.ID] = e.By != ""
	case apply.Stopping:
		p.stopping = e.Message
	}
}

func (p *progress) leave(s plan.Step) {
	p.running = slices.DeleteFunc(p.running, func(x *underwayStep) bool { return x.step.ID == s.ID })
}

func (p *progress) end(s plan.Step, well bool) {
	p.ended[s.ID] = true
	switch {
	case !well:
		p.failed[s.Address] = true
		delete(p.done, s.Address)
	case p.last[s.Address] == s.ID:
		p.done[s.Address] = true
	}
}

// ahead is the wave whose approval the run will stop for, if any.
func (p *progress) ahead() string {
	for _, s := range p.doc.Steps {
		if p.shut(s) {
			return s.Wave
		}
	}
	return ""
}

func (p *progress) shut(s plan.Step) bool {
	return s.Kind == plan.StepGate && s.Approve && !p.approved[s.ID]
}

// left is how long the run is expected to go on, up to the next approval; false
// when nothing is known that says so.
func (p *progress) left(now time.Time) (time.Duration, bool) {
	if p.stopping != "" || len(p.waits) > 0 {
		return 0, false
	}
	known, beyond := true, map[string]bool{}
	for i, s := range p.doc.Steps {
		if p.shut(s) {
			for _, later := range p.doc.Steps[i:] {
				beyond[later.ID] = true
			}
			break
		}
	}
	running := map[string]time.Duration{}
	for _, x := range p.running {
		running[x.step.ID] = now.Sub(x.since)
	}
	left := p.doc.Makespan(func(s plan.Step) time.Duration {
		if p.ended[s.ID] || beyond[s.ID] {
			return 0
		}
		takes, told := p.takes(s)
		known = known && told
		return max(0, takes-running[s.ID])
	})
	if !known && p.doc.Forecast != nil {
		whole, err := time.ParseDuration(p.doc.Forecast.Expected)
		left, known = max(0, whole-now.Sub(p.started)), err == nil && len(beyond) == 0
	}
	return left, known
}

// takes is how long a step takes, from those like it.
func (p *progress) takes(s plan.Step) (time.Duration, bool) {
	if s.Kind == plan.StepGate {
		return 0, true
	}
	if a := p.took[paceOf(s)]; a != nil {
		return a.total / time.Duration(a.count), true
	}
	settle, err := time.ParseDuration(s.Settle)
	return settle, err == nil && (s.Kind == plan.StepVerify || s.Kind == plan.StepSoak)
}
