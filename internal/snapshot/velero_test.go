package snapshot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/internal/sandbox/velerotest"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// newVelero is a release with volumes, in a cluster with Velero.
func newVelero(t *testing.T) *volumes {
	t.Helper()
	v := newVolumes(t)
	velerotest.Start(t)
	v.driver = &velero{v.fleet(t, sandboxtest.Cluster(t).Kubeconfig)}
	v.record.Run, v.record.Step = "20260101-000000-00000000", "tenant.acme/0/snapshot/volumes"
	return v
}

// behaves has Velero do otherwise than succeed for the namespace; empty ends that.
func (v *volumes) behaves(t *testing.T, how string) {
	t.Helper()
	data := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, velerotest.Behaves, how)
	if _, err := v.client.CoreV1().Namespaces().Patch(t.Context(), v.namespace, types.MergePatchType, []byte(data), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestVeleroThereAndBack(t *testing.T) {
	t.Parallel()
	v := newVelero(t)
	if err := v.takeAs(t, &schema.Snapshot{Name: "volumes", Driver: "velero"}, within); err != nil {
		t.Fatal(err)
	}
	k := v.driver.(*velero).fleet.Clusters["main"]
	backups := k.Dynamic().Resource(veleroBackups).Namespace(velerotest.Namespace)
	name := "soctalk-" + strings.ToLower(v.record.ID)
	o, err := backups.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(v.record.Backup, len(v.record.Claims), o.Object["spec"], o.GetLabels()["soctalk.io/run"], o.GetLabels()["soctalk.io/snapshot"], o.GetAnnotations()["soctalk.io/step"])
	want := fmt.Sprint("velero/"+name, 2, map[string]any{
		"includedNamespaces": []any{v.namespace}, "storageLocation": "default", "snapshotVolumes": true, "defaultVolumesToFsBackup": false, "ttl": backupLife,
	}, v.record.Run, v.record.ID, v.record.Step)
	if got != want || v.record.Taken == nil {
		t.Errorf("taken at %v is %s, want %s", v.record.Taken, got, want)
	}
	writers, err := v.driver.Writers(t.Context(), v.record)
	if want := (plan.Scaled{Kind: "StatefulSet", Namespace: v.namespace, Name: "db", Replicas: 2}); err != nil || len(writers) != 1 || writers[0] != want {
		t.Errorf("writers are %v, %v", writers, err)
	}
	if err := v.driver.Rehearse(t.Context(), v.record, quiet()); err != nil {
		t.Errorf("rehearse: %v", err)
	}
	if _, err := v.client.CoreV1().Namespaces().Get(t.Context(), scratchNamespace(v.record), metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the scratch namespace is still there: %v", err)
	}
	v.write(t, "after")
	before := v.bound(t)

	if err := v.driver.Restore(t.Context(), v.record, quiet()); err == nil || !strings.Contains(err.Error(), "still used by pod db-") {
		t.Errorf("restored under a running pod: %v", err)
	}
	v.scale(t, 0)
	v.behaves(t, velerotest.RestoreFails)
	if err := v.driver.Restore(t.Context(), v.record, quiet()); err == nil || !strings.Contains(err.Error(), "is PartiallyFailed: 1 errors") || !strings.Contains(err.Error(), "kubectl get pv -l") {
		t.Errorf("Velero failed, and the restore says %v", err)
	}
	if n := v.aside(t); n != 2 {
		t.Errorf("%d volumes are set aside after a failed restore, want 2", n)
	}
	v.behaves(t, "")
	if err := v.driver.Restore(t.Context(), v.record, quiet()); err != nil {
		t.Fatal(err)
	}
	v.scale(t, 2)
	if got, want := v.read(t), "after on others, before on data-db-0, before on data-db-1"; got != want {
		t.Errorf("the volumes hold %q, want %q", got, want)
	}
	after := v.bound(t)
	for name := range before {
		if same := before[name].UID == after[name].UID; same != (name == "others") {
			t.Errorf("claim %s is the same one: %t", name, same)
		}
	}
	if n := v.aside(t); n != 0 {
		t.Errorf("%d volumes are set aside", n)
	}
	for _, name := range []string{"data-db-0", "data-db-1"} {
		v.gone(t, before[name].Spec.VolumeName)
	}
	if err := v.driver.Delete(t.Context(), v.record); err != nil {
		t.Fatal(err)
	}
	if err := v.driver.Verify(t.Context(), v.record); err == nil || !strings.HasSuffix(err.Error(), "is gone") {
		t.Errorf("a deleted snapshot verifies: %v", err)
	}
	if err := v.driver.Delete(t.Context(), v.record); err != nil {
		t.Errorf("deleted again: %v", err)
	}
}

func TestVeleroRestoreGoesOn(t *testing.T) {
	t.Parallel()
	v := newVelero(t)
	if err := v.takeAs(t, &schema.Snapshot{Name: "volumes", Driver: "velero"}, within); err != nil {
		t.Fatal(err)
	}
	v.scale(t, 0)
	cut := v.cutRestores(t, func(kubeconfig string) Driver { return &velero{v.fleet(t, kubeconfig)} })
	// Two claims: set aside, deleted, let go of; one Restore: made, marked.
	if cut < 8 {
		t.Errorf("a restore makes %d writes, want 8 at least", cut)
	}
}

// TestVeleroFails lets Velero come to each end that is no good one. Nothing of it
// is left.
func TestVeleroFails(t *testing.T) {
	t.Parallel()
	v := newVelero(t)
	for how, want := range map[string]string{
		velerotest.BackupFails:  "is Failed: the bucket is full",
		velerotest.PartlyFails:  "is PartiallyFailed: 2 errors",
		velerotest.Invalid:      "is FailedValidation: the storage location is none of mine",
		velerotest.SkipsVolumes: "Velero has saved 0 of 3 volumes",
		velerotest.CopiesFiles:  "as a copy of its files",
		velerotest.NeverBegins:  "Velero has not begun",
	} {
		v.behaves(t, how)
		v.record.ID = newID()
		limit := within
		if how == velerotest.NeverBegins {
			limit = 2 * readyEvery
		}
		if err := v.takeAs(t, &schema.Snapshot{Name: "volumes", Driver: "velero"}, limit); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", how, err, want)
		}
		if err := v.driver.Delete(t.Context(), v.record); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		if err := v.driver.Verify(t.Context(), v.record); err == nil || !strings.HasSuffix(err.Error(), "is gone") {
			t.Errorf("%s: the Backup is still there: %v", how, err)
		}
	}
}

// TestVeleroWithoutPlace names locations that no backup can be put into: that is
// known before any is made.
func TestVeleroWithoutPlace(t *testing.T) {
	t.Parallel()
	v := newVelero(t)
	for name, want := range map[string]string{
		velerotest.ReadOnly:    "BackupStorageLocation read-only is read-only",
		velerotest.Unavailable: "BackupStorageLocation unavailable cannot be used: the bucket does not answer",
		"elsewhere":            "Velero has no BackupStorageLocation elsewhere",
	} {
		config := &schema.Snapshot{Name: "volumes", Driver: "velero", Location: name, Timeout: time.Minute}
		if err := v.driver.Check(t.Context(), config, v.record); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("location %s: %v, want %s", name, err, want)
		}
		v.files.Tenants[0].Snapshots = []*schema.Snapshot{config}
		doc := &plan.Document{
			Releases: []plan.Release{{Address: "tenant.acme", Cluster: "main", Namespace: v.namespace, Name: "acme"}},
			Steps:    []plan.Step{{ID: v.record.Step, Kind: plan.StepSnapshot, Address: "tenant.acme", Snapshot: "volumes", Driver: "velero"}},
		}
		if err := v.driver.(*velero).fleet.Ready(t.Context(), doc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a plan with location %s is ready: %v, want %s", name, err, want)
		}
	}
}
