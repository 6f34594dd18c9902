package plan

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

// What the files accept is planned, and still said.
func TestAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	system := &w.fleet.System.Release
	system.Accept = schema.Acceptance{"remove:StatefulSet/d*", "owner:flux", "no-snapshot"}
	w.live.Owners = map[ReleaseKey]string{KeyOf(system): "Flux HelmRelease flux-system/soctalk"}
	w.before["system"] = append(w.before["system"], Object{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": map[string]any{"name": "db"}})
	doc := w.plan()
	if !doc.Applyable || doc.Releases[0].Owner == "" || doc.Releases[0].Reversibility != RestoreRequired {
		t.Errorf("applyable %v, %+v", doc.Applyable, doc.Releases[0])
	}
	if len(doc.Diagnostics) != 1 || doc.Diagnostics[0].Summary != "Accepts nothing" || !strings.Contains(doc.Diagnostics[0].Detail, `"no-snapshot"`) {
		t.Errorf("diagnostics %+v", doc.Diagnostics)
	}
}

// What is not accepted is not said to be.
func TestNotAccepted(t *testing.T) {
	t.Parallel()
	for _, accepted := range []bool{false, true} {
		w := newWorld("0.2.0", "0.2.1")
		system := &w.fleet.System.Release
		if accepted {
			system.Accept = schema.Acceptance{"remove:StatefulSet/db"}
		}
		w.before["system"] = append(w.before["system"], Object{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": map[string]any{"name": "db"}})
		doc := w.plan()
		data, err := json.Marshal(doc.Classes)
		if err != nil {
			t.Fatal(err)
		}
		if doc.Applyable != accepted || strings.Contains(string(data), "as accepted") != accepted || !strings.Contains(string(data), "StatefulSet db is removed") {
			t.Errorf("accepted %v, applyable %v: %s", accepted, doc.Applyable, data)
		}
	}
}

func TestNoChanges(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.1", "0.2.1")
	w.tenant("acme", "0.2.1", "0.2.1")
	doc := w.plan()
	if doc.Summary != (Summary{Unchanged: 2}) || len(doc.Steps) != 0 || doc.Applyable || !doc.Complete {
		t.Errorf("summary %+v, steps %v, applyable %v, complete %v", doc.Summary, stepIDs(doc), doc.Applyable, doc.Complete)
	}
}

func TestUpgradeInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	w.wanted["system"].Chart.Templates["templates/jobs/alembic-upgrade.yaml"] = true
	w.tenant("acme", "0.2.0", "0.2.1")
	w.tenant("beta", "0.2.0", "0.2.1")
	w.tenant("new", "", "0.2.1")
	doc := w.plan()
	want := []string{
		"system/0/migrate ← ",
		"system/0/upgrade ← system/0/migrate",
		"wave.rest/0/gate ← system/0/upgrade",
		"tenant.acme/0/upgrade ← wave.rest/0/gate", "tenant.acme/0/verify ← tenant.acme/0/upgrade",
		"tenant.beta/0/upgrade ← wave.rest/0/gate", "tenant.beta/0/verify ← tenant.beta/0/upgrade",
		"tenant.new/0/install ← wave.rest/0/gate", "tenant.new/0/verify ← tenant.new/0/install",
	}
	if diff := cmp.Diff(want, stepIDs(doc)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if doc.Summary != (Summary{Install: 1, Upgrade: 3}) || !doc.Applyable {
		t.Errorf("summary %+v, applyable %v, %v", doc.Summary, doc.Applyable, doc.Diagnostics)
	}
}

func TestEqualTransitionsAreOneClass(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.1", "0.2.1")
	for _, slug := range []string{"acme", "beta", "gamma"} {
		w.tenant(slug, "0.2.0", "0.2.1")
	}
	odd := w.tenant("odd", "0.2.0", "0.2.1")
	w.rendered[odd.Address].Objects[0]["spec"].(map[string]any)["replicas"] = int64(3)
	w.rendered[odd.Address].Again = w.rendered[odd.Address].Objects
	doc := w.plan()
	var got []string
	for _, c := range doc.Classes {
		data, _ := json.Marshal(c.Diff)
		got = append(got, c.ID, string(rune('0'+c.Count)), string(data))
	}
	want := []string{
		"A", "3", `[{"kind":"Deployment","namespace":"tenant-\u003cslug\u003e","name":"tenant-\u003cslug\u003e","action":"change","paths":["spec.template.spec.containers[api].image"],"fields":[{"path":"spec.template.spec.containers[api].image","before":"\"soctalk/api:0.2.0\"","after":"\"soctalk/api:0.2.1\""}]}]`,
		"B", "1", `[{"kind":"Deployment","namespace":"tenant-\u003cslug\u003e","name":"tenant-\u003cslug\u003e","action":"change","paths":["spec.replicas","spec.template.spec.containers[api].image"],"fields":[{"path":"spec.replicas","after":"3"},{"path":"spec.template.spec.containers[api].image","before":"\"soctalk/api:0.2.0\"","after":"\"soctalk/api:0.2.1\""}]}]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
}

// The order of objects must not depend on where a tenant's name sorts.
func TestClassesDoNotDependOnHowNamesSort(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.1", "0.2.1")
	for _, slug := range []string{"aaa", "zzz"} {
		r := &w.tenant(slug, "", "0.2.1").Release
		o := []Object{deployment("tenant-config", r.Namespace, "x"), deployment(r.Name, r.Namespace, "x")}
		w.rendered[r.Address] = &Rendered{Objects: o}
	}
	if doc := w.plan(); len(doc.Classes) != 1 {
		t.Errorf("%d classes, want 1: %+v", len(doc.Classes), doc.Classes)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make func() *world
		want string
		says string
	}{
		"downgrade": {func() *world { return newWorld("0.2.1", "0.2.0") }, "Downgrade refused", "soctalk rollback"},
		"tenant ahead": {func() *world {
			w := newWorld("0.2.0", "0.2.0")
			w.tenant("acme", "0.2.0", "0.2.1")
			return w
		}, noPath, "There is a path with tenant.acme at 0.2.0 instead of 0.2.1."},
		"skew forbidden on the way": {func() *world {
			w := newWorld("0.1.0", "0.3.0")
			w.tenant("acme", "0.1.0", "0.3.0")
			w.fleet.Compatibility.Matrix = []schema.Pair{{System: semver.MustParse("0.3.0"), Tenant: semver.MustParse("0.1.0"), Status: schema.Blocked, Source: schema.Source{Block: line("pair", 5)}}}
			return w
		}, noPath, "No system 0.3.0 with tenant 0.1.0: listed as blocked in the matrix. (fleet.hcl line 5)"},
		"pending": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			w.live.Releases[KeyOf(&w.fleet.System.Release)].Status = "pending-upgrade"
			return w
		}, "Release is in the middle of another operation", "helm rollback soctalk-system"},
		"pending by a run": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			live := w.live.Releases[KeyOf(&w.fleet.System.Release)]
			live.Status, live.Run = "pending-upgrade", "20261122-141500-0a1b2c3d"
			return w
		}, "Release is in the middle of another operation", "soctalk apply -resume=20261122-141500-0a1b2c3d"},
		"image pinned at the old version": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			w.live.Releases[KeyOf(&w.fleet.System.Release)].AppVersion = "0.2.0"
			w.wanted["system"].Chart.AppVersion = "0.2.1"
			w.wanted["system"].Values = map[string]any{"image": map[string]any{"tag": "0.2.0"}}
			w.rendered["system"] = &Rendered{Objects: objects(&w.fleet.System.Release, "0.2.0")}
			return w
		}, "Image pinned at the old version", "hold soctalk/api:0.2.0 at 0.2.0: image.tag."},
		"another chart": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			w.live.Releases[KeyOf(&w.fleet.System.Release)].Chart = "nginx"
			return w
		}, "Release runs another chart", `live is chart "nginx"`},
		"belongs to another tool": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			w.live.Owners = map[ReleaseKey]string{KeyOf(&w.fleet.System.Release): "Flux HelmRelease flux-system/soctalk"}
			return w
		}, "Release belongs to another tool", `accept = ["owner:flux"]`},
		"removes a StatefulSet": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			w.before["system"] = append(w.before["system"], Object{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": map[string]any{"name": "db"}})
			return w
		}, "StatefulSet would be removed", `accept = ["remove:StatefulSet/db"]`},
		"breaking without a snapshot": {func() *world {
			w := newWorld("0.2.1", "0.2.1")
			w.tenant("acme", "0.2.0", "0.2.1").Window = "night"
			w.fleet.Facts = []*schema.Facts{{Component: schema.ComponentTenant, Version: semver.MustParse("0.2.1"), Breaking: []string{"the indexes move"}}}
			return w
		}, "Breaking release without snapshot", `accept = ["no-snapshot"]`},
		"breaking outside of a window": {func() *world {
			w := newWorld("0.2.1", "0.2.1")
			w.tenant("acme", "0.2.0", "0.2.1").Accept = schema.Acceptance{"no-snapshot"}
			w.fleet.Facts = []*schema.Facts{{Component: schema.ComponentTenant, Version: semver.MustParse("0.2.1"), Breaking: []string{"the indexes move"}}}
			return w
		}, "Breaking release without window", "Set window."},
		"turn longer than its window": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			w.tenant("acme", "0.2.0", "0.2.1").Window = "night"
			w.fleet.Windows = map[string]*schema.Window{"night": {Name: "night", Days: []time.Weekday{time.Sunday}, Duration: 30 * time.Second, Location: time.UTC}}
			return w
		}, "Turn does not fit its window", "tenant.acme may take 1m0s by its timeouts, and window night is open for 30s"},
		"reminted secret": {func() *world {
			w := newWorld("0.2.0", "0.2.1")
			r := &w.fleet.System.Release
			w.before[r.Address] = []Object{secret("key", r.Namespace, map[string]any{"k": "b2xk"})}
			w.rendered["system"] = &Rendered{Objects: []Object{secret("key", r.Namespace, map[string]any{"k": "YQ=="})}, Again: []Object{secret("key", r.Namespace, map[string]any{"k": "Yg=="})}}
			return w
		}, "Generated Secret would be minted anew", "Secret key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := tt.make().plan()
			if !slices.Contains(doc.errorSummaries(), tt.want) {
				t.Fatalf("errors %q, want %q", doc.errorSummaries(), tt.want)
			}
			if doc.Applyable {
				t.Error("the plan says that it can be applied")
			}
			if text := doc.Diagnostics[0].Detail; !strings.Contains(text, tt.says) {
				t.Errorf("the first diagnostic does not say %q: %s", tt.says, text)
			}
		})
	}
}

func TestProblemsLeaveTheRestPlanned(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	w.tenant("acme", "0.2.0", "0.2.1")
	w.tenant("beta", "0.2.0", "0.2.1")
	beta := At{Address: "tenant.beta", Version: "0.2.1"}
	delete(w.catalog.Wanted, beta)
	w.catalog.Problems[beta] = Problem{Summary: "Chart not found", Detail: "nowhere"}
	doc := w.plan()
	if doc.Complete || doc.Applyable || doc.Summary.Upgrade != 2 {
		t.Errorf("complete %v, applyable %v, %+v", doc.Complete, doc.Applyable, doc.Summary)
	}
}

// A version whose chart is not there has no path to it either: that is not said
// as well.
func TestMissingChartIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{"newer": "0.9.0", "older": "0.1.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("0.2.0", to)
			w.tenant("acme", "0.2.0", to)
			for _, address := range []string{"system", "tenant.acme"} {
				at := At{Address: address, Version: to}
				delete(w.catalog.Wanted, at)
				w.catalog.Problems[at] = Problem{Summary: "Chart not found", Detail: "nowhere"}
			}
			doc := w.plan()
			if len(doc.Diagnostics) != 2 || doc.Complete || doc.Applyable {
				t.Errorf("complete %v, applyable %v, %+v", doc.Complete, doc.Applyable, doc.Diagnostics)
			}
		})
	}
}

func TestDeprecatedPairWarns(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	w.tenant("acme", "0.1.9", "0.2.1")
	w.fleet.Compatibility.Matrix = []schema.Pair{{System: semver.MustParse("0.2.1"), Tenant: semver.MustParse("0.1.9"), Status: schema.Deprecated, Notes: "for a day", Source: schema.Source{Block: line("pair", 5)}}}
	doc := w.plan()
	if len(doc.Diagnostics) != 1 || doc.Diagnostics[0].Severity != Warning || doc.Diagnostics[0].Range.Start.Line != 5 || !doc.Applyable {
		t.Errorf("diagnostics %+v, applyable %v", doc.Diagnostics, doc.Applyable)
	}
}

// A canary in every place where a secret can be must not come out anywhere.
func TestNothingSecretLeaves(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry"
	w := newWorld("0.2.0", "0.2.1")
	r := &w.fleet.System.Release
	w.fleet.Inputs["secrets.yaml"] = []byte(canary)
	w.fleet.Sensitive = []string{canary + "-sensitive"}
	w.wanted["system"].Values = map[string]any{"llm": map[string]any{"key": canary + "-value"}}
	live := w.live.Releases[KeyOf(r)]
	live.Values = map[string]any{"llm": map[string]any{"key": canary + "-old"}}
	encoded := base64.StdEncoding.EncodeToString([]byte(canary + "-data"))
	with := func(extra string, data string) []Object {
		d := deployment("api", r.Namespace, "soctalk/api:"+extra)
		template := d["spec"].(map[string]any)["template"].(map[string]any)
		template["metadata"] = map[string]any{"annotations": map[string]any{"checksum/secret": canary + extra}}
		container := template["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		container["env"] = []any{
			map[string]any{"name": "KEY", "value": "prefix " + canary + "-value " + extra},
			map[string]any{"name": "OLD", "value": canary + "-old" + extra},
			map[string]any{"name": "SENSITIVE", "value": canary + "-sensitive" + extra},
			map[string]any{"name": "URL", "value": "postgres://u:" + canary + "-data@db/" + extra},
		}
		container["args"] = []any{canary + "-value", extra}
		s := secret("creds", r.Namespace, map[string]any{"k": data})
		s["stringData"] = map[string]any{"plain": canary + extra}
		return []Object{d, s}
	}
	w.before[r.Address] = with("0.2.0", encoded)
	w.rendered["system"] = &Rendered{Objects: with("0.2.1", encoded+"x"), Again: with("0.2.1", encoded+"x")}
	data, err := json.Marshal(w.plan())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{canary, encoded} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the plan holds %q:\n%s", secret, data)
		}
	}
	if !strings.Contains(string(data), `soctalk/api:0.2.1`) || !strings.Contains(string(data), "env[URL].value") {
		t.Errorf("the plan does not tell which image comes and which fields change:\n%s", data)
	}
}

// A failed revision is upgraded again, and is nothing to go back to.
func TestFailedRevision(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.1", "0.2.1")
	w.live.Releases[KeyOf(&w.fleet.System.Release)].Status = "failed"
	doc := w.plan()
	if r := doc.Releases[0]; r.Action != Upgrade || r.Reversibility != ForwardOnly {
		t.Errorf("action %s, %s", r.Action, r.Reversibility)
	}
}

func TestImagesThatDoNotFollowTheChartMayBePinned(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	w.live.Releases[KeyOf(&w.fleet.System.Release)].AppVersion = "0.2.0"
	w.wanted["system"].Chart.AppVersion = "0.2.1"
	w.wanted["system"].Values = map[string]any{"postgres": map[string]any{"image": "postgres:16"}}
	w.rendered["system"] = &Rendered{Objects: []Object{deployment("db", "n", "postgres:16")}}
	if doc := w.plan(); !doc.Applyable {
		t.Errorf("refused: %v", doc.errorSummaries())
	}
}

// Versions stand in every plan; that somebody also wrote one into the values
// does not make it a secret.
func TestVersionsInValuesAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	r := &w.fleet.System.Release
	w.wanted["system"].Values = map[string]any{"tag": "0.2.1"}
	w.live.Releases[KeyOf(r)].Values = map[string]any{"tag": "0.2.0"}
	config := func(tag string) []Object {
		return []Object{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "c"}, "data": map[string]any{"TAG": tag}}}
	}
	w.before[r.Address] = config("0.2.0")
	w.rendered["system"] = &Rendered{Objects: config("0.2.1")}
	want := []FieldDiff{{Path: "data.TAG", Before: `"0.2.0"`, After: `"0.2.1"`}}
	if diff := cmp.Diff(want, w.plan().Classes[0].Diff[0].Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestUnstableIsNoChange(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.1", "0.2.1")
	r := &w.fleet.System.Release
	w.live.Releases[KeyOf(r)].ChartDigest = "" // installed by hand: manifests are compared
	annotated := func(random string) []Object {
		d := deployment("api", r.Namespace, "soctalk/api:0.2.1")
		d["metadata"].(map[string]any)["annotations"] = map[string]any{"roll": random}
		return []Object{d}
	}
	w.before[r.Address] = annotated("one")
	w.rendered["system"] = &Rendered{Objects: annotated("two"), Again: annotated("three")}
	if doc := w.plan(); doc.Summary.Unchanged != 1 {
		t.Errorf("summary %+v, classes %+v", doc.Summary, doc.Classes)
	}
}

func TestKeyedDigestsDependOnTheKey(t *testing.T) {
	t.Parallel()
	a, err := NewKey([]byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewKey([]byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Bytes("d", []byte("x")) == b.Bytes("d", []byte("x")) || a.Bytes("d", []byte("x"), []byte("y")) == a.Bytes("d", []byte("xy")) {
		t.Error("digests collide")
	}
}

func TestReplaceToken(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"wazuh-acme-wazuh-manager": "wazuh-<slug>-wazuh-manager",
		"acme":                     "<slug>",
		"acmeco":                   "acmeco",
		"xacme acme.svc":           "xacme <slug>.svc",
	} {
		if got := replaceToken(in, "acme", "<slug>"); got != want {
			t.Errorf("replaceToken(%q) = %q, want %q", in, got, want)
		}
	}
}
