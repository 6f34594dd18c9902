package plan

// Deeds are what a run did to releases, as its journal tells it.
type Deeds struct {
	// Begun and Done are steps of its plan. One that a way back has undone is in
	// neither.
	Begun, Done map[string]bool
	// Reached are rollback points.
	Reached map[string]bool
	// Made are the revisions that steps made, by step.
	Made map[string]int
	// Again holds, by address, revisions that a way back has made, each with the
	// earlier one that it is again.
	Again map[string]map[int]int
	// Restored are the snapshots that were brought back, by id.
	Restored map[string]bool
}

// NewDeeds returns those of a run that has done nothing.
func NewDeeds() *Deeds {
	return &Deeds{Begun: map[string]bool{}, Done: map[string]bool{}, Reached: map[string]bool{}, Made: map[string]int{}, Again: map[string]map[int]int{}, Restored: map[string]bool{}}
}

// Back notes that a revision of a release is an earlier one again.
func (d *Deeds) Back(address string, made, again int) {
	if made == again {
		return
	}
	if d.Again[address] == nil {
		d.Again[address] = map[int]int{}
	}
	d.Again[address][made] = again
}

// same returns the revision that another one is again, or else itself.
func (d *Deeds) same(address string, revision int) int {
	for {
		earlier, again := d.Again[address][revision]
		if !again || earlier >= revision {
			return revision
		}
		revision = earlier
	}
}
