package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/compat"
	"github.com/soctalk/fleet/schema"
)

// Move is what becomes of one release, before anything is rendered.
type Move struct {
	Release   *schema.Release
	System    *schema.System    // set for the system
	Tenant    *schema.Tenant    // set for a tenant and its companions
	Companion *schema.Companion // set for a companion
	Slug      string
	Wave      string

	Live   *Live
	Wanted *Wanted
	From   *semver.Version // nil when not installed
	To     *semver.Version
	Action Action
	// Render is true when the manifests must be compared to know more.
	Render bool
	// Reasons say why a release at its target version is still touched.
	Reasons []string
}

// The summaries of the two refusals that a longer way may avoid.
const (
	forbiddenPair = "Forbidden pair of versions"
	jumpsOverStop = "Upgrade jumps over a stop"
)

// Draft is the first half of planning: which releases move. The second half,
// [Build], needs them rendered.
type Draft struct {
	fleet       *schema.Fleet
	observation *Observation
	Moves       []*Move // the system, then tenants wave by wave, companions beside their tenant
	diagnostics []Diagnostic
	complete    bool
}

// Selection narrows a plan to some tenants and the system; nil selects all.
type Selection func(address, wave string, labels map[string]string) bool

// Route decides from versions, values and states alone which releases move.
// wanted and problems are keyed by address: a release has one or the other.
func Route(f *schema.Fleet, o *Observation, wanted map[string]*Wanted, problems map[string]Problem, selected Selection) *Draft {
	d := &Draft{fleet: f, observation: o, complete: true}
	d.unsupported()
	for _, name := range slices.Sorted(maps.Keys(o.Prerequisites)) {
		d.prerequisite(name, o.Prerequisites[name])
	}
	if selected == nil {
		selected = func(string, string, map[string]string) bool { return true }
	}

	system := &Move{Release: &f.System.Release, System: f.System}
	d.decide(system, wanted, problems, selected("system", "", nil))
	tenants := make(map[string]*schema.Tenant, len(f.Tenants))
	for _, t := range f.Tenants {
		tenants[t.Address] = t
	}
	for _, w := range f.Rollout.Waves {
		for _, address := range w.Tenants {
			t := tenants[address]
			in := selected(address, w.Name, t.Labels)
			for _, m := range tenantMoves(t, w.Name) {
				d.decide(m, wanted, problems, in)
			}
		}
	}
	d.checkPairs()
	if d.refused() {
		d.adviseWay()
	}
	return d
}

// tenantMoves returns a tenant's releases in the order they are upgraded.
func tenantMoves(t *schema.Tenant, wave string) []*Move {
	var before, after []*Move
	for _, c := range t.Companions {
		m := &Move{Release: &c.Release, Tenant: t, Companion: c, Slug: t.Slug, Wave: wave}
		if c.After {
			after = append(after, m)
		} else {
			before = append(before, m)
		}
	}
	main := &Move{Release: &t.Release, Tenant: t, Slug: t.Slug, Wave: wave}
	return slices.Concat(before, []*Move{main}, after)
}

func (d *Draft) decide(m *Move, wanted map[string]*Wanted, problems map[string]Problem, selected bool) {
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
	if why, bad := d.observation.Problems[KeyOf(r)]; bad {
		d.complete = false
		d.fail(r, "cluster", "Release cannot be read", fmt.Sprintf("%s: %s. Nothing is planned for it.", describe(r), why))
		return
	}
	if p, bad := problems[r.Address]; bad {
		d.complete = false
		d.fail(r, p.Attr, p.Summary, p.Detail)
		return
	}
	m.Wanted = wanted[r.Address]
	if m.Wanted == nil {
		d.complete = false
		d.fail(r, "chart", "Release cannot be planned", fmt.Sprintf("%s: its chart was not fetched.", describe(r)))
		return
	}
	if !m.Live.Deployed() {
		m.Action, m.Render = Install, true
		return
	}
	d.decideUpgrade(m)
}

func (d *Draft) decideUpgrade(m *Move) {
	r := m.Release
	switch {
	case strings.HasPrefix(m.Live.Status, "pending-") || m.Live.Status == "uninstalling":
		d.fail(r, "", "Release is in the middle of another operation", fmt.Sprintf(
			"%s: revision %d has been %s since %s. Another Helm process is at work, or one died. When none is running, %s\nand plan again.",
			describe(r), m.Live.Revision, m.Live.Status, m.Live.Modified.UTC().Format("2006-01-02 15:04:05 UTC"), unstick(r, m.Live)))
		return
	case m.Live.Chart != m.Wanted.Chart.Name:
		d.fail(r, "chart", "Release runs another chart", fmt.Sprintf(
			"%s: live is chart %q, the configuration wants %q. Changing a release's chart is not an upgrade: check chart, release and namespace.", describe(r), m.Live.Chart, m.Wanted.Chart.Name))
		return
	case m.To.LessThan(m.From):
		d.fail(r, "version", "Downgrade refused", fmt.Sprintf(
			"%s: live is %s, the configuration wants %s. Database migrations only go forward, so an older version is not an upgrade. To go back, use `soctalk rollback RUN`, which also restores what has to be restored; to stay, set the version to %s.",
			describe(r), m.From, m.To, m.From))
		return
	}
	if !m.To.Equal(m.From) {
		d.checkStops(m)
	}
	sameVersion := m.To.Equal(m.From)
	sameValues := sameValues(m.Live.Values, m.Wanted.Values)
	if m.Live.Status == "failed" {
		m.Reasons = append(m.Reasons, fmt.Sprintf("its last revision, %d, failed: there is no way back to that", m.Live.Revision))
	}
	if sameVersion && !sameValues {
		m.Reasons = append(m.Reasons, "its values change")
	}
	if sameVersion && sameValues && m.Live.Status == "deployed" {
		if m.Live.ChartDigest == m.Wanted.Chart.Digest {
			return
		}
		// The revision does not say which build of the chart it is: Build
		// compares manifests and may find that nothing changes.
		m.Render = true
		m.Action = Upgrade
		return
	}
	m.Action, m.Render = Upgrade, true
}

// unstick says how a person frees a release from an operation that died.
func unstick(r *schema.Release, live *Live) string {
	if live.Status == "pending-install" || live.Status == "uninstalling" {
		return fmt.Sprintf("remove what is there of it with\n    helm uninstall %s -n %s", r.Name, r.Namespace)
	}
	return fmt.Sprintf("go back to the last good revision with\n    helm rollback %s -n %s", r.Name, r.Namespace)
}

func (d *Draft) checkStops(m *Move) {
	component := schema.ComponentTenant
	switch {
	case m.System != nil:
		component = schema.ComponentSystem
	case m.Companion != nil:
		return
	}
	for _, s := range compat.Jumped(d.fleet.Compatibility, component, m.From, m.To) {
		d.diagnostics = append(d.diagnostics, Diagnostic{
			Severity: Error, Address: m.Release.Address, Range: rangeOf(s.Source.Block),
			Summary: jumpsOverStop,
			Detail: fmt.Sprintf("%s: going from %s to %s would jump over %s %s, which no upgrade may.",
				describe(m.Release), m.From, m.To, component, s.Version),
		})
	}
}

// checkPairs holds every pair of versions that can be live at the same time
// against the rules: the system goes first, so each tenant stands beside the
// new system in its old version, and then in its new one.
func (d *Draft) checkPairs() {
	system := d.Moves[0]
	if system.To == nil {
		return
	}
	type pair struct {
		tenant string
		before bool
	}
	groups := map[pair][]*Move{}
	var order []pair
	note := func(m *Move, v *semver.Version, before bool) {
		p := pair{v.String(), before}
		if groups[p] == nil {
			order = append(order, p)
		}
		groups[p] = append(groups[p], m)
	}
	systemMoves := system.From != nil && !system.From.Equal(system.To)
	for _, m := range d.Moves[1:] {
		if m.Companion != nil {
			continue
		}
		if m.From != nil && systemMoves && (m.To == nil || !m.From.Equal(m.To)) {
			note(m, m.From, true)
		}
		if m.To != nil {
			note(m, m.To, false)
		}
	}
	d.checkInherited(system)
	for _, p := range order {
		d.judge(compat.Rate(d.fleet.Compatibility, system.To, semver.MustParse(p.tenant)), groups[p], p.before, systemMoves)
	}
}

// checkInherited tells of forbidden pairs that are live already and that this
// plan leaves behind.
func (d *Draft) checkInherited(system *Move) {
	if system.From == nil {
		return
	}
	groups := map[string][]*Move{}
	for _, m := range d.Moves[1:] {
		if m.Companion == nil && m.From != nil && !m.From.Equal(m.To) {
			groups[m.From.String()] = append(groups[m.From.String()], m)
		}
	}
	for _, v := range slices.Sorted(maps.Keys(groups)) {
		if verdict := compat.Rate(d.fleet.Compatibility, system.From, semver.MustParse(v)); !verdict.Allowed() {
			first := groups[v][0].Release
			d.diagnostics = append(d.diagnostics, Diagnostic{
				Severity: Warning, Address: first.Address, Range: rangeOf(first.Source.At("version")), Summary: "Forbidden pair of versions is live already",
				Detail: fmt.Sprintf("%s runs %s beside system %s now: %s. This plan leaves that state.", tenants(groups[v]), v, system.From, verdict.Why),
			})
		}
	}
}

func (d *Draft) judge(v compat.Verdict, moves []*Move, before, systemMoves bool) {
	if v.Status == schema.Supported {
		return
	}
	first := moves[0]
	when := "would run"
	if before {
		when = "would still run, until their turn comes,"
	}
	detail := fmt.Sprintf("%s %s %s beside system %s: %s.", tenants(moves), when, v.Tenant, v.System, v.Why)
	diag := Diagnostic{Severity: Warning, Address: first.Release.Address, Range: rangeOf(v.Source.Block), Summary: "Deprecated pair of versions", Detail: detail}
	if !v.Allowed() {
		diag.Severity, diag.Summary = Error, forbiddenPair
		diag.Detail += " Nothing is planned until every pair that can be live at the same time is allowed."
		if !before && !systemMoves && v.Tenant.GreaterThan(v.System) {
			diag.Detail += " Raise the system's version first: the system is always upgraded before its tenants."
		}
		if v.Source.Block == d.fleet.Compatibility.Source.Block {
			// No line says so: point at the version that asks for it.
			diag.Range = rangeOf(first.Release.Source.At("version"))
		}
	}
	d.diagnostics = append(d.diagnostics, diag)
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

// refused says whether it is the versions that keep the plan from being made.
func (d *Draft) refused() bool {
	return slices.ContainsFunc(d.diagnostics, refusal)
}

func refusal(x Diagnostic) bool { return x.Summary == forbiddenPair || x.Summary == jumpsOverStop }

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

func (d *Draft) fail(r *schema.Release, attr, summary, detail string) {
	d.diagnostics = append(d.diagnostics, Diagnostic{Severity: Error, Address: r.Address, Range: rangeOf(r.Source.At(attr)), Summary: summary, Detail: detail})
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
