package helm

// keeps says which revisions of a history, newest first, stay however long it
// is: those in Keep, and what the rollback points of the runs in KeepRuns lead
// to. That is what a run came upon, and the newest that each of its steps has
// made; labels tell both.
func (o ApplyOptions) keeps(history []Meta) map[int]bool {
	kept, made := map[int]bool{}, map[[2]string]bool{}
	for _, n := range o.Keep {
		kept[n] = true
	}
	for i, m := range history {
		run := m.Labels[LabelRun]
		if !o.KeepRuns[run] {
			continue
		}
		if step := [2]string{run, m.Labels[LabelStep]}; !made[step] {
			made[step], kept[m.Revision] = true, true
		}
		if i+1 < len(history) && history[i+1].Labels[LabelRun] != run {
			kept[history[i+1].Revision] = true
		}
	}
	return kept
}
