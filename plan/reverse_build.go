package plan

import (
	"slices"
	"time"

	"github.com/soctalk/fleet/internal/redact"
	"github.com/soctalk/fleet/schema"
)

// ReturnOutcome is what the way back of one release comes to.
type ReturnOutcome struct {
	Class Class
	// TakesVolumes says that volumes go with a release that is uninstalled.
	TakesVolumes bool
	// Touched are the kinds of objects that it may change, by namespace.
	Touched map[string][]string
}

// Compare works out what a way back does. before is the live manifest, after the
// one that the release ends with, passed those on its way; stored is the revision
// at its end, and nil for a release that is uninstalled. words are what their
// charts say. It may be called from several goroutines.
func (v *Reversal) Compare(r *Return, before, after []Object, stored *Live, words []*redact.ChartWords, passed ...[]Object) *ReturnOutcome {
	d := &Draft{fleet: v.Fleet, observation: &Observation{}}
	m := &Move{
		Release: &schema.Release{Address: r.Release.Address, Cluster: r.Release.Cluster, Namespace: r.Release.Namespace, Name: r.Release.Name},
		Slug:    r.Release.Slug, Live: r.Live, From: r.Live.Version,
	}
	if r.Final == 0 {
		gone := func(o Object) bool { return takesData(objectChange{key: keyOf(o), before: o}) }
		leaving := d.CompareLeaving(m, before)
		return &ReturnOutcome{Class: leaving.Class, TakesVolumes: slices.ContainsFunc(before, gone), Touched: leaving.Touched}
	}
	id := identityOf(m)
	public := []string{r.Release.Name, r.Release.Namespace, r.Release.Slug, versionText(r.Live.Version), r.Live.AppVersion, versionText(stored.Version), stored.AppVersion}
	mask := newMask(v.sensitive.in(v.Fleet), nil, public, words, []map[string]any{r.Live.Values, stored.Values}, before, after)
	c := Class{Action: Rollback, Chart: stored.Chart, From: versionText(r.Live.Version), To: versionText(stored.Version), Reversibility: Reversible, Diff: []ObjectDiff{}}
	changes := changedObjects(before, after, after)
	d.diff(&c, changes, id, mask)
	c.Images = imageChanges(changes, id, mask)
	x := &hopReview{changes: changes, id: id}
	c.Restarts = x.restarts()
	for _, leg := range r.Legs {
		for _, s := range leg.restores {
			c.Reversibility = ForwardOnly
			c.Notes = append(c.Notes, "snapshot "+s.Name+" ("+s.Driver+") is restored: what was written since is lost")
		}
	}
	return &ReturnOutcome{Class: c, Touched: touchedBy(r.Release.Namespace, append(passed, before, after)...)}
}

// takesData says whether data go with an object that is deleted.
func takesData(o objectChange) bool {
	if kept(o) {
		return false
	}
	return o.key.kind == "PersistentVolumeClaim" || o.key.kind == "Namespace" ||
		o.key.kind == "StatefulSet" && textAt(o.before, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete"
}

// Build finishes the plan of a way back. outcomes are those of the releases that
// move, by address, and problems say why there is none.
func (v *Reversal) Build(outcomes map[string]*ReturnOutcome, problems map[string]Problem, stamp Stamp) *Document {
	doc := &Document{
		FormatVersion: FormatVersion, ToolVersion: stamp.ToolVersion, Created: stamp.Created, PlanID: stamp.ID,
		ConfigDigest: stamp.Key.Config(v.Fleet.Inputs), Observed: v.observed(),
		Releases: []Release{}, Classes: []Class{}, Steps: []Step{}, RollbackPoints: []RollbackPoint{},
		Rollout:  v.rollout(),
		Reverses: &Reverses{Run: v.Run, PlanID: v.Plan.PlanID, Point: v.Point},
	}
	classes := classifier{ids: map[string]int{}}
	touched := touches{byKinds: map[string]int{}, seen: map[string]bool{}}
	takesVolumes := map[string]bool{}
	for _, r := range v.Returns {
		out := v.release(r, stamp.Key)
		if o := outcomes[r.Release.Address]; o != nil {
			out.Class, out.Reversibility = classes.add(o.Class), o.Class.Reversibility
			takesVolumes[r.Release.Address] = o.TakesVolumes
			touched.add(out.Cluster, o.Touched)
		} else if p, bad := problems[r.Release.Address]; bad {
			v.complete = false
			v.tell(Error, r.Release.Address, p.Summary, p.Detail)
		}
		count(&doc.Summary, out.Action)
		doc.Releases = append(doc.Releases, out)
	}
	doc.Classes, doc.Touches = append(doc.Classes, classes.list...), touched.list
	if !HasErrors(v.diagnostics) {
		doc.Steps = append(doc.Steps, v.returnSteps()...)
		doc.Losses = v.losses(takesVolumes)
		v.tellLosses(doc.Losses)
		doc.NoReturn = noReturnBack(doc)
		doc.Forecast = &Forecast{
			AtMost:        doc.Makespan(func(s Step) time.Duration { return duration(s.Timeout) + duration(s.Settle) }).Round(time.Second).String(),
			WorstFailures: worstFailures(doc),
		}
	}
	doc.Diagnostics = sortDiagnostics(v.diagnostics)
	doc.Complete = v.complete
	doc.Applyable = v.complete && len(doc.Steps) > 0 && !HasErrors(doc.Diagnostics)
	return doc
}

// release says what becomes of a release of the run.
func (v *Reversal) release(r *Return, key Key) Release {
	out := Release{
		Address: r.Release.Address, Slug: r.Release.Slug, Cluster: r.Release.Cluster, Namespace: r.Release.Namespace, Name: r.Release.Name,
		Chart: r.Release.Chart, ChartDigest: r.Release.ChartDigest, ValuesDigest: r.Release.ValuesDigest, Action: Unchanged, Hops: []string{}, Wave: v.waveOf(r), Base: key.Base(r.Live),
	}
	if r.Live != nil {
		out.From, out.To = versionText(r.Live.Version), versionText(r.Live.Version)
	}
	for _, leg := range r.Legs {
		out.Action, out.To = Rollback, leg.to.version
		if leg.to.revision == 0 {
			out.Action = Uninstall
			continue
		}
		out.Hops = append(out.Hops, leg.to.version)
		out.Path = append(out.Path, Leg{From: leg.from.version, To: leg.to.version, Phase: leg.stop})
	}
	return out
}

// rollout lets tenants fail as the files say. There is no way back from a way
// back.
func (v *Reversal) rollout() Rollout {
	out := rollout(v.Fleet)
	out.OnFailure, out.SystemFailure, out.Windows = string(schema.TenantContinue), string(schema.SystemStop), nil
	return out
}

func (v *Reversal) observed() Observed {
	o := Observed{Unmanaged: []string{}}
	if live := v.Live["system"]; live != nil && live.Deployed() {
		o.System = ObservedSystem{Version: versionText(live.Version), Revision: live.Revision, SchemaRevision: live.SchemaRevision}
	}
	if v.Database != nil && v.Database.Revision != "" {
		o.System.SchemaRevision = v.Database.Revision
	}
	for _, t := range v.Fleet.Tenants {
		if live := v.Live[t.Address]; live != nil && live.Deployed() {
			o.Tenants++
		}
	}
	return o
}

// noReturnBack is the first restore: what it overwrites is gone.
func noReturnBack(doc *Document) *NoReturn {
	for _, s := range doc.Steps {
		if s.Kind == StepRestore {
			return &NoReturn{Step: s.ID, Why: "what was written since the snapshot is overwritten"}
		}
	}
	return nil
}
