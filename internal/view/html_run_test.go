package view

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// recalled is a run of a plan as its journal tells it. Steps fail as failing
// says; what needs them does not begin.
func recalled(t *testing.T, doc *plan.Document, failing map[string]string) *RunHistory {
	t.Helper()
	at := time.Date(2026, 11, 22, 14, 15, 0, 0, time.UTC)
	tick := func() time.Time { at = at.Add(7 * time.Second); return at }
	entries := []apply.Entry{{Time: at, Epoch: 1, Kind: apply.Started, By: "ada@ops", Message: "the plan was saved before"}}
	ended := map[string]bool{}
	for _, s := range doc.Steps {
		ready := true
		for _, need := range s.Needs {
			ready = ready && ended[need]
		}
		if !ready {
			continue
		}
		if s.Kind == plan.StepGate { // of which a journal tells nothing else
			opened := tick()
			if ended[s.ID] = true; s.Approve {
				entries = append(entries, apply.Entry{Time: opened, Epoch: 1, Kind: apply.Approved, Step: s.ID, By: "ada@ops"})
			}
			continue
		}
		entries = append(entries, apply.Entry{Time: tick(), Epoch: 1, Kind: apply.Begun, Step: s.ID})
		end := apply.Entry{Time: tick(), Epoch: 1, Kind: apply.Done, Step: s.ID, Base: &plan.Base{Revision: 5}}
		if why := failing[s.ID]; why != "" {
			end = apply.Entry{Time: tick(), Epoch: 1, Kind: apply.Failed, Step: s.ID, Message: why, Seen: []string{"last lines of container adapter:", "  \x1b[31mno route\x1b[0m to <host>"}}
		} else {
			ended[s.ID] = true
		}
		entries = append(entries, end)
	}
	entries = append(entries, apply.Entry{Time: tick(), Epoch: 1, Kind: apply.Ended})
	result, err := apply.Recount(doc, "20261122-141500-0a1b2c3d", entries)
	if err != nil {
		t.Fatal(err)
	}
	h := &RunHistory{Run: "20261122-141500-0a1b2c3d", PlanID: doc.PlanID, ToolVersion: "0.1.0", State: "complete", By: "ada@ops", Started: entries[0].Time, Ended: &at, Summary: doc.Summary}
	if len(failing) > 0 {
		h.State, h.Stopped = "failed", "1 tenant failed, and max_failures is 0"
	}
	h.Snapshots = []*plan.Snapshot{{ID: "20261122-141502-aa", Name: "postgres", Address: "system", Driver: "pg_dump", State: plan.Taken}}
	h.Recall(doc, entries, &Report{Result: result, Next: "soctalk apply"})
	return h
}

// small is a fleet of six tenants in two waves, all in one class but one.
func small() *plan.Document {
	doc := thousand()
	doc.Releases, doc.Classes[1].Count, doc.Summary.Upgrade = append(doc.Releases[:4:4], doc.Releases[500]), 3, 5
	steps := doc.Steps
	doc.Steps = nil
	for _, s := range steps {
		keep := s.Tenant == ""
		for _, r := range doc.Releases {
			keep = keep || s.Tenant == r.Address
		}
		if keep {
			doc.Steps = append(doc.Steps, s)
		}
	}
	known := map[string]bool{}
	for i := range doc.Steps {
		s := &doc.Steps[i]
		known[s.ID] = true
		var needs []string
		for _, n := range s.Needs {
			if known[n] {
				needs = append(needs, n)
			}
		}
		s.Needs = needs
	}
	return doc
}

func TestRunHTML(t *testing.T) {
	t.Parallel()
	for name, failing := range map[string]map[string]string{
		"complete.html": nil,
		"broken.html":   {"tenant.tenant0002/0/upgrade": "not ready in time: <b>Deployment</b> soctalk-adapter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			if err := RunHTML(&b, recalled(t, small(), failing)); err != nil {
				t.Fatal(err)
			}
			checkMarkup(t, name, b.String())
			golden(t, name, withoutLooks(b.String()))
		})
	}
}

// A gate is drawn as what became of it: nothing of it stands in the journal but
// an approval.
func TestRunHTMLDrawsGates(t *testing.T) {
	t.Parallel()
	doc := small()
	for i := range doc.Steps {
		doc.Steps[i].Approve = doc.Steps[i].ID == "wave.everyone/gate"
	}
	drawn := func(h *RunHistory) []string {
		t.Helper()
		var b strings.Builder
		if err := RunHTML(&b, h); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, n := range find(parsed(t, b.String()), "g", "gate") {
			all = append(all, textOf(find(n, "title", "")[0]))
		}
		return all
	}
	if diff := cmp.Diff([]string{"gate, 3 tenants, 2 at a time, passed", "gate, approved"}, drawn(recalled(t, doc, nil))); diff != "" {
		t.Error(diff)
	}
	h := recalled(t, doc, map[string]string{"tenant.tenant0002/0/upgrade": "not ready in time"})
	if diff := cmp.Diff([]string{"gate, 3 tenants, 2 at a time, passed", "gate, waits for approval, not reached"}, drawn(h)); diff != "" {
		t.Error(diff)
	}
	h.report.Result.Awaits = "everyone"
	if diff := cmp.Diff([]string{"gate, 3 tenants, 2 at a time, passed", "gate, waits for approval"}, drawn(h)); diff != "" {
		t.Error(diff)
	}
}

// The page of a run tells of every step how it ended, and draws it.
func TestRunHTMLAgreesWithTheJournal(t *testing.T) {
	t.Parallel()
	doc := small()
	h := recalled(t, doc, map[string]string{"tenant.tenant0002/0/upgrade": "not ready in time"})
	var b strings.Builder
	if err := RunHTML(&b, h); err != nil {
		t.Fatal(err)
	}
	root := parsed(t, b.String())
	var want, got [][2]string
	for _, s := range h.Steps {
		want = append(want, [2]string{s.Step, s.State})
	}
	for _, row := range find(root, "tr", "item") {
		cells := find(row, "td", "")
		got = append(got, [2]string{textOf(cells[0]), textOf(cells[1])})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps of the journal and of the page:\n%s", diff)
	}
	drawn := map[string]int{}
	for _, n := range find(root, "g", "node") {
		texts := find(n, "text", "")
		word, _, _ := strings.Cut(textOf(texts[len(texts)-1]), " in ")
		drawn[word]++
	}
	if drawn["failed"] != 1 || drawn["not started"] == 0 || drawn["done"] == 0 {
		t.Errorf("the picture says %v", drawn)
	}
}
