package apply

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/soctalk/fleet/plan"
	"pgregory.net/rapid"
)

// checkRecount holds what the journal tells of a run against what the run said
// of itself.
func checkRecount(t *rapid.T, m *model, want *Result) {
	got, err := Recount(m.doc, want.RunID, m.entries)
	if err != nil {
		t.Fatal(err)
	}
	if got.Upgraded != want.Upgraded || got.Installed != want.Installed || len(got.Open) > 0 {
		t.Fatalf("recounted %+v, it was %+v\n%s", got, want, journalText(m.entries))
	}
	for what, lists := range map[string][2][]string{
		"failed":      {failures(got), failures(want)},
		"quarantined": {addresses(got.Quarantined), addresses(want.Quarantined)},
		"rolled back": {got.RolledBack, want.RolledBack},
		"not started": {got.NotStarted, want.NotStarted},
	} {
		slices.Sort(lists[0])
		slices.Sort(lists[1])
		if !slices.Equal(lists[0], lists[1]) {
			t.Fatalf("%s: recounted %q, it was %q\n%s", what, lists[0], lists[1], journalText(m.entries))
		}
	}
}

func failures(r *Result) []string {
	var all []string
	for _, f := range r.Failed {
		line := f.Step.ID + ": " + f.Err.Error()
		if f.RollbackErr != nil {
			line += ", " + f.RollbackErr.Error()
		}
		all = append(all, line)
	}
	return all
}

func addresses(list []Failure) []string {
	var all []string
	for _, f := range list {
		all = append(all, f.Step.Address+": "+f.Err.Error())
	}
	return all
}

func TestRecountTellsWhatWasSeenAndWhatIsOpen(t *testing.T) {
	t.Parallel()
	doc := twoWaves()
	failed := Entry{Step: "first"}
	failed.failedWith(&CauseError{Err: errors.New("not ready"), Seen: []string{"event: BackOff"}})
	at := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	r, err := Recount(doc, "r", []Entry{
		{Kind: Started, Time: at},
		{Kind: Begun, Step: "first", Base: &plan.Base{Revision: 1}}, failed,
		{Kind: Begun, Step: "second", Base: &plan.Base{Revision: 1}, Time: at.Add(time.Minute)},
		{Kind: Taken, Time: at.Add(2 * time.Minute)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var cause *CauseError
	if len(r.Failed) != 1 || !errors.As(r.Failed[0].Err, &cause) || !slices.Equal(cause.Seen, []string{"event: BackOff"}) {
		t.Errorf("failed: %+v", r.Failed)
	}
	if len(r.Open) != 1 || r.Open[0].ID != "second" || r.OK() {
		t.Errorf("open: %+v", r.Open)
	}
	if len(r.NotStarted) != 0 || r.Elapsed != 2*time.Minute {
		t.Errorf("result %+v", r)
	}
}
