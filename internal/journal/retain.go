package journal

import "slices"

const (
	// keptRuns is how many runs that came to their end keep their plan and their
	// entries, and how many that did not: as many as Helm keeps revisions.
	keptRuns = 10
	// keptRecords is how many runs are remembered at all.
	keptRecords = 1000
)

// retain sorts runs, newest first, by what is kept of them. Those with saved
// snapshots keep all, or the snapshots would be of no use; what cannot be read is
// left alone. A run and those that roll it back stay or go together, since each
// needs what the other has made.
func retain(runs []*Run, saved map[string]bool, this *Run) *Retention {
	kept := map[string]bool{this.ID: true, this.Reverses: true}
	ended, open := 0, 0
	for _, r := range runs {
		if r.State == Unreadable {
			kept[r.ID] = true
			continue
		}
		count := &open
		if r.State == Complete || r.State == Failed {
			count = &ended
		}
		*count++
		if *count <= keptRuns || saved[r.ID] {
			kept[r.ID] = true
		}
		if kept[r.ID] {
			kept[r.Reverses] = true // an older one
		}
	}
	for _, r := range slices.Backward(runs) {
		if r.Reverses != "" && kept[r.Reverses] {
			kept[r.ID] = true
		}
	}
	out := &Retention{Kept: map[string]bool{this.ID: true}}
	for i, r := range runs {
		switch {
		case kept[r.ID] && !r.Pruned:
			out.Kept[r.ID] = true
		case kept[r.ID]:
		case i >= keptRecords:
			out.forgotten = append(out.forgotten, r)
		case !r.Pruned:
			out.pruned = append(out.pruned, r)
		}
	}
	return out
}
