package plan

import (
	"fmt"
	"slices"
	"strings"
)

// findLegs says how each release gets from stop to stop, and with which
// snapshots.
func (v *Reversal) findLegs() {
	for _, r := range v.Returns {
		if r.fixed {
			continue
		}
		at, until := r.now, len(v.Plan.Steps)
		for i, s := range v.stops {
			leg := &ReturnLeg{stop: i, from: at, to: v.footingAt(r, s), timeouts: map[string]string{}}
			v.checkTarget(r, leg)
			if hops := v.undone(r.Release, s.until, until); len(hops) > 0 && leg.to.revision != 0 && v.needsRestore(r, hops) {
				v.addRestores(r, leg, hops)
			}
			if leg.moves() || len(leg.restores) > 0 {
				r.Legs = append(r.Legs, leg)
				r.Final = leg.to.revision
			}
			at, until = leg.to, s.until
		}
	}
}

// checkTarget makes sure that Helm still has the revision that a leg leads to.
func (v *Reversal) checkTarget(r *Return, leg *ReturnLeg) {
	if leg.to.revision == 0 || !leg.moves() {
		return
	}
	key := Stored{r.Release.Address, leg.to.revision}
	stored, known := v.Stored[key]
	switch {
	case !known:
		if !slices.Contains(v.Lacks, key) {
			v.Lacks = append(v.Lacks, key)
		}
	case stored == nil:
		v.tell(Error, key.Address, "Revision is gone", fmt.Sprintf("%s: Helm's history does not hold revision %d any more, which run %s found it at. Nothing can go back to it.", describeRelease(r.Release), key.Revision, v.Run))
	case stored.Version.String() != leg.to.version:
		v.tell(Error, key.Address, "Revision is another one", fmt.Sprintf("%s: revision %d is of version %s, and the journal of run %s says %s. The history was rewritten.", describeRelease(r.Release), key.Revision, stored.Version, v.Run, leg.to.version))
	case stored.Status != "superseded" && stored.Status != "deployed":
		v.tell(Error, key.Address, "Revision is no good", fmt.Sprintf("%s: revision %d is %s, so there is nothing to go back to. Upgrade instead.", describeRelease(r.Release), key.Revision, stored.Status))
	}
}

// undone are the steps of a release that a leg takes back, in their order.
func (v *Reversal) undone(rel Release, after, until int) []Step {
	var all []Step
	for _, i := range v.steps[rel.Address] {
		s := v.Plan.Steps[i]
		if i > after && i <= until && v.Deeds.Begun[s.ID] && (revises(s) || s.Kind == StepMigrate || s.Kind == StepRestore) {
			all = append(all, s)
		}
	}
	return all
}

// needsRestore says whether Helm alone does not get a release back.
func (v *Reversal) needsRestore(r *Return, hops []Step) bool {
	if slices.ContainsFunc(hops, func(s Step) bool { return s.Kind == StepRestore }) {
		v.tell(Error, r.Release.Address, "A restore cannot be undone", fmt.Sprintf("%s: run %s restored a snapshot, and what that overwrote is gone. Go forward with soctalk apply.", describeRelease(r.Release), v.Run))
		return false
	}
	hard := v.firstHard(r.Release, hops)
	if hard == nil {
		return false
	}
	restored := slices.ContainsFunc(r.Legs, func(l *ReturnLeg) bool { return len(l.restores) > 0 })
	if r.Tenant == "" && !restored && v.Database != nil && v.Database.Revision != "" {
		return v.Database.Revision != v.schemaBefore(r.Release, hard)
	}
	return true
}

// firstHard is the first of some steps that Helm cannot take back; nil: none.
func (v *Reversal) firstHard(rel Release, hops []Step) *Step {
	for i, s := range hops {
		if s.Hop < len(rel.Path) && rel.Path[s.Hop].Reversibility == RestoreRequired {
			return &hops[i]
		}
	}
	return nil
}

// schemaBefore is where the database was before a hop of the system: what its
// snapshot says, or what the version before needs.
func (v *Reversal) schemaBefore(rel Release, hop *Step) string {
	for _, s := range v.taken(rel, hop) {
		if record := v.record(s); record != nil && record.SchemaRevision != "" {
			return record.SchemaRevision
		}
	}
	for _, f := range v.Fleet.Facts {
		if f.Component == "system" && f.Version.String() == hop.From && f.SchemaRevision != "" {
			return f.SchemaRevision
		}
	}
	if hop.Hop == 0 {
		return v.Plan.Observed.System.SchemaRevision
	}
	return ""
}

// taken are the snapshot steps that precede a hop.
func (v *Reversal) taken(rel Release, hop *Step) []Step {
	var all []Step
	for _, i := range v.steps[rel.Address] {
		if s := v.Plan.Steps[i]; s.Kind == StepSnapshot && s.Phase == hop.Phase && v.Deeds.Done[s.ID] {
			all = append(all, s)
		}
	}
	return all
}

func (v *Reversal) record(s Step) *Snapshot {
	i := slices.IndexFunc(v.Snapshots, func(x *Snapshot) bool { return x.Step == s.ID && x.State == Taken })
	if i < 0 {
		return nil
	}
	return v.Snapshots[i]
}

// addRestores finds the snapshots that a leg needs.
func (v *Reversal) addRestores(r *Return, leg *ReturnLeg, hops []Step) {
	hop := v.firstHard(r.Release, hops)
	taken := v.taken(r.Release, hop)
	if len(taken) == 0 {
		v.tell(Error, r.Release.Address, "No snapshot to go back to", fmt.Sprintf("%s: the hop from %s to %s is restore-required, and run %s took no snapshot before it. Go forward, or bring the data back by hand.", describeRelease(r.Release), hop.From, hop.To, v.Run))
	}
	for _, s := range taken {
		if len(s.Unsaved) > 0 {
			v.tell(Error, r.Release.Address, "Snapshot leaves volumes out", fmt.Sprintf("%s: snapshot %q does not hold %s, as the files accepted. Go forward, or bring those back by hand.", describeRelease(r.Release), s.Snapshot, strings.Join(s.Unsaved, ", ")))
			continue
		}
		record := v.record(s)
		if record == nil {
			v.tell(Error, r.Release.Address, "Snapshot is gone", fmt.Sprintf("%s: snapshot %q, which run %s took in step %s, is not on record any more. Nothing brings its data back.", describeRelease(r.Release), s.Snapshot, v.Run, s.ID))
			continue
		}
		if v.Deeds.Restored[record.ID] && len(record.ScaledDown) == 0 {
			continue // an earlier rollback did, and what wrote since is the old version
		}
		if why := v.Damaged[record.ID]; why != "" {
			v.tell(Error, r.Release.Address, "Snapshot cannot be restored", fmt.Sprintf("%s: snapshot %q (%s): %s. Nothing was changed.", describeRelease(r.Release), s.Snapshot, record.ID, strings.TrimSuffix(why, ".")))
		}
		leg.restores = append(leg.restores, record)
		leg.timeouts[record.ID] = s.Timeout
		v.Restores = append(v.Restores, record)
	}
}
