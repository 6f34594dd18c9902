package journal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// history is runs from the newest to the oldest, a letter each: c complete, f
// failed, i interrupted, w waiting, p pruned. Their ids are counted from the
// oldest, 1.
func history(letters string) []*Run {
	states := map[rune]State{'c': Complete, 'f': Failed, 'i': Interrupted, 'w': Waiting, 'p': Complete}
	var runs []*Run
	for i, l := range letters {
		runs = append(runs, &Run{ID: fmt.Sprint(len(letters) - i), State: states[l], Pruned: l == 'p'})
	}
	return runs
}

func TestRetain(t *testing.T) {
	t.Parallel()
	tens := func(letter string, n int) string { return strings.Repeat(letter, 10*n) }
	for name, c := range map[string]struct {
		runs     []*Run
		saved    []string
		reverses map[string]string
		this     Run
		pruned   string // by id, the newest first
	}{
		"nothing is old":        {runs: history("cfi")},
		"complete and failed":   {runs: history("cffcccccccfc"), pruned: "2 1"},
		"others have no limit":  {runs: history("ccccc" + "iiiii" + "ccccc" + "wwwww"), pruned: ""},
		"too many open":         {runs: history("c" + tens("i", 1) + "wc"), pruned: "2"},
		"done before":           {runs: history(tens("c", 1) + "pcp"), pruned: "2"},
		"snapshots":             {runs: history(tens("c", 1) + "ccc"), saved: []string{"2"}, pruned: "3 1"},
		"taken up again":        {runs: history(tens("i", 1) + "ii"), this: Run{ID: "1"}, pruned: "2"},
		"rolled back now":       {runs: history(tens("c", 1) + "cc"), this: Run{ID: "x", Reverses: "1"}, pruned: "2"},
		"rolled back before":    {runs: history(tens("c", 1) + "ccc"), reverses: map[string]string{"13": "1"}, pruned: "3 2"},
		"rolled back, and that": {runs: history(tens("c", 1) + "cccc"), reverses: map[string]string{"14": "3", "3": "2", "1": ""}, pruned: "4 1"},
		"its rollback is old":   {runs: history(tens("c", 1) + "cccc"), saved: []string{"1"}, reverses: map[string]string{"2": "1", "3": "2"}, pruned: "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			saved := map[string]bool{}
			for _, id := range c.saved {
				saved[id] = true
			}
			for _, r := range c.runs {
				r.Reverses = c.reverses[r.ID]
			}
			if c.this.ID == "" {
				c.this.ID = "x"
			}
			out := retain(c.runs, saved, &c.this)
			var pruned []string
			for _, r := range out.pruned {
				pruned = append(pruned, r.ID)
			}
			if got := strings.Join(pruned, " "); got != c.pruned {
				t.Errorf("pruned are %q, want %q", got, c.pruned)
			}
			for _, r := range c.runs {
				if want := !r.Pruned && !slices.Contains(pruned, r.ID); out.Kept[r.ID] != want {
					t.Errorf("%s is kept: %v, want %v", r.ID, out.Kept[r.ID], want)
				}
			}
			if !out.Kept[c.this.ID] || len(out.forgotten) > 0 {
				t.Errorf("kept %v, forgotten %v", out.Kept, out.forgotten)
			}
		})
	}
}

// However many runs there were: the records are bounded, the oldest go, and one
// that can be gone back to from a kept run is not among them.
func TestRetainForgets(t *testing.T) {
	t.Parallel()
	runs := history(strings.Repeat("p", keptRecords) + "pcp")
	runs[0].Pruned, runs[0].Reverses = false, "2"
	out := retain(runs, nil, &Run{ID: "x"})
	var forgotten []string
	for _, r := range out.forgotten {
		forgotten = append(forgotten, r.ID)
	}
	if got := strings.Join(forgotten, " "); got != "3 1" || !out.Kept["2"] || len(out.pruned) > 0 {
		t.Errorf("forgotten %q, pruned %d, kept %v", got, len(out.pruned), out.Kept)
	}
}
