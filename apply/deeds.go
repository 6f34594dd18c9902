package apply

import "github.com/soctalk/fleet/plan"

// Deeds reads in a journal what a run did to releases.
func Deeds(doc *plan.Document, entries []Entry) *plan.Deeds {
	d := plan.NewDeeds()
	steps, failed := map[string]plan.Step{}, map[string]plan.Step{}
	for _, s := range doc.Steps {
		steps[s.ID], failed[RollbackID(s.ID)] = s, s
	}
	to := map[string]int{} // the revision that each way back goes to, by step and address
	for _, e := range entries {
		s := steps[e.Step]
		f, isBack := failed[e.Step]
		switch {
		case isBack && e.Kind == Begun && e.Base != nil:
			to[e.Step+" "+e.Address] = e.Base.Revision
		case isBack && e.Kind == Done && e.Base != nil:
			d.Back(e.Address, e.Base.Revision, to[e.Step+" "+e.Address])
			undo(d, doc, f, e.Address, to[e.Step+" "+e.Address])
		case isBack:
		case e.Kind == Reached:
			d.Reached[e.Step] = true
		case e.Kind == Begun:
			d.Begun[s.ID] = true
		case e.Kind == Done:
			d.Begun[s.ID], d.Done[s.ID] = true, true
			if e.Base != nil {
				d.Made[s.ID] = e.Base.Revision
			}
			if s.Kind == plan.StepRestore {
				for _, id := range s.Records {
					d.Restored[id] = true
				}
			}
			if s.Kind == plan.StepRollback && e.Base != nil {
				d.Back(s.Address, e.Base.Revision, s.Revision)
			}
		case e.Kind == Quarantined:
			delete(d.Begun, s.ID)
		}
	}
	return d
}

// undo forgets the steps of a release that the way back from a failure undid: those
// after the revision that it went to.
func undo(d *plan.Deeds, doc *plan.Document, failed plan.Step, address string, to int) {
	for _, s := range doc.Steps {
		if made := d.Made[s.ID]; made != 0 && made <= to {
			continue
		}
		if s.Address == address && s.Tenant == failed.Tenant && s.Phase == failed.Phase && s.Kind != plan.StepSnapshot {
			delete(d.Begun, s.ID)
			delete(d.Done, s.ID)
			delete(d.Made, s.ID)
		}
	}
}
