package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// randomFleets is how many random fleets, rules and states a run looks at.
const randomFleets = 12_000

// Whatever the fleet, the rules and what is live: a plan that can be applied
// leads every release to its target, has no order of steps, and no step that
// fails, with which a forbidden pair comes to be live, and saves what a step
// cannot give back before that step.
func TestApplyablePlansAreLegal(t *testing.T) {
	t.Parallel()
	applyable, several, refused := 0, 0, 0
	for seed := range uint64(randomFleets) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := randomWorld(r)
		doc := w.plan()
		c := newChecker(w, doc)
		if err := c.graph(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !doc.Applyable && !HasErrors(doc.Diagnostics) && len(doc.Steps) > 0 {
			t.Fatalf("seed %d: not applyable, and no error says why: %+v", seed, doc.Diagnostics)
		}
		if HasErrors(doc.Diagnostics) {
			refused++
			continue
		}
		applyable++
		if slices.ContainsFunc(doc.Releases, func(r Release) bool { return len(r.Hops) > 1 }) {
			several++
		}
		for _, check := range []func() error{c.arrives, c.protected, func() error { return c.walk(r) }} {
			if err := check(); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, stepIDs(doc))
			}
		}
	}
	t.Logf("%d plans, %d of several hops, %d refused", applyable, several, refused)
	if several < randomFleets/50 || refused < randomFleets/20 {
		t.Error("the random fleets are too tame")
	}
}

var worldVersions = []string{"0.1.0", "0.2.0", "0.3.0", "0.4.0"}

// randomWorld draws a fleet of up to 6 tenants over 4 versions, with rules, stops,
// breaking releases, snapshots, companions, waves, and charts that are missing.
func randomWorld(r *rand.Rand) *world {
	version := func() string { return worldVersions[r.IntN(len(worldVersions))] }
	later := func(live string) string {
		if r.IntN(8) == 0 || live == "" {
			return version()
		}
		from := slices.Index(worldVersions, live)
		return worldVersions[from+r.IntN(len(worldVersions)-from)]
	}
	live := version()
	if r.IntN(8) == 0 {
		live = ""
	}
	w := newWorld(live, later(live))
	if l := w.live.Releases[KeyOf(&w.fleet.System.Release)]; l != nil {
		l.SchemaRevision = "schema-" + l.Version.String()
	}
	w.wanted["system"].Chart.SchemaRevision = "schema-" + w.wanted["system"].Chart.Version
	randomRules(r, w)
	for i := range r.IntN(7) {
		live := ""
		if r.IntN(6) > 0 {
			live = version()
		}
		t := w.tenant(fmt.Sprint("t", i), live, later(live))
		if r.IntN(4) == 0 {
			t.Snapshots = []*schema.Snapshot{{Name: "volumes", Driver: "csi", When: []string{"always", "breaking", "never"}[r.IntN(3)]}}
		}
		if r.IntN(2) == 0 {
			t.Window, t.Accept = "night", schema.Acceptance{schema.NoSnapshotWord}
		}
		if r.IntN(4) == 0 {
			c := &schema.Companion{Label: "wazuh", After: r.IntN(2) == 0, Release: release(t.Address+".companion.wazuh", "wazuh-"+t.Slug, version())}
			t.Companions = append(t.Companions, c)
			w.add(&c.Release, "wazuh", "0.1.0")
		}
	}
	if r.IntN(2) == 0 {
		w.fleet.System.Snapshots = []*schema.Snapshot{{Name: "postgres", Driver: "pg_dump", When: []string{"always", "breaking"}[r.IntN(2)]}}
	}
	all := w.fleet.Rollout.Waves[0].Tenants
	cut := r.IntN(len(all) + 1)
	w.fleet.Rollout.Waves = []*schema.Wave{{Name: "first", Tenants: all[:cut], MaxParallel: 1}, {Name: "rest", Tenants: all[cut:], MaxParallel: 2}}
	return w
}

func randomRules(r *rand.Rand, w *world) {
	statuses := []schema.Status{schema.Supported, schema.Supported, schema.Supported, schema.Deprecated, schema.Blocked}
	c := w.fleet.Compatibility
	c.Unlisted = []schema.Unlisted{schema.UnlistedAllow, schema.UnlistedWarn, schema.UnlistedRefuse}[r.IntN(3)]
	for _, s := range worldVersions {
		for _, v := range worldVersions {
			if r.IntN(5) > 0 {
				c.Matrix = append(c.Matrix, schema.Pair{System: semver.MustParse(s), Tenant: semver.MustParse(v), Status: statuses[r.IntN(len(statuses))], Source: schema.Source{Block: line("pair", 1)}})
			}
		}
	}
	for _, component := range []schema.Component{schema.ComponentSystem, schema.ComponentTenant} {
		for _, v := range worldVersions[1:] {
			if r.IntN(5) == 0 {
				c.Stops = append(c.Stops, schema.Stop{Component: component, Version: semver.MustParse(v), Source: schema.Source{Block: line("stop", 2)}})
			}
			if r.IntN(5) == 0 {
				w.fleet.Facts = append(w.fleet.Facts, &schema.Facts{Component: component, Version: semver.MustParse(v), Breaking: []string{"it is"}})
			}
			if r.IntN(12) == 0 {
				address := "system"
				if component == schema.ComponentTenant {
					address = "tenant.t0"
				}
				w.catalog.Missing[At{Address: address, Version: v}] = true
			}
		}
	}
}

// The number of edges grows with the tenants, not with their square.
func TestEdgesAreLinear(t *testing.T) {
	t.Parallel()
	edges := func(n int) int {
		w := newWorld("0.2.0", "0.2.1")
		for i := range n {
			w.tenant(fmt.Sprint("t", i), "0.2.0", "0.2.1")
		}
		all := w.fleet.Rollout.Waves[0].Tenants
		w.fleet.Rollout.Waves = []*schema.Wave{{Name: "first", Tenants: all[:n/2]}, {Name: "rest", Tenants: all[n/2:]}}
		total := 0
		for _, s := range w.plan().Steps {
			total += len(s.Needs)
		}
		return total
	}
	if small, large := edges(100), edges(1000); large > 11*small {
		t.Errorf("%d edges for 100 tenants, %d for 1,000", small, large)
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld("0.2.0", "0.2.1")
			for i := range n {
				w.tenant(fmt.Sprintf("t%05d", i), "0.2.0", "0.2.1")
			}
			b.ReportAllocs()
			for b.Loop() {
				if doc := w.plan(); len(doc.Classes) != 2 {
					b.Fatalf("%d classes", len(doc.Classes))
				}
			}
		})
	}
}
