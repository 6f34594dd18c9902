package plan

import (
	"slices"
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
