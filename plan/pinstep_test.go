package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pinned is a fleet whose system pins tenants by its chart's defaults.
func pinned(systemLive, systemWanted string) *world {
	w := newWorld(systemLive, systemWanted)
	pins := func(version string) map[string]any {
		return map[string]any{provisioning: map[string]any{pinnedChart: version}}
	}
	w.live.Releases[KeyOf(&w.fleet.System.Release)].Defaults = pins(systemLive)
	w.wanted["system"].Chart.Defaults = pins(systemWanted)
	return w
}

func TestPinsAreSetLast(t *testing.T) {
	t.Parallel()
	w := pinned("0.2.0", "0.2.1")
	w.tenant("acme", "0.2.0", "0.2.1")
	doc := w.plan()
	want := []string{
		"system/0/upgrade ← ",
		"wave.rest/0/gate ← system/0/upgrade",
		"tenant.acme/0/upgrade ← wave.rest/0/gate", "tenant.acme/0/verify ← tenant.acme/0/upgrade",
		"system/1/pins ← tenant.acme/0/verify",
	}
	if diff := cmp.Diff(want, stepIDs(doc)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	system := doc.Releases[0]
	if !slices.Equal(system.Hops, []string{"0.2.1"}) || len(system.Path) != 2 || system.Path[0].Held == nil || system.Path[1].Held != nil || system.Path[0].ValuesDigest == system.Path[1].ValuesDigest {
		t.Errorf("system goes %v, %+v", system.Hops, system.Path)
	}
}

// A run that stopped before the pins were set leaves them for the next.
func TestPinsAloneAreLeft(t *testing.T) {
	t.Parallel()
	w := pinned("0.2.1", "0.2.1")
	w.live.Releases[KeyOf(&w.fleet.System.Release)].Values = map[string]any{provisioning: map[string]any{pinnedChart: "0.2.0"}}
	w.tenant("acme", "0.2.0", "0.2.1")
	w.tenant("beta", "0.2.1", "0.2.1")
	doc := w.plan()
	want := []string{
		"wave.rest/0/gate ← ",
		"tenant.acme/0/upgrade ← wave.rest/0/gate", "tenant.acme/0/verify ← tenant.acme/0/upgrade",
		"system/0/pins ← tenant.acme/0/verify",
	}
	if diff := cmp.Diff(want, stepIDs(doc)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// Pins that are held may be written into values that did not have them. An upgrade
// that only does that is left out; the pins are set, and what restarts is said.
func TestHeldHopThatChangesNothingIsLeftOut(t *testing.T) {
	t.Parallel()
	annotated := func(w *world, pins string) []Object {
		o := objects(&w.fleet.System.Release, "0.2.1")
		o[0]["spec"].(tree)["template"].(tree)["metadata"] = tree{"annotations": tree{"checksum/config": pins}}
		return o
	}
	const old, new = "0000000000000000000000000000000000000000", "1111111111111111111111111111111111111111"
	make := func() *world {
		w := pinned("0.2.1", "0.2.1")
		w.systemLive().Defaults[provisioning].(tree)[pinnedChart] = "0.2.0"
		w.wanted["system"].Chart.Templates["templates/jobs/alembic-upgrade.yaml"] = true
		w.wanted["system"].Values = tree{provisioning: tree{pinnedChart: "0.2.1"}}
		w.tenant("acme", "0.2.0", "0.2.1")
		w.before["system"] = annotated(w, old)
		w.rendered["system"] = &Rendered{Objects: annotated(w, new), Again: annotated(w, new)}
		w.passing = map[string]*Rendered{"system": {Objects: annotated(w, old), Again: annotated(w, old)}}
		return w
	}
	restarts := []string{"Deployment/soctalk-system"}
	for name, c := range map[string]struct {
		change func(*world)
		want   string
		said   bool
	}{
		"nothing changes":   {func(*world) {}, "system/0/pins", true},
		"something changes": {func(w *world) { w.passing["system"] = &Rendered{Objects: objects(&w.fleet.System.Release, "0.2.2")} }, "system/0/migrate system/0/upgrade system/1/pins", true},
		"it had failed":     {func(w *world) { w.systemLive().Status = "failed" }, "system/0/migrate system/0/upgrade system/1/pins", true},
		"the schema is behind": {func(w *world) {
			w.wanted["system"].Chart.SchemaRevision = "v2"
			w.live.Database = &Database{Revision: "v1"}
		}, "system/0/migrate system/0/upgrade system/1/pins", true},
		"its definitions change": {func(w *world) {
			w.passing["system"].CRDs = []Object{{"kind": "CustomResourceDefinition", "metadata": tree{"name": "x"}}}
		}, "system/0/crds system/0/migrate system/0/upgrade system/1/pins", true},
		"others wait for a later plan": {func(w *world) {
			w.tenant("beta", "0.2.0", "0.2.1")
			w.skip = "tenant.beta"
		}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := make()
			c.change(w)
			doc := w.plan()
			var system []string
			for _, s := range doc.Steps {
				if s.Address == "system" {
					system = append(system, s.ID)
				}
				if s.Kind == StepPins && !slices.Equal(s.Restarts, restarts) {
					t.Errorf("the step restarts %v", s.Restarts)
				}
			}
			r := doc.Releases[0]
			if got := strings.Join(system, " "); got != c.want || len(r.Path) != strings.Count(c.want, "upgrade")+strings.Count(c.want, "pins") {
				t.Errorf("steps %s, path %+v", got, r.Path)
			}
			if c.said != slices.ContainsFunc(doc.Classes, func(c Class) bool { return c.ID == r.Class && slices.Equal(c.Restarts, restarts) }) {
				t.Errorf("class %q among %+v", r.Class, doc.Classes)
			}
		})
	}
}

// Where no tenant has to move, the pins go with the upgrade.
func TestPinsGoWithTheUpgrade(t *testing.T) {
	t.Parallel()
	w := pinned("0.2.0", "0.2.1")
	w.tenant("acme", "", "0.2.1")
	for _, s := range w.plan().Steps {
		if s.Kind == StepPins {
			t.Errorf("an extra step: %+v", s)
		}
	}
}

// While the system moves on, the pins are what tenants have reached: an older
// version need not be allowed beside it.
func TestPinsFollowTheWay(t *testing.T) {
	t.Parallel()
	w := steppingStones()
	live := w.live.Releases[KeyOf(&w.fleet.System.Release)]
	live.Defaults = map[string]any{provisioning: map[string]any{pinnedChart: "0.1.0"}}
	w.wanted["system"].Chart.Defaults = map[string]any{provisioning: map[string]any{pinnedChart: "0.3.0"}}
	path := w.plan().Releases[0].Path
	if len(path) != 3 || *path[0].Held != (HeldPins{}) || path[1].Held.Version != "0.2.0" || path[2].Held != nil {
		t.Errorf("path %+v", path)
	}
}
