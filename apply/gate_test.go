package apply

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/soctalk/fleet/plan"
)

// twoWaves is a plan of two installed tenants, the second behind a gate.
func twoWaves() *plan.Document {
	base := plan.Base{Revision: 1}
	doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{MaxParallel: 2, OnFailure: "stop"}}
	needs := []string{}
	for _, wave := range []string{"first", "second"} {
		address := "tenant." + wave
		doc.Releases = append(doc.Releases, plan.Release{Address: address, From: "1", To: "2", Action: plan.Upgrade, Wave: wave, Base: base})
		doc.Steps = append(doc.Steps,
			plan.Step{ID: wave + "/gate", Kind: plan.StepGate, Wave: wave, Approve: wave == "second", Needs: needs},
			plan.Step{ID: wave, Kind: plan.StepUpgrade, Address: address, Tenant: address, Wave: wave, To: "2", Timeout: "10m", Needs: []string{wave + "/gate"}},
			plan.Step{ID: wave + "/verify", Kind: plan.StepVerify, Address: address, Tenant: address, Wave: wave, Settle: "2s", Needs: []string{wave}})
		needs = []string{wave + "/verify"}
	}
	return doc
}

func TestGateStopsUntilApproved(t *testing.T) {
	t.Parallel()
	doc := twoWaves()
	m := newModel(doc)
	m.versions["system"] = "2"
	run := func(approve ...string) *Result {
		t.Helper()
		r := &Runner{Plan: doc, Releases: m, Journal: m, Clock: instant{}, RunID: "r", By: "somebody", Events: func(Event) {}, Past: slices.Clone(m.entries), Approve: approve}
		result, err := r.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	for range 2 { // nobody approves: it stays there
		if r := run(); r.Awaits != "second" || !r.Resumable || r.OK() || m.versions["tenant.second"] != "1" {
			t.Fatalf("result %+v, versions %v", r, m.versions)
		}
	}
	if r := run("second"); !r.OK() || r.Upgraded != 2 || m.versions["tenant.second"] != "2" {
		t.Fatalf("result %+v, versions %v", r, m.versions)
	}
	if !slices.ContainsFunc(m.entries, func(e Entry) bool { return e.Kind == Approved && e.Step == "second/gate" && e.By == "somebody" }) {
		t.Errorf("the journal does not say who approved:\n%s", journalText(m.entries))
	}
	if len(m.faults) > 0 {
		t.Error(m.faults)
	}
}

func TestApprovalOfNoGateIsRefused(t *testing.T) {
	t.Parallel()
	r := &Runner{Plan: twoWaves(), Clock: instant{}, Approve: []string{"first"}}
	if _, err := r.Run(context.Background()); err == nil {
		t.Error("an approval of a gate that needs none was taken")
	}
}

// stepping is a clock that goes on by itself, from look to look.
type stepping struct {
	mu  sync.Mutex
	now time.Time
}

func (c *stepping) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepping) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d == lookInterval {
		d = 10 * time.Minute // so that a test is over soon
	}
	c.now = c.now.Add(d)
	out := make(chan time.Time, 1)
	out <- c.now
	return out
}

func TestStepWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	doc := twoWaves()
	doc.Steps[3].Approve = false
	doc.Steps[1].Window = "night"
	doc.Rollout.Windows = map[string]plan.Window{"night": {Days: []string{"sat"}, Start: "01:00", Duration: "4h", Timezone: "UTC"}}
	m := newModel(doc)
	m.versions["system"] = "2"
	clock := &stepping{now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)} // a Friday
	var began, last time.Time
	var told string
	r := &Runner{Plan: doc, Releases: m, Journal: m, Clock: clock, Events: func(e Event) {
		switch {
		case e.Type == StepWaiting:
			if !last.IsZero() && e.Time.Sub(last) > 20*time.Minute {
				t.Errorf("nothing was said from %s to %s", last, e.Time)
			}
			told, last = e.Message, e.Time
		case e.Type == StepStart && e.Step.ID == "first":
			began = e.Time
		}
	}}
	result, err := r.Run(context.Background())
	if err != nil || !result.OK() {
		t.Fatalf("result %+v, %v", result, err)
	}
	opens := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	if began.Before(opens) || began.After(opens.Add(4*time.Hour-10*time.Minute)) {
		t.Errorf("began %s, outside of the window", began)
	}
	if opens.Sub(last) > 20*time.Minute {
		t.Errorf("it was last said at %s that the window opens at %s", last, opens)
	}
	if want := "window night opens Sat 2026-11-21 01:00 UTC"; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
}
