package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

type tree = map[string]any

// shipped are a system chart's defaults.
func shipped(version string) tree {
	return tree{"image": tree{"tag": ""}, provisioning: tree{pinnedRef: "oci://h/soctalk-tenant", pinnedChart: version, "adapterImageTag": "", "runsWorkerImageTag": "", "linuxEpImageTag": ""}}
}

func TestPinsOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		defaults, values tree
		want             map[string]string
	}{
		"defaults":       {shipped("0.2.1"), nil, map[string]string{pinnedRef: "oci://h/soctalk-tenant", pinnedChart: "0.2.1", "adapterImageTag": "9", "runsWorkerImageTag": "9", "linuxEpImageTag": "9"}},
		"image tag":      {shipped("0.2.1"), tree{"image": tree{"tag": "8"}}, map[string]string{pinnedRef: "oci://h/soctalk-tenant", pinnedChart: "0.2.1", "adapterImageTag": "8", "runsWorkerImageTag": "8", "linuxEpImageTag": "8"}},
		"written":        {shipped("0.2.1"), tree{provisioning: tree{pinnedChart: "0.2.0", "adapterImageTag": "7"}}, map[string]string{pinnedRef: "oci://h/soctalk-tenant", pinnedChart: "0.2.0", "adapterImageTag": "7", "runsWorkerImageTag": "9", "linuxEpImageTag": "9"}},
		"removed":        {shipped("0.2.1"), tree{provisioning: tree{pinnedRef: nil, "linuxEpImageTag": nil, "runsWorkerImageTag": nil}}, map[string]string{pinnedChart: "0.2.1", "adapterImageTag": "9"}},
		"table removed":  {shipped("0.2.1"), tree{provisioning: nil}, map[string]string{}},
		"no such values": {tree{}, tree{"x": "y"}, map[string]string{}},
		"odd shapes":     {shipped("0.2.1"), tree{provisioning: "x", "image": 3}, map[string]string{}},
	} {
		if diff := cmp.Diff(c.want, pinsOf(c.defaults, c.values, "9").value); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPinDiagnostics(t *testing.T) {
	t.Parallel()
	system := release("system", "soctalk-system", "0.2.1")
	tenant := func(name, version string) pinnedTenant {
		return pinnedTenant{Address: "tenant." + name, Wanted: semver.MustParse(version), AppVersion: version}
	}
	for name, c := range map[string]struct {
		values  tree
		tenants []pinnedTenant
		want    []string
	}{
		"fits":                  {nil, []pinnedTenant{tenant("a", "0.2.1")}, nil},
		"fits with v":           {tree{provisioning: tree{pinnedChart: "v0.2.1"}}, []pinnedTenant{tenant("a", "0.2.1")}, nil},
		"no tenants":            {tree{provisioning: tree{pinnedChart: "0.1.0"}}, nil, nil},
		"chart in the image":    {tree{provisioning: tree{pinnedRef: "/app/charts/soctalk-tenant", pinnedChart: "0.1.0"}}, []pinnedTenant{tenant("a", "0.2.1")}, nil},
		"fits none":             {tree{provisioning: tree{pinnedChart: "0.1.9"}}, []pinnedTenant{tenant("a", "0.2.1"), tenant("b", "0.2.0"), tenant("c", "0.2.1")}, []string{`error: Provisioning pin fits no tenant: is 0.1.9`, `0.2.1 (tenant.a, tenant.c), 0.2.0 (tenant.b)`, `Set tenantProvisioning.tenantChartVersion to "0.2.1"`}},
		"a range fits none":     {tree{provisioning: tree{pinnedChart: "~0.2.0"}}, []pinnedTenant{tenant("a", "0.2.1")}, []string{`error: Provisioning pin fits no tenant: is something else`}},
		"fits some":             {nil, []pinnedTenant{tenant("a", "0.2.1"), tenant("b", "0.2.0"), tenant("c", "0.1.9")}, []string{`warning: Provisioning pin does not fit all tenants: is 0.2.1`, `0.1.9 (tenant.c), 0.2.0 (tenant.b)`}},
		"another image":         {tree{provisioning: tree{"adapterImageTag": "0.2.0", "linuxEpImageTag": "0.2.1"}}, []pinnedTenant{tenant("a", "0.2.1")}, []string{`error: Provisioning pin is another image: tenantProvisioning.adapterImageTag is 0.2.0, but`, `set it to "0.2.1"`}},
		"secret in a pin":       {tree{provisioning: tree{"adapterImageTag": "canary", pinnedChart: "0.2.1"}}, []pinnedTenant{tenant("a", "0.2.1")}, []string{`error: Provisioning pin is another image: is something else`}},
		"follows the system":    {tree{provisioning: tree{pinnedChart: "0.2.0"}}, []pinnedTenant{tenant("a", "0.2.0")}, []string{`warning: Provisioning follows the system's version: follows the system, 0.2.1`, `Set it to "0.2.0"`}},
		"images pinned by name": {tree{provisioning: tree{pinnedChart: "0.2.0", "adapterImageTag": "0.2.0", "runsWorkerImageTag": "0.2.0", "linuxEpImageTag": "0.2.0"}}, []pinnedTenant{tenant("a", "0.2.0")}, nil},
	} {
		got := pinDiagnostics(&system, pinsOf(shipped("0.2.1"), c.values, "0.2.1"), c.tenants)
		if c.want == nil {
			if len(got) > 0 {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		if len(got) != 1 {
			t.Errorf("%s: %v", name, got)
			continue
		}
		head, part, _ := strings.Cut(c.want[0], ": ")
		summary, part, _ := strings.Cut(part, ": ")
		if string(got[0].Severity) != head || got[0].Summary != summary {
			t.Errorf("%s: %v", name, got[0])
		}
		for _, want := range append([]string{part}, c.want[1:]...) {
			if !strings.Contains(got[0].Detail, want) {
				t.Errorf("%s: %q is not in %s", name, want, got[0].Detail)
			}
		}
		if strings.Contains(got[0].Detail, "canary") {
			t.Errorf("%s tells a value", name)
		}
	}
}

func TestPinsPointAtWhatSetsThem(t *testing.T) {
	t.Parallel()
	system := release("system", "soctalk-system", "0.2.1")
	system.Set = []schema.SetValue{{Path: provisioning + "." + pinnedChart, Value: "0.1.9"}}
	system.Source.Attrs["set"] = line("set", 42)
	got := pinDiagnostics(&system, pinsOf(shipped("0.1.9"), nil, "0.2.1"), []pinnedTenant{{Address: "tenant.a", Wanted: semver.MustParse("0.2.1")}})
	if len(got) != 1 || got[0].Range.Start.Line != 42 {
		t.Error(got)
	}
}

func TestPinsAtAnotherVersion(t *testing.T) {
	t.Parallel()
	live := pinsOf(shipped("0.2.0"), nil, "0.2.0").at("0.2.1", "app")
	want := map[string]string{pinnedRef: "oci://h/soctalk-tenant", pinnedChart: "0.2.1", "adapterImageTag": "app", "runsWorkerImageTag": "app", "linuxEpImageTag": "app"}
	if diff := cmp.Diff(want, live.value); diff != "" {
		t.Error(diff)
	}
}

func TestOrderPins(t *testing.T) {
	t.Parallel()
	v := semver.MustParse
	moved := pinnedTenant{Live: v("0.2.1"), Wanted: v("0.2.1"), Planned: true}
	moves := pinnedTenant{Live: v("0.2.0"), Wanted: v("0.2.1"), Planned: true}
	later := pinnedTenant{Live: v("0.2.0"), Wanted: v("0.2.1")}
	fresh := pinnedTenant{Wanted: v("0.2.1"), Planned: true}
	old, new := pinsOf(shipped("0.2.0"), nil, "0.2.0"), pinsOf(shipped("0.2.1"), nil, "0.2.1")
	for name, c := range map[string]struct {
		live, wanted pinSet
		tenants      []pinnedTenant
		hold, step   bool
		note         string
	}{
		"unchanged":           {new, new, []pinnedTenant{moves}, false, false, ""},
		"nobody moves":        {old, new, []pinnedTenant{moved, fresh}, false, false, ""},
		"no tenants":          {old, new, nil, false, false, ""},
		"tenants move":        {old, new, []pinnedTenant{moved, moves}, true, true, "set last"},
		"some move later":     {old, new, []pinnedTenant{moves, later}, true, false, "1 tenants move in a later plan"},
		"system alone":        {old, new, []pinnedTenant{later}, true, false, "stay as they are"},
		"chart in the image":  {pinsOf(tree{provisioning: tree{pinnedRef: "/app/charts/t", pinnedChart: "0.1.0"}}, nil, "0.1.0"), new, []pinnedTenant{moves}, true, true, "within the API's image"},
		"a chart without any": {pinsOf(tree{}, nil, "0.1.0"), new, []pinnedTenant{moves}, false, false, ""},
	} {
		got := orderPins(c.live, c.wanted, c.tenants)
		if got.Hold != c.hold || got.Step != c.step || !strings.Contains(strings.Join(got.Notes, "\n"), c.note) || (c.note == "") != (len(got.Notes) == 0) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Whatever the values, holding the live pins gives just the live pins where the
// new chart knows them, changes nothing else, and not what it was given.
func TestHoldPinsProperty(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 8))
		random := func() tree {
			values := tree{"other": tree{"k": fmt.Sprint(r.IntN(3))}}
			if r.IntN(4) > 0 {
				table := tree{}
				for _, key := range append([]string{pinnedRef, pinnedChart}, pinnedTags...) {
					switch r.IntN(4) {
					case 0:
						table[key] = fmt.Sprintf("0.%d.0", r.IntN(3))
					case 1:
						table[key] = ""
					}
				}
				values[provisioning] = table
			}
			if r.IntN(3) == 0 {
				values["image"] = tree{"tag": fmt.Sprintf("0.%d.0", r.IntN(3))}
			}
			return values
		}
		liveDefaults, liveValues, defaults, values := random(), random(), random(), random()
		live, target := pinsOf(liveDefaults, liveValues, "0.1.0"), pinsOf(defaults, values, "0.2.0")
		before := fmt.Sprint(values)
		held := holdPins(values, target, live)
		if fmt.Sprint(values) != before {
			t.Fatalf("seed %d: the values given were modified", seed)
		}
		want := maps.Clone(target.value)
		for key := range want {
			if v, had := live.value[key]; had {
				want[key] = v
			}
		}
		got := pinsOf(defaults, held, "0.2.0").value
		// An empty chart or version holds nothing, and an empty tag means the API's.
		for _, key := range pinnedTags {
			if want[key] == "" {
				delete(want, key)
				delete(got, key)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		for key, v := range held {
			if key != provisioning && fmt.Sprint(v) != fmt.Sprint(values[key]) {
				t.Fatalf("seed %d: %s changed", seed, key)
			}
		}
	}
}
