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

// Build finishes a draft. rendered and problems are keyed by address and hold,
// between them, every release whose Move asked to be rendered.
func (d *Draft) Build(rendered map[string]*Rendered, problems map[string]Problem, stamp Stamp) (*Document, error) {
	doc := &Document{
		FormatVersion: FormatVersion, ToolVersion: stamp.ToolVersion, Created: stamp.Created, PlanID: stamp.ID,
		ConfigDigest: stamp.Key.Config(d.fleet.Inputs),
		Observed:     d.observed(),
		Releases:     []Release{}, Classes: []Class{}, RollbackPoints: []RollbackPoint{},
		Rollout: rollout(d.fleet),
	}
	classes := classifier{ids: map[string]int{}}
	for _, m := range d.Moves {
		r, err := d.release(m, stamp.Key)
		if err != nil {
			return nil, err
		}
		if m.Render {
			d.compareRendered(m, rendered[m.Release.Address], problems, &r, &classes)
		}
		count(&doc.Summary, r.Action)
		doc.Releases = append(doc.Releases, r)
	}
	doc.Classes = append(doc.Classes, classes.list...)
	doc.Steps = steps(d.fleet, d.Moves)
	if doc.Steps == nil {
		doc.Steps = []Step{}
	}
	doc.RollbackPoints = append(doc.RollbackPoints, d.rollbackPoints(doc)...)
	doc.Diagnostics = sortDiagnostics(d.diagnostics)
	doc.Complete = d.complete
	doc.Applyable = d.complete && len(doc.Steps) > 0 && !HasErrors(doc.Diagnostics)
	return doc, nil
}

func (d *Draft) observed() Observed {
	o := Observed{Tenants: d.observation.Tenants, Unmanaged: []string{}}
	if live := d.Moves[0].Live; live.Deployed() {
		o.System = ObservedSystem{Version: live.Version.String(), Revision: live.Revision, SchemaRevision: live.SchemaRevision}
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
	return r
}

func (d *Draft) release(m *Move, key Key) (Release, error) {
	r := Release{
		Address: m.Release.Address, Slug: m.Slug, Cluster: m.Release.Cluster, Namespace: m.Release.Namespace, Name: m.Release.Name,
		Chart: m.Release.Chart.Ref, Action: m.Action, From: versionText(m.From), To: versionText(m.To), Hops: []string{}, Wave: m.Wave,
		Base: key.Base(m.Live),
	}
	if m.Release.Chart.Name != "" {
		r.Chart += "/" + m.Release.Chart.Name
	}
	if m.Wanted == nil {
		return r, nil
	}
	r.ChartDigest = m.Wanted.Chart.Digest
	var err error
	if r.ValuesDigest, err = key.Values(m.Wanted.Values); err != nil {
		return r, fmt.Errorf("%s: %w", describe(m.Release), err)
	}
	return r, nil
}

// compareRendered settles what a move does, now that its manifests are known.
func (d *Draft) compareRendered(m *Move, rendered *Rendered, problems map[string]Problem, r *Release, classes *classifier) {
	if rendered == nil {
		d.complete = false
		p, known := problems[m.Release.Address]
		if !known {
			p = Problem{Summary: "Release was not rendered", Detail: describe(m.Release)}
		}
		d.fail(m.Release, p.Attr, p.Summary, p.Detail)
		m.Action, r.Action = Unchanged, Unchanged
		return
	}
	var before []Object
	if m.Live.Deployed() {
		before = m.Live.Objects
	}
	d.checkPins(m, rendered.Objects)
	t := d.transition(m, before, rendered)
	if m.Action == Upgrade && len(m.Reasons) == 0 && m.To.Equal(m.From) && len(t.Diff) == 0 && t.Relabelled == 0 {
		m.Action, r.Action = Unchanged, Unchanged
		return
	}
	r.Hops = []string{m.To.String()}
	r.Reversibility = t.Reversibility
	r.Class = classes.add(t)
}

// transition describes one move with the release's own identity taken out.
func (d *Draft) transition(m *Move, before []Object, rendered *Rendered) Class {
	c := Class{Action: m.Action, Chart: m.Wanted.Chart.Name, From: versionText(m.From), To: versionText(m.To), Diff: []ObjectDiff{}}
	if m.From != nil && !m.From.Equal(m.To) {
		c.Changes = m.Wanted.Chart.Changes
	}
	id := identityOf(m)
	values := []map[string]any{m.Wanted.Values}
	if m.Live != nil {
		values = append(values, m.Live.Values)
	}
	public := []string{c.From, c.To, m.Wanted.Chart.AppVersion, m.Wanted.Chart.Name, m.Release.Name, m.Release.Namespace, m.Slug}
	mask := newMask(d.fleet.Sensitive, public, values, before, rendered.Objects)
	changes := changedObjects(before, rendered.Objects, rendered.Again)
	for _, o := range changes {
		diff, onlyLabels := objectDiff(o, id, mask)
		if o.restarts() {
			c.Restarts = append(c.Restarts, diff.Kind+"/"+diff.Name)
		}
		switch {
		case onlyLabels:
			c.Relabelled++
		case o.action != Change || len(diff.Paths) > 0:
			c.Diff = append(c.Diff, diff)
		}
		d.checkReminted(m, o)
	}
	// Sorted once more without the tenant's name, which must not tell classes apart.
	slices.SortStableFunc(c.Diff, func(x, y ObjectDiff) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Namespace, y.Namespace))
	})
	slices.Sort(c.Restarts)
	c.Reversibility, c.Notes = d.verdict(m, changes)
	for _, reason := range m.Reasons {
		c.Notes = append(c.Notes, id.remove(reason))
	}
	return c
}

// objectDiff renders an object's change for a class; onlyLabels is true when
// nothing but version labels changes.
func objectDiff(o objectChange, id identity, mask *mask) (diff ObjectDiff, onlyLabels bool) {
	diff = ObjectDiff{Kind: o.key.kind, Namespace: id.remove(o.key.namespace), Name: id.remove(o.key.name), Action: o.action, Paths: []string{}}
	labels := 0
	for _, c := range o.changes {
		if isVersionLabel(c.path) {
			labels++
			continue
		}
		f := mask.field(o.key.kind, c)
		if o.unstable[strings.Join(c.path, "")] {
			f = FieldDiff{Path: f.Path, Masked: maskedUnstable}
		}
		f.Path, f.Before, f.After = id.remove(f.Path), id.remove(f.Before), id.remove(f.After)
		if f.Masked == maskedUnstable {
			continue // never counted as a change
		}
		diff.Paths = append(diff.Paths, f.Path)
		diff.Fields = append(diff.Fields, f)
	}
	return diff, labels > 0 && len(diff.Paths) == 0
}

// checkReminted refuses an upgrade that would give a live Secret new random
// data: whoever holds the old password or key would be locked out.
func (d *Draft) checkReminted(m *Move, o objectChange) {
	if o.key.kind != "Secret" || o.action != Change {
		return
	}
	for _, c := range o.changes {
		path := strings.Join(c.path, "")
		if o.unstable[path] && c.hasBefore {
			d.fail(m.Release, "chart", "Generated Secret would be minted anew", fmt.Sprintf(
				"%s: %s of Secret %s is random and would get a new value, although the release is live with another one. The chart's `lookup` does not find the live Secret: was it deleted or renamed?",
				describe(m.Release), strings.TrimPrefix(path, "."), o.key.name))
			return
		}
	}
}

// verdict says how one gets back from a move, and why.
func (d *Draft) verdict(m *Move, changes []objectChange) (Reversibility, []string) {
	if m.Action == Install {
		return Reversible, nil
	}
	var notes []string
	from, to := d.schemaRevision(m, m.From, m.Live.SchemaRevision), d.schemaRevision(m, m.To, m.Wanted.Chart.SchemaRevision)
	if m.System != nil && from != to {
		notes = append(notes, fmt.Sprintf("database schema moves from %s to %s: it only goes forward, so going back needs the backup", orUnknown(from), orUnknown(to)))
	} else if m.System != nil && from == "" && !m.From.Equal(m.To) {
		notes = append(notes, "neither chart says which database schema it needs: treat it as moved, going back may need the backup")
	}
	for _, o := range changes {
		switch {
		case o.action == Delete && (o.key.kind == "StatefulSet" || o.key.kind == "PersistentVolumeClaim"):
			notes = append(notes, fmt.Sprintf("%s %s is removed: its data is not brought back by a Helm rollback", o.key.kind, identityOf(m).remove(o.key.name)))
		case o.action == Change && o.key.kind == "StatefulSet" && slices.ContainsFunc(o.changes, claimTemplate):
			notes = append(notes, fmt.Sprintf("StatefulSet %s changes its volume claims, which Kubernetes refuses on a live one", identityOf(m).remove(o.key.name)))
		}
	}
	notes = append(notes, d.breaking(m)...)
	switch {
	case m.Live.Status == "failed":
		return ForwardOnly, notes
	case len(notes) > 0:
		return RestoreRequired, notes
	}
	return Reversible, nil
}

func claimTemplate(c change) bool {
	return len(c.path) >= 2 && c.path[0] == ".spec" && c.path[1] == ".volumeClaimTemplates" && !isVersionLabel(c.path)
}

// schemaRevision is what a release block says about a version, or else the chart.
func (d *Draft) schemaRevision(m *Move, v *semver.Version, chart string) string {
	if f := d.facts(m, v); f != nil && f.SchemaRevision != "" {
		return f.SchemaRevision
	}
	return chart
}

func (d *Draft) facts(m *Move, v *semver.Version) *schema.Facts {
	component := schema.ComponentTenant
	if m.System != nil {
		component = schema.ComponentSystem
	} else if m.Companion != nil {
		return nil
	}
	for _, f := range d.fleet.Facts {
		if f.Component == component && f.Version.Equal(v) {
			return f
		}
	}
	return nil
}

func (d *Draft) breaking(m *Move) []string {
	if m.From.Equal(m.To) {
		return nil
	}
	var notes []string
	if f := d.facts(m, m.To); f != nil {
		for _, b := range f.Breaking {
			notes = append(notes, "breaking: "+b)
		}
	}
	return notes
}

func (d *Draft) rollbackPoints(doc *Document) []RollbackPoint {
	if len(doc.Steps) == 0 {
		return nil
	}
	start := RollbackPoint{ID: "start", After: "", Restores: []string{}}
	for _, r := range doc.Releases {
		if r.Action == Upgrade && r.Reversibility == Reversible {
			start.Restores = append(start.Restores, r.Address)
		}
	}
	return []RollbackPoint{start}
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
