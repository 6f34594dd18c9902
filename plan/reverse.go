package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// StartPoint is the rollback point before a run's first step.
const StartPoint = "start"

// Undo is a run that is to be rolled back, and all that is known about it.
type Undo struct {
	Run   string
	Plan  *Document
	Deeds *Deeds
	// Point is the rollback point that it goes back to.
	Point string
	// Selected narrows it to some releases; nil selects all.
	Selected Selection
	// AcceptLoss says that somebody accepts that data are lost.
	AcceptLoss bool

	// Fleet is the configuration of today: its rules hold, and its waves' width.
	Fleet *schema.Fleet
	// Live are the releases of the run and of the fleet that are live, by address,
	// Unread why one could not be read.
	Live   map[string]*Standing
	Unread map[string]string
	// Stored are the revisions that were looked up in Helm's history; nil for one
	// that is not there.
	Stored map[Stored]*Live
	// Snapshots are those that the run took, Damaged says why one of them cannot
	// be gone back to, by id.
	Snapshots []*Snapshot
	Damaged   map[string]string
	// Database is what the system's database says; nil where nothing asks it.
	Database *Database
}

// Standing is a live release with where it stands.
type Standing struct {
	*Live
	// Own says that the run made its newest revision, or a rollback of the run.
	Own bool
}

// Stored is a revision in Helm's history.
type Stored struct {
	Address  string
	Revision int
}

// Reversal is the first half of planning a way back: which releases go back, to
// which revision, by which stops. The second half is [Reversal.Build].
type Reversal struct {
	*Undo
	// Returns are the releases of the run, in the order of its plan.
	Returns []*Return
	// Lacks are the revisions that have to be looked up before it is known whether
	// the way is there. While there are any, Reverse has to be asked again.
	Lacks []Stored
	// Restores are the snapshots that it goes back to, which are to be verified.
	Restores []*Snapshot

	at          int              // the step that the point comes after; -1 for none
	steps       map[string][]int // by address
	byAddress   map[string]*Return
	stops       []stop
	diagnostics []Diagnostic
	complete    bool
	sensitive   sensitives
}

// Return is what becomes of one release.
type Return struct {
	// Release is as the run's plan has it.
	Release Release
	Tenant  string
	// Live is the newest revision; nil when the release is not installed.
	Live *Live
	// Legs are its ways from stop to stop; none when it stays. Final is the
	// revision that it ends at; 0: it is uninstalled.
	Legs  []*ReturnLeg
	Final int

	fixed bool // it stays where it is
	now   footing
	// reached is the earliest stop that the release stands at already, where an
	// earlier rollback has brought it.
	reached int
}

// Passes are the revisions that Helm takes the release through before the last.
func (r *Return) Passes() []int {
	var passed []int
	for _, leg := range r.Legs {
		if leg.moves() && leg.to.revision != 0 && leg.to.revision != r.Final {
			passed = append(passed, leg.to.revision)
		}
	}
	return passed
}

// ReturnLeg is the way of a release to one stop of the fleet.
type ReturnLeg struct {
	stop     int // counted from 0
	from, to footing
	restores []*Snapshot
	timeouts map[string]string // of the restores, by snapshot
}

// moves says whether Helm has anything to do.
func (l *ReturnLeg) moves() bool { return l.from.revision != l.to.revision }

// footing is where a release stands: its revision, and the version of that.
type footing struct {
	revision int
	version  string
}

// Reverse decides how a run is rolled back.
func Reverse(u *Undo) *Reversal {
	v := &Reversal{Undo: u, steps: map[string][]int{}, byAddress: map[string]*Return{}, complete: true}
	for i, s := range u.Plan.Steps {
		v.steps[s.Address] = append(v.steps[s.Address], i)
	}
	if !v.findPoint() {
		return v
	}
	for _, rel := range u.Plan.Releases {
		r := v.decide(rel)
		v.Returns, v.byAddress[rel.Address] = append(v.Returns, r), r
	}
	if HasErrors(v.diagnostics) {
		return v
	}
	v.findReached()
	v.findStops()
	v.findLegs()
	if len(v.Lacks) > 0 || HasErrors(v.diagnostics) {
		return v
	}
	if !slices.ContainsFunc(v.Returns, func(r *Return) bool { return len(r.Legs) > 0 }) {
		v.tell(Error, "", "Nothing to roll back", fmt.Sprintf("run %s left nothing that is not at rollback point %s already, or everything that it changed is left as it is.", u.Run, u.Point))
	}
	v.warn()
	return v
}

// findPoint finds the step that the rollback point comes after.
func (v *Reversal) findPoint() bool {
	if v.at = -1; v.Point == StartPoint {
		return true
	}
	var known []string
	for _, p := range v.Plan.RollbackPoints {
		known = append(known, p.ID)
		if p.ID != v.Point {
			continue
		}
		v.at = slices.IndexFunc(v.Plan.Steps, func(s Step) bool { return s.ID == p.After })
		if p.After != "" && !v.Deeds.Reached[p.ID] {
			v.tell(Error, "", "Rollback point was not reached", fmt.Sprintf("run %s did not come to point %s, which is after step %s. See soctalk history %s.", v.Run, p.ID, p.After, v.Run))
			return false
		}
		return true
	}
	if !slices.Contains(known, StartPoint) {
		known = append([]string{StartPoint}, known...)
	}
	v.tell(Error, "", "Unknown rollback point", fmt.Sprintf("run %s has no rollback point %q. Those of its plan: %s.", v.Run, v.Point, strings.Join(known, ", ")))
	return false
}

// decide says whether a release goes back at all.
func (v *Reversal) decide(rel Release) *Return {
	r := &Return{Release: rel, Tenant: homeOf(rel.Address), fixed: true}
	live := v.Live[rel.Address]
	if live != nil && live.Deployed() {
		r.Live = live.Live
		r.now = footing{v.Deeds.same(rel.Address, live.Revision), live.Version.String()}
	}
	switch {
	case !v.touched(rel.Address) || !v.selects(r):
	case v.Unread[rel.Address] != "":
		v.complete = false
		v.tell(Error, rel.Address, "Release cannot be read", fmt.Sprintf("%s: %s. Nothing is planned for it.", describeRelease(rel), v.Unread[rel.Address]))
	case v.moved(rel):
		v.tell(Error, rel.Address, "Release is declared elsewhere", fmt.Sprintf("%s is what the run changed, and the files of today have another release under that address. Roll back with the files that the run was made with.", describeRelease(rel)))
	case r.Live == nil && v.standing(rel, v.at).revision != 0:
		v.tell(v.gravity(r), rel.Address, "Release is gone", fmt.Sprintf("%s is not installed any more, and its history went with it. Nothing brings it back but installing it anew.", describeRelease(rel)))
	case r.Live != nil && !live.Own && !v.knows(rel, live.Revision):
		v.tell(v.gravity(r), rel.Address, "Release changed since the run", fmt.Sprintf("%s is at revision %d, which run %s did not make. It is left as it is. When a later run made it, roll that back first.", describeRelease(rel), live.Revision, v.Run))
	default:
		r.fixed = false
	}
	return r
}

// gravity says whether a release may stay behind.
func (v *Reversal) gravity(r *Return) Severity {
	if r.Tenant == "" {
		return Error
	}
	return Warning
}

// touched says whether the run began to change a release after the point.
func (v *Reversal) touched(address string) bool {
	return slices.ContainsFunc(v.steps[address], func(i int) bool {
		s := v.Plan.Steps[i]
		return i > v.at && v.Deeds.Begun[s.ID] && (revises(s) || s.Kind == StepMigrate || s.Kind == StepRestore)
	})
}

func (v *Reversal) selects(r *Return) bool {
	if v.Selected == nil {
		return true
	}
	if r.Tenant == "" {
		return v.Selected(r.Release.Address, "", nil)
	}
	var labels map[string]string
	for _, t := range v.Fleet.Tenants {
		if t.Address == r.Tenant {
			labels = t.Labels
		}
	}
	return v.Selected(r.Tenant, r.Release.Wave, labels)
}

// moved says whether the files have another release at the address.
func (v *Reversal) moved(rel Release) bool {
	was := ReleaseKey{Cluster: rel.Cluster, Namespace: rel.Namespace, Name: rel.Name}
	for _, r := range v.Fleet.Releases() {
		if r.Address == rel.Address {
			return KeyOf(r) != was
		}
	}
	return v.Fleet.Clusters[rel.Cluster] == nil
}

// findReached finds out how far back each release is already.
func (v *Reversal) findReached() {
	stops := v.boundaries()
	if p, needed := v.beforePins(); needed {
		stops = append(stops, p)
	}
	for _, r := range v.Returns {
		r.reached = len(v.Plan.Steps)
		for _, s := range stops {
			if !r.fixed && v.standing(r.Release, s.until).revision == r.now.revision {
				r.reached = min(r.reached, s.until)
			}
		}
	}
}

// footingAt is where a release is to stand at a stop. None goes forward to one.
func (v *Reversal) footingAt(r *Return, s stop) footing {
	if s.until >= r.reached {
		return r.now
	}
	return v.standing(r.Release, s.until)
}

// knows says whether a revision is one that the run came upon or made.
func (v *Reversal) knows(rel Release, revision int) bool {
	revision = v.Deeds.same(rel.Address, revision)
	if revision == rel.Base.Revision {
		return true
	}
	return slices.ContainsFunc(v.steps[rel.Address], func(i int) bool { return v.Deeds.Made[v.Plan.Steps[i].ID] == revision })
}

// standing is where a release stood once all steps up to an index had ended.
func (v *Reversal) standing(rel Release, until int) footing {
	at := footing{rel.Base.Revision, rel.From}
	for _, i := range v.steps[rel.Address] {
		s := v.Plan.Steps[i]
		if i > until || !revises(s) || !v.Deeds.Begun[s.ID] {
			continue
		}
		if !v.Deeds.Done[s.ID] {
			return v.liveAt(rel.Address) // it failed there, and nothing followed
		}
		at = footing{v.Deeds.same(rel.Address, v.Deeds.Made[s.ID]), s.To}
	}
	return at
}

func (v *Reversal) liveAt(address string) footing {
	if live := v.Live[address]; live != nil && live.Deployed() {
		return footing{v.Deeds.same(address, live.Revision), live.Version.String()}
	}
	return footing{}
}

// revises says whether a step makes a revision, or takes all of them away.
func revises(s Step) bool { return changes(s) || s.Kind == StepPins || s.Kind == StepRollback }

// homeOf is the tenant that a release belongs to; empty for the system.
func homeOf(address string) string {
	if address == "system" {
		return ""
	}
	tenant, _, _ := strings.Cut(address, ".companion.")
	return tenant
}

func (v *Reversal) tell(severity Severity, address, summary, detail string) {
	v.diagnostics = append(v.diagnostics, Diagnostic{Severity: severity, Address: address, Summary: summary, Detail: detail})
}

// describeRelease names a release of a plan as Helm's users know it.
func describeRelease(r Release) string {
	return describe(&schema.Release{Address: r.Address, Name: r.Name, Namespace: r.Namespace, Cluster: r.Cluster})
}
