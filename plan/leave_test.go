package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

// leaves puts a removed block into the fleet, and its tenant on the cluster.
func (w *world) leaves(slug, cluster string, names ...string) *schema.Removed {
	r := &schema.Removed{
		From: "tenant." + slug, Slug: slug, Destroy: true, Namespace: "tenant-" + slug, Name: "tenant-" + slug,
		Source: schema.Source{Block: line("removed", 20)},
	}
	w.fleet.Removed = append(w.fleet.Removed, r)
	for _, name := range names {
		w.live.Releases[ReleaseKey{cluster, r.Namespace, name}] = &Live{
			Revision: 2, Status: "deployed", Version: semver.MustParse("0.1.9"), Chart: "soctalk-tenant", Digest: "body-" + name,
		}
	}
	return r
}

func TestRemovedTenantsGoFirst(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	w.tenant("acme", "0.2.0", "0.2.1")
	// Beside the new system it would be forbidden: it has no say any more.
	system, _ := semver.NewConstraint("0.2.1")
	tenant, _ := semver.NewConstraint("<0.2.0")
	w.fleet.Compatibility.Rules = []schema.Rule{{System: system, Tenant: tenant, Status: schema.Blocked}}
	w.leaves("beta", schema.DefaultCluster, "tenant-beta", "wazuh-beta", "monitoring")
	w.leaves("gamma", schema.DefaultCluster, "tenant-gamma")
	doc := w.plan()
	want := []string{
		"tenant.beta/0/uninstall ← ",
		"tenant.beta.companion.wazuh/0/uninstall ← tenant.beta/0/uninstall",
		"tenant.gamma/0/uninstall ← ",
		"system/0/upgrade ← tenant.beta.companion.wazuh/0/uninstall,tenant.gamma/0/uninstall",
		"wave.rest/0/gate ← system/0/upgrade",
		"tenant.acme/0/upgrade ← wave.rest/0/gate", "tenant.acme/0/verify ← tenant.acme/0/upgrade",
	}
	if diff := cmp.Diff(want, stepIDs(doc)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if !doc.Applyable || doc.Summary != (Summary{Upgrade: 2, Uninstall: 3}) {
		t.Errorf("applyable %v, %+v, %+v", doc.Applyable, doc.Summary, doc.Diagnostics)
	}
	if n := doc.NoReturn; n == nil || n.Step != "tenant.beta/0/uninstall" || !strings.Contains(n.Why, "installing it anew") {
		t.Errorf("point of no return %+v", n)
	}
	points := []string{}
	for _, p := range doc.RollbackPoints {
		points = append(points, p.ID+" after "+p.After)
	}
	if want := []string{"system/0 after system/0/upgrade"}; !slices.Equal(points, want) {
		t.Errorf("rollback points %v, want %v", points, want)
	}
}

func TestUninstallSaysWhatStays(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.1", "0.2.1")
	w.leaves("beta", schema.DefaultCluster, "tenant-beta")
	object := func(kind, name string, spec, annotations map[string]any) Object {
		return Object{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name, "annotations": annotations}, "spec": spec}
	}
	w.before["tenant.beta"] = []Object{
		object("StatefulSet", "beta-indexer", nil, nil),
		object("StatefulSet", "beta-cache", map[string]any{"persistentVolumeClaimRetentionPolicy": map[string]any{"whenDeleted": "Delete"}}, nil),
		object("PersistentVolumeClaim", "archive", nil, nil),
		object("ConfigMap", "keepsake", nil, map[string]any{"helm.sh/resource-policy": "keep"}),
	}
	doc := w.plan()
	want := []string{
		"the release goes with its history: only installing it anew brings it back",
		"ConfigMap keepsake stays: the chart marks it to be kept",
		"PersistentVolumeClaim archive is the chart's own and goes, and with it the data, unless its volume's reclaim policy is Retain",
		"the volume claims of StatefulSet <slug>-cache go with it, and with them the data",
		"the volume claims of StatefulSet <slug>-indexer stay, with their data",
		"the namespace stays, and in it whatever is not Helm's",
	}
	if diff := cmp.Diff(want, doc.Classes[0].Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	for _, o := range doc.Classes[0].Diff {
		if o.Action != Delete || o.Name == "keepsake" {
			t.Errorf("diff of %s %s: %s", o.Kind, o.Name, o.Action)
		}
	}
}

func TestRemovedIsRefused(t *testing.T) {
	t.Parallel()
	beta := ReleaseKey{schema.DefaultCluster, "tenant-beta", "tenant-beta"}
	for name, test := range map[string]struct {
		change  func(*world)
		summary string
	}{
		"on two clusters": {func(w *world) {
			w.live.Releases[ReleaseKey{"other", "tenant-beta", "tenant-beta"}] = w.live.Releases[beta]
		}, "Removed tenant is on several clusters"},
		"pending":         {func(w *world) { w.live.Releases[beta].Status = "pending-upgrade" }, "Release is in the middle of another operation"},
		"of another tool": {func(w *world) { w.live.Owners = map[ReleaseKey]string{beta: "Flux HelmRelease flux-system/beta"} }, "Release belongs to another tool"},
		"cannot be read": {func(w *world) {
			delete(w.live.Releases, beta)
			w.live.Problems = map[ReleaseKey]string{beta: "corrupt"}
		}, "Release cannot be read"},
		"half uninstalled": {func(w *world) { w.live.Releases[beta].Status = "uninstalling" }, ""},
		"failed":           {func(w *world) { w.live.Releases[beta].Status = "failed" }, ""},
		"gone already":     {func(w *world) { delete(w.live.Releases, beta) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("0.2.1", "0.2.1")
			w.leaves("beta", schema.DefaultCluster, "tenant-beta")
			test.change(w)
			if got := strings.Join(w.plan().errorSummaries(), ", "); got != test.summary {
				t.Errorf("errors %q, want %q", got, test.summary)
			}
		})
	}
}

// A new address that asks for another release would leave the old one behind.
func TestMovedTenantKeepsItsRelease(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.1", "0.2.1")
	w.tenant("new", "", "0.2.1")
	w.live.Unmanaged = []ReleaseKey{{schema.DefaultCluster, "tenant-old", "tenant-old"}}
	w.fleet.Moved = []*schema.Moved{{From: "tenant.old", To: "tenant.new"}}
	if got := w.plan().errorSummaries(); !slices.Equal(got, []string{"Moved tenant would be another one"}) {
		t.Errorf("errors %v", got)
	}
	w.live.Unmanaged = nil
	if doc := w.plan(); len(doc.errorSummaries()) > 0 || doc.Summary.Install != 1 {
		t.Errorf("errors %v, %+v", doc.errorSummaries(), doc.Summary)
	}
}
