package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// Stamp is what a plan document says about its own making.
type Stamp struct {
	ID          string
	ToolVersion string
	Created     time.Time
	Key         Key
}

// Build finishes a draft. outcomes and problems are keyed by address and hold,
// between them, every release whose move has hops.
func (d *Draft) Build(outcomes map[string]*Outcome, problems map[string]Problem, stamp Stamp) (*Document, error) {
	doc := &Document{
		FormatVersion: FormatVersion, ToolVersion: stamp.ToolVersion, Created: stamp.Created, PlanID: stamp.ID,
		ConfigDigest: stamp.Key.Config(d.fleet.Inputs),
		Observed:     d.observed(),
		Releases:     make([]Release, 0, len(d.Moves)), Classes: []Class{}, Steps: []Step{}, RollbackPoints: []RollbackPoint{},
		Skews: d.skews, Rollout: rollout(d.fleet),
	}
	classes := classifier{ids: map[string]int{}}
	touched := touches{byKinds: map[string]int{}, seen: map[string]bool{}}
	for _, m := range d.Moves {
		o := d.settle(m, outcomes, problems)
		r, err := d.release(m, o, stamp.Key)
		if err != nil {
			return nil, err
		}
		if o != nil {
			r.Class = classes.add(o.Class)
			touched.add(r.Cluster, o.Touched)
		}
		count(&doc.Summary, r.Action)
		doc.Releases = append(doc.Releases, r)
	}
	for _, m := range d.settleLeaving(outcomes, problems) {
		r, err := d.release(m, nil, stamp.Key)
		if err != nil {
			return nil, err
		}
		r.Class, r.Reversibility = classes.add(outcomes[r.Address].Class), ForwardOnly
		touched.add(r.Cluster, outcomes[r.Address].Touched)
		count(&doc.Summary, r.Action)
		doc.Releases = append(doc.Releases, r)
	}
	doc.Classes = append(doc.Classes, classes.list...)
	doc.Touches = touched.list
	doc.Steps = append(doc.Steps, d.steps()...)
	doc.Rollout.Checks = d.checks(doc.Steps)
	d.checkQuotas(outcomes)
	d.checkClaims(outcomes)
	d.checkVolumes(doc.Steps, outcomes)
	d.checkSaved(doc.Steps, outcomes)
	d.checkWindows(doc.Steps)
	d.outlook(doc)
	doc.Forecast = d.forecast(doc)
	d.diagnostics = append(d.diagnostics, unusedWords(d.fleet.Releases(), d.asked)...)
	doc.Diagnostics = sortDiagnostics(d.diagnostics)
	doc.Complete = d.complete
	doc.Applyable = d.complete && len(doc.Steps) > 0 && !HasErrors(doc.Diagnostics) && !d.observation.Offline
	return doc, nil
}

// settle takes in what a move comes to; nil when nothing changes after all.
func (d *Draft) settle(m *Move, outcomes map[string]*Outcome, problems map[string]Problem) *Outcome {
	if len(m.Hops) == 0 {
		return nil
	}
	o := outcomes[m.Release.Address]
	if o == nil {
		d.complete = false
		p, known := problems[m.Release.Address]
		if !known {
			p = Problem{Summary: "Release was not rendered", Detail: describe(m.Release)}
		}
		d.fail(m.Release, p.Attr, p.Summary, p.Detail)
		m.Action, m.Hops = Unchanged, nil
		delete(d.asked, m.Release.Address) // it is not known what it would ask for
		return nil
	}
	d.asked[m.Release.Address] = append(d.asked[m.Release.Address], o.Asked...)
	for _, p := range o.Refusals {
		d.fail(m.Release, p.Attr, p.Summary, p.Detail)
	}
	if o.Unchanged {
		m.Action, m.Hops = Unchanged, nil
		return nil
	}
	if o.Idle {
		*m = *m.pinsOnly()
	}
	for i, h := range m.Hops {
		h.breaking, h.crds, h.migrated = o.Breaking[i], o.Wants[i], o.Migrated[i]
		if h.pins {
			h.restarts = o.PinsRestarts
		}
	}
	return o
}

// settleLeaving keeps, of the releases that leave, those of which it is known
// what goes with them.
func (d *Draft) settleLeaving(outcomes map[string]*Outcome, problems map[string]Problem) []*Move {
	d.Leaving = slices.DeleteFunc(d.Leaving, func(m *Move) bool {
		if outcomes[m.Release.Address] != nil {
			return false
		}
		p, known := problems[m.Release.Address]
		if !known {
			p = Problem{Summary: "Release was not read", Detail: describe(m.Release)}
		}
		d.complete = false
		d.fail(m.Release, p.Attr, p.Summary, p.Detail)
		return true
	})
	return d.Leaving
}

func (d *Draft) observed() Observed {
	o := Observed{Tenants: d.observation.Tenants, Unmanaged: []string{}, Offline: d.observation.Offline}
	if live := d.Moves[0].Live; live.Deployed() {
		o.System = ObservedSystem{Version: live.Version.String(), Revision: live.Revision, SchemaRevision: live.SchemaRevision}
	}
	if db := d.observation.Database; db != nil && db.Revision != "" {
		o.System.SchemaRevision = db.Revision
	}
	for _, k := range d.observation.Unmanaged {
		o.Unmanaged = append(o.Unmanaged, k.String())
	}
	slices.Sort(o.Unmanaged)
	return o
}

func rollout(f *schema.Fleet) Rollout {
	r := Rollout{
		MaxParallel: f.Rollout.MaxParallel, WaveParallel: map[string]int{},
		MaxFailures: f.Rollout.MaxFailures.Of(len(f.Tenants)),
		OnFailure:   string(f.Rollout.OnFailure), SystemFailure: string(f.System.OnFailure),
	}
	for _, w := range f.Rollout.Waves {
		r.WaveParallel[w.Name] = w.MaxParallel
	}
	r.Windows = windows(f)
	return r
}

// windows are those that tenants keep to.
func windows(f *schema.Fleet) map[string]Window {
	all := map[string]Window{}
	for _, t := range f.Tenants {
		w := f.Windows[t.Window]
		if w == nil {
			continue
		}
		out := Window{
			Start:    fmt.Sprintf("%02d:%02d", w.Start/time.Hour, w.Start%time.Hour/time.Minute),
			Duration: w.Duration.String(), Timezone: w.Location.String(),
		}
		for _, d := range w.Days {
			out.Days = append(out.Days, strings.ToLower(d.String()[:3]))
		}
		all[w.Name] = out
	}
	return all
}

func (d *Draft) release(m *Move, o *Outcome, key Key) (Release, error) {
	r := Release{
		Address: m.Release.Address, Slug: m.Slug, Cluster: m.Release.Cluster, Namespace: m.Release.Namespace, Name: m.Release.Name,
		Chart: m.Release.Chart.Ref, Action: m.Action, From: versionText(m.From), To: versionText(m.To), Hops: []string{}, Wave: m.Wave,
		Base: key.Base(m.Live), Owner: d.observation.Owners[KeyOf(m.Release)],
	}
	if m.Release.Chart.Name != "" {
		r.Chart += "/" + m.Release.Chart.Name
	}
	if m.wanted != nil {
		var err error
		r.ChartDigest = m.wanted.Chart.Digest
		if r.ValuesDigest, err = key.Values(m.wanted.Values); err != nil {
			return r, fmt.Errorf("%s: %w", describe(m.Release), err)
		}
	}
	if o == nil {
		return r, nil
	}
	r.Reversibility = o.Class.Reversibility
	for i, h := range m.Hops {
		digest, err := key.Values(h.Wanted.Values)
		if err != nil {
			return r, fmt.Errorf("%s: %w", describe(m.Release), err)
		}
		if !h.pins {
			r.Hops = append(r.Hops, h.To.String())
		}
		r.Path = append(r.Path, Leg{
			From: versionText(h.From), To: h.To.Original(), Phase: h.Phase,
			ChartDigest: h.Wanted.Chart.Digest, ValuesDigest: digest, Reversibility: o.Verdicts[i], Held: h.Held,
		})
	}
	return r, nil
}

// classifier gathers equal transitions.
type classifier struct {
	list []Class
	ids  map[string]int
}

func (c *classifier) add(t Class) string {
	key, err := json.Marshal(t)
	if err != nil {
		panic("plan: a class is not encodable: " + err.Error()) // strings and ints only
	}
	i, known := c.ids[string(key)]
	if !known {
		i = len(c.list)
		c.ids[string(key)] = i
		t.ID = classID(i)
		c.list = append(c.list, t)
	}
	c.list[i].Count++
	return c.list[i].ID
}

// classID counts A, B, … Z, AA, AB, …
func classID(i int) string {
	id := ""
	for i++; i > 0; i = (i - 1) / 26 {
		id = string(rune('A'+(i-1)%26)) + id
	}
	return id
}

func count(s *Summary, a Action) {
	switch a {
	case Install:
		s.Install++
	case Upgrade:
		s.Upgrade++
	case Uninstall:
		s.Uninstall++
	case Rollback:
		s.Rollback++
	default:
		s.Unchanged++
	}
}

func sortDiagnostics(diags []Diagnostic) []Diagnostic {
	out := append([]Diagnostic{}, diags...)
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Compare(severityRank(a.Severity), severityRank(b.Severity))
	})
	return out
}

func severityRank(s Severity) int {
	if s == Error {
		return 0
	}
	return 1
}

func versionText(v *semver.Version) string {
	if v == nil {
		return ""
	}
	return v.String()
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown revision"
	}
	return s
}
