package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// claimFrom is a claim whose volume is made from a snapshot.
func claimFrom(s *plan.Snapshot, c plan.ClaimSnapshot, name string) (*corev1.PersistentVolumeClaim, error) {
	size, err := resource.ParseQuantity(c.Request)
	if err != nil {
		return nil, fmt.Errorf("the record of snapshot %s says that claim %s asks for %q: %w", s.ID, c.Claim, c.Request, err)
	}
	if size.Value() < c.Size {
		size = *resource.NewQuantity(c.Size, resource.BinarySI)
	}
	group := snapshotGroup
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name, Annotations: map[string]string{}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &c.StorageClass,
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
			DataSource:       &corev1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: c.Snapshot},
		},
	}
	for _, m := range c.AccessModes {
		claim.Spec.AccessModes = append(claim.Spec.AccessModes, corev1.PersistentVolumeAccessMode(m))
	}
	if c.VolumeMode != "" {
		claim.Spec.VolumeMode = (*corev1.PersistentVolumeMode)(&c.VolumeMode)
	}
	return claim, nil
}

// createClaim makes a claim. Where its storage class waits for a pod, its volume
// is asked for at once, on the node where the saved one was used. When that node
// is no more, it has to wait for its pod after all.
func createClaim(ctx context.Context, k *kube.Cluster, claim *corev1.PersistentVolumeClaim, c plan.ClaimSnapshot) error {
	node, err := nodeFor(ctx, k, c)
	if err != nil {
		return err
	}
	if node != "" {
		claim.Annotations[selectedNode] = node
	}
	_, err = k.Typed().CoreV1().PersistentVolumeClaims(claim.Namespace).Create(ctx, claim, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create claim %s/%s from VolumeSnapshot %s: %w", claim.Namespace, claim.Name, claim.Spec.DataSource.Name, k.Explain(err))
	}
	return nil
}

// nodeFor is the node that the volume of a claim is to be made for before there is
// a pod; empty where none has to be, or can be, named.
func nodeFor(ctx context.Context, k *kube.Cluster, c plan.ClaimSnapshot) (string, error) {
	waits, err := waitsForPod(ctx, k, c.StorageClass)
	if err != nil || !waits || c.Node == "" {
		return "", err
	}
	_, err = k.Typed().CoreV1().Nodes().Get(ctx, c.Node, metav1.GetOptions{})
	switch {
	case err == nil:
		return c.Node, nil
	case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		return "", nil
	}
	return "", fmt.Errorf("look at node %s, where claim %s had its volume: %w", c.Node, c.Claim, k.Explain(err))
}

// errWaitsForPod says that a claim gets its volume only with its pod.
var errWaitsForPod = errors.New("its volume is made once its pod starts")

// untilBound waits for a claim's volume, or returns [errWaitsForPod].
func untilBound(ctx context.Context, k *kube.Cluster, namespace, name string, c plan.ClaimSnapshot, report apply.Report) (*corev1.PersistentVolumeClaim, error) {
	waits, err := waitsForPod(ctx, k, c.StorageClass)
	if err != nil {
		return nil, err
	}
	var claim *corev1.PersistentVolumeClaim
	warning := ""
	err = wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		var err error
		if claim, err = k.Typed().CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return false, k.Explain(err)
		}
		if claim.Status.Phase == corev1.ClaimBound {
			return true, nil
		}
		if waits && claim.Annotations[selectedNode] == "" {
			return false, errWaitsForPod
		}
		warning = lastWarning(ctx, k, claim)
		report.Status(fmt.Sprintf("waiting for the volume of claim %s %s", name, warning))
		return false, nil
	})
	switch {
	case err == nil || errors.Is(err, errWaitsForPod):
		return claim, err
	case warning != "":
		return nil, fmt.Errorf("wait for the volume of claim %s/%s: %w: %s", namespace, name, err, warning)
	}
	return nil, fmt.Errorf("wait for the volume of claim %s/%s: %w", namespace, name, err)
}

// lastWarning is what was last reported of a claim, or empty.
func lastWarning(ctx context.Context, k *kube.Cluster, claim *corev1.PersistentVolumeClaim) string {
	of := fields.Set{"involvedObject.uid": string(claim.UID), "type": corev1.EventTypeWarning}
	events, err := k.Typed().CoreV1().Events(claim.Namespace).List(ctx, metav1.ListOptions{FieldSelector: of.String()})
	if err != nil || len(events.Items) == 0 {
		return ""
	}
	last := events.Items[0]
	for _, e := range events.Items[1:] {
		if last.LastTimestamp.Before(&e.LastTimestamp) {
			last = e
		}
	}
	return "(" + last.Message + ")"
}

// withHelmMarks gives a claim the labels and annotations that the saved one had.
func withHelmMarks(claim *corev1.PersistentVolumeClaim, c plan.ClaimSnapshot) {
	claim.Labels = maps.Clone(c.Labels)
	maps.Copy(claim.Annotations, c.Annotations)
}

// patch merges fields into an object.
func patch(ctx context.Context, k *kube.Cluster, r schema.GroupVersionResource, namespace, name string, fields map[string]any) error {
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	_, err = k.Dynamic().Resource(r).Namespace(namespace).Patch(ctx, name, types.MergePatchType, data, metav1.PatchOptions{})
	return err
}
