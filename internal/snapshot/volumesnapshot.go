package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	snapshotGroup   = "snapshot.storage.k8s.io"
	snapshotVersion = "v1"
	defaultClass    = "snapshot.storage.kubernetes.io/is-default-class"
	// labelSnapshot marks, with the record's identifier, what a driver makes in a
	// cluster.
	labelSnapshot = "soctalk.io/snapshot"
	labelManager  = "app.kubernetes.io/managed-by"
	manager       = "soctalk"
)

var (
	volumeSnapshots = schema.GroupVersionResource{Group: snapshotGroup, Version: snapshotVersion, Resource: "volumesnapshots"}
	contents        = schema.GroupVersionResource{Group: snapshotGroup, Version: snapshotVersion, Resource: "volumesnapshotcontents"}
	snapshotClasses = schema.GroupVersionResource{Group: snapshotGroup, Version: snapshotVersion, Resource: "volumesnapshotclasses"}
)

// volumeSnapshot is what a VolumeSnapshot says of itself.
type volumeSnapshot struct {
	name, content, problem string
	ready, going           bool
	taken                  time.Time // zero where the driver does not say
	size                   int64
}

func readVolumeSnapshot(o *unstructured.Unstructured) volumeSnapshot {
	v := volumeSnapshot{name: o.GetName(), going: o.GetDeletionTimestamp() != nil}
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	v.ready, _, _ = unstructured.NestedBool(status, "readyToUse")
	v.content, _, _ = unstructured.NestedString(status, "boundVolumeSnapshotContentName")
	v.problem, _, _ = unstructured.NestedString(status, "error", "message")
	if at, _, _ := unstructured.NestedString(status, "creationTime"); at != "" {
		v.taken, _ = time.Parse(time.RFC3339, at)
	}
	if size, _, _ := unstructured.NestedString(status, "restoreSize"); size != "" {
		if q, err := resource.ParseQuantity(size); err == nil {
			v.size = q.Value()
		}
	}
	return v
}

// createVolumeSnapshot asks for the snapshot of one claim.
func createVolumeSnapshot(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, c plan.ClaimSnapshot) error {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"volumeSnapshotClassName": c.Class,
		"source":                  map[string]any{"persistentVolumeClaimName": c.Claim},
	}}}
	o.SetGroupVersionKind(volumeSnapshots.GroupVersion().WithKind("VolumeSnapshot"))
	o.SetName(c.Snapshot)
	o.SetLabels(map[string]string{labelSnapshot: s.ID, labelManager: manager})
	_, err := k.Dynamic().Resource(volumeSnapshots).Namespace(s.Namespace).Create(ctx, o, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create VolumeSnapshot %s/%s of claim %s: %w", s.Namespace, c.Snapshot, c.Claim, k.Explain(err))
	}
	return nil
}

// listVolumeSnapshots are those of a record, by name. Where the cluster knows no
// such kind there are none.
func listVolumeSnapshots(ctx context.Context, k *kube.Cluster, s *plan.Snapshot) (map[string]volumeSnapshot, error) {
	list, err := k.Dynamic().Resource(volumeSnapshots).Namespace(s.Namespace).List(ctx, madeFor(s))
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the VolumeSnapshots of snapshot %s in namespace %s: %w", s.ID, s.Namespace, k.Explain(err))
	}
	all := make(map[string]volumeSnapshot, len(list.Items))
	for i := range list.Items {
		v := readVolumeSnapshot(&list.Items[i])
		all[v.name] = v
	}
	return all, nil
}

// madeFor selects what was made for a snapshot.
func madeFor(s *plan.Snapshot) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: labelSnapshot + "=" + s.ID}
}

// classesOf are the VolumeSnapshotClasses of a cluster.
func classesOf(ctx context.Context, k *kube.Cluster) ([]plan.SnapshotClass, error) {
	list, err := k.Dynamic().Resource(snapshotClasses).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the VolumeSnapshotClasses: %w", k.Explain(err))
	}
	all := make([]plan.SnapshotClass, 0, len(list.Items))
	for _, o := range list.Items {
		driver, _, _ := unstructured.NestedString(o.Object, "driver")
		all = append(all, plan.SnapshotClass{Name: o.GetName(), Driver: driver, Default: o.GetAnnotations()[defaultClass] == "true"})
	}
	slices.SortFunc(all, func(a, b plan.SnapshotClass) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}
