package snapshot

import (
	"slices"
	"testing"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
)

func TestRetention(t *testing.T) {
	t.Parallel()
	// Newest first; run c took two.
	taken := []*plan.Snapshot{{ID: "6", Run: "d"}, {ID: "5", Run: "c"}, {ID: "4", Run: "c"}, {ID: "3", Run: "b"}, {ID: "2", Run: "a"}, {ID: "1", Run: "forgotten"}}
	runs := func(states ...journal.State) []*journal.Run {
		var all []*journal.Run
		for i, s := range states {
			all = append(all, &journal.Run{ID: string(rune('d' - i)), State: s})
		}
		return all
	}
	complete := runs(journal.Running, journal.Complete, journal.Complete, journal.Complete)
	for name, c := range map[string]struct {
		keep int
		runs []*journal.Run
		want []string
	}{
		"as many as there are":            {6, complete, nil},
		"the oldest go":                   {4, complete, []string{"2", "1"}},
		"those of a run go together":      {2, complete, []string{"3", "2", "1"}},
		"this run's own stays":            {1, complete, []string{"5", "4", "3", "2", "1"}},
		"a run that failed since stays":   {1, runs(journal.Running, journal.Failed, journal.Interrupted, journal.Complete), []string{"2", "1"}},
		"one that was overtaken does not": {1, runs(journal.Running, journal.Complete, journal.Failed, journal.Waiting), []string{"5", "4", "3", "2", "1"}},
	} {
		var got []string
		for _, s := range beyond(taken, c.keep, living(c.runs, "d")) {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v go, want %v", name, got, c.want)
		}
	}
}
