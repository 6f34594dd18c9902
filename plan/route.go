package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// Draft is the first half of planning: which releases move, and by which
// versions. The second half, [Draft.Build], needs what each of them comes to.
type Draft struct {
	fleet       *schema.Fleet
	observation *Observation
	catalog     *Catalog
	Moves       []*Move // the system, then tenants wave by wave, companions beside their tenant
	// Leaving are the releases that the files take out of the fleet; none of them
	// is among Moves.
	Leaving []*Move
	// Lacks is what the catalog has to be asked for before the way is known:
	// versions that releases pass through. While there is any, the draft is of
	// no other use, and Route has to be asked again.
	Lacks []At

	// MigrationStands is to be set before Build where the live migration Job is
	// complete and what the live manifest says; see [JobStands].
	MigrationStands bool
	// Claims are the volume claims that are there already in namespaces that
	// something is installed into; to be set before Build.
	Claims map[Namespace][]string
	// Scaled are the live workloads of the namespaces that [Draft.Short] names, by
	// Kind/name; to be set before Build.
	Scaled map[Namespace]map[string]Scale

	phases int
	// asked are, by address, the words of `accept` that matter to each release
	// that was planned.
	asked       map[string][]string
	skews       []Skew
	diagnostics []Diagnostic
	complete    bool
	sensitive   sensitives
}

// Selection narrows a plan to some releases; nil selects all.
type Selection func(address, wave string, labels map[string]string) bool

// Route decides from versions, values and states alone which releases move, and
// finds the shortest legal way for all of them together.
func Route(f *schema.Fleet, o *Observation, c *Catalog, selected Selection) *Draft {
	d := &Draft{fleet: f, observation: o, catalog: c, complete: true, phases: 1, asked: map[string][]string{}}
	for _, name := range slices.Sorted(maps.Keys(o.Prerequisites)) {
		d.prerequisite(name, o.Prerequisites[name])
	}
	for _, name := range slices.Sorted(maps.Keys(o.Clusters)) {
		d.unreadable(name, o.Clusters[name])
	}
	if selected == nil {
		selected = func(string, string, map[string]string) bool { return true }
	}

	d.decide(&Move{Release: &f.System.Release, System: f.System}, selected("system", "", nil))
	tenants := make(map[string]*schema.Tenant, len(f.Tenants))
	for _, t := range f.Tenants {
		tenants[t.Address] = t
	}
	for _, w := range f.Rollout.Waves {
		for _, address := range w.Tenants {
			t := tenants[address]
			for _, m := range tenantMoves(t, w.Name) {
				d.decide(m, selected(m.Release.Address, w.Name, t.Labels))
			}
		}
	}
	d.checkElsewhere()
	d.leave(selected)
	d.checkMoved()
	d.findWay()
	d.followPins()
	d.checkDatabase()
	return d
}

func (d *Draft) decide(m *Move, selected bool) {
	d.Moves = append(d.Moves, m)
	r := m.Release
	m.Live = d.observation.Releases[KeyOf(r)]
	m.To, m.Action = r.Version, Unchanged
	if m.Live.Deployed() {
		m.From = m.Live.Version
	}
	if !selected {
		m.To = m.From
		return
	}
	if _, gone := d.observation.Clusters[r.Cluster]; gone {
		d.complete = false
		return // told once for the cluster
	}
	if why, bad := d.observation.Problems[KeyOf(r)]; bad {
		d.complete = false
		d.fail(r, "cluster", "Release cannot be read", fmt.Sprintf("%s: %s. Nothing is planned for it.", describe(r), why))
		return
	}
	if p, bad := d.catalog.Problems[target(r)]; bad {
		d.complete = false
		d.fail(r, p.Attr, p.Summary, p.Detail)
		return
	}
	m.wanted = d.catalog.Wanted[target(r)]
	if m.wanted == nil {
		d.complete = false
		d.fail(r, "chart", "Release cannot be planned", fmt.Sprintf("%s: its chart was not fetched.", describe(r)))
		return
	}
	d.asked[r.Address] = nil
	if m.Live.Deployed() {
		d.decideUpgrade(m)
	} else {
		m.Action = Install
	}
	d.checkOwner(m)
}

func (d *Draft) decideUpgrade(m *Move) {
	r := m.Release
	switch {
	case strings.HasPrefix(m.Live.Status, "pending-") || m.Live.Status == "uninstalling":
		d.fail(r, "", "Release is in the middle of another operation", underWay(r, m.Live))
		return
	case m.Live.Chart != m.wanted.Chart.Name:
		d.fail(r, "chart", "Release runs another chart", fmt.Sprintf(
			"%s: live is chart %q, the configuration wants %q. Changing a release's chart is not an upgrade: check chart, release and namespace.", describe(r), m.Live.Chart, m.wanted.Chart.Name))
		return
	case m.To.LessThan(m.From):
		d.fail(r, "version", "Downgrade refused", fmt.Sprintf(
			"%s: live is %s, the configuration wants %s. Database migrations only go forward, so an older version is not an upgrade. To go back, use `soctalk rollback RUN`, which also restores what has to be restored; to stay, set the version to %s.",
			describe(r), m.From, m.To, m.From))
		m.To = m.From
		return
	}
	sameVersion := m.To.Equal(m.From)
	sameValues := d.observation.Offline || m.wanted.SameEffect || SameValues(m.Live.Values, m.wanted.Values)
	if m.Live.Status == "failed" {
		m.Reasons = append(m.Reasons, fmt.Sprintf("its last revision, %d, failed: there is no way back to that", m.Live.Revision))
	}
	if sameVersion && !sameValues {
		m.Reasons = append(m.Reasons, "its values change")
	}
	if sameVersion && sameValues && m.Live.Status == "deployed" && m.Live.ChartDigest == m.wanted.Chart.Digest {
		return
	}
	// Where nothing but the chart's build may differ, the manifests are compared
	// and it may turn out that nothing changes.
	m.Action = Upgrade
}

// underWay says what a release is in the middle of, and the way out.
func underWay(r *schema.Release, live *Live) string {
	at := fmt.Sprintf("%s: revision %d has been %s since %s.", describe(r), live.Revision, live.Status, live.Modified.UTC().Format("2006-01-02 15:04:05 UTC"))
	out := fmt.Sprintf("go back to the last good revision with\n    helm rollback %s -n %s", r.Name, r.Namespace)
	if live.Status == "pending-install" || live.Status == "uninstalling" {
		out = fmt.Sprintf("remove what is there of it with\n    helm uninstall %s -n %s", r.Name, r.Namespace)
	}
	if live.Run != "" {
		return fmt.Sprintf("%s Run %s is at work on it, or its program has died. Then this goes on with it:\n    soctalk apply -resume=%s\nWhere that run is not to go on, %s\nand plan again.", at, live.Run, live.Run, out)
	}
	return fmt.Sprintf("%s Another Helm process is at work, or one died. When none is running, %s\nand plan again.", at, out)
}

// tenants names the tenants of a diagnostic without letting it grow with them.
func tenants(moves []*Move) string {
	var names []string
	for _, m := range moves[:min(3, len(moves))] {
		names = append(names, m.Slug)
	}
	list := strings.Join(names, ", ")
	switch {
	case len(moves) == 1:
		return "tenant " + list
	case len(moves) > 3:
		return fmt.Sprintf("%d tenants (%s, …)", len(moves), list)
	}
	return fmt.Sprintf("%d tenants (%s)", len(moves), list)
}

func (d *Draft) prerequisite(name, why string) {
	for _, p := range d.fleet.Prerequisites {
		if p.Name == name {
			d.diagnostics = append(d.diagnostics, Diagnostic{
				Severity: Error, Range: rangeOf(p.Source.Block), Summary: "Prerequisite not met",
				Detail: fmt.Sprintf("prerequisite %q: %s. soctalk checks prerequisites and never changes them: provide it, then plan again.", name, why),
			})
		}
	}
}

// unreadable tells of a whole cluster what would otherwise be told of each of
// its releases.
func (d *Draft) unreadable(name, why string) {
	d.complete = false
	diag := Diagnostic{Severity: Error, Summary: "Cluster cannot be read", Detail: fmt.Sprintf(
		"cluster %s: %s. Nothing is planned for the releases on it.", name, why)}
	if c := d.fleet.Clusters[name]; c != nil {
		diag.Range = rangeOf(c.Source.Block)
	}
	d.diagnostics = append(d.diagnostics, diag)
}

func (d *Draft) fail(r *schema.Release, attr, summary, detail string) {
	d.tell(Error, r, attr, summary, detail)
}

func (d *Draft) tell(severity Severity, r *schema.Release, attr, summary, detail string) {
	d.diagnostics = append(d.diagnostics, Diagnostic{Severity: severity, Address: r.Address, Range: rangeOf(r.Source.At(attr)), Summary: summary, Detail: detail})
}

// describe names a release as Helm's users know it.
func describe(r *schema.Release) string {
	s := fmt.Sprintf("%s (release %s in namespace %s", r.Address, r.Name, r.Namespace)
	if r.Cluster != schema.DefaultCluster {
		s += " of cluster " + r.Cluster
	}
	return s + ")"
}

// String renders a key for people.
func (k ReleaseKey) String() string {
	s := k.Namespace + "/" + k.Name
	if k.Cluster != schema.DefaultCluster {
		s = k.Cluster + ":" + s
	}
	return s
}
