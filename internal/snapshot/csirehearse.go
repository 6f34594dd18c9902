package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Rehearse implements Driver: a scratch claim beside each claim gets a volume
// from its snapshot, and goes again with it.
func (d *csi) Rehearse(ctx context.Context, s *plan.Snapshot, report apply.Report) (err error) {
	if err := d.Verify(ctx, s); err != nil {
		return err
	}
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	if err := removeScratch(ctx, k, s); err != nil { // of a rehearsal that was cut off
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		err = errors.Join(err, removeScratch(ctx, k, s))
	}()
	for i, c := range s.Claims {
		if err := rehearseClaim(ctx, k, s, c, fmt.Sprintf("soctalk-scratch-%s-%d", strings.ToLower(s.ID), i), report); err != nil {
			return fmt.Errorf("restore claim %s/%s into a scratch claim: %w", s.Namespace, c.Claim, err)
		}
	}
	return nil
}

func rehearseClaim(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, c plan.ClaimSnapshot, name string, report apply.Report) error {
	claim, err := claimFrom(s, c, name)
	if err != nil {
		return err
	}
	claim.Labels = map[string]string{labelSnapshot: s.ID, labelManager: manager}
	if err := createClaim(ctx, k, claim, c); err != nil {
		return err
	}
	if claim, err = untilBound(ctx, k, s.Namespace, name, c, report); err != nil {
		return err
	}
	if size := claim.Status.Capacity[corev1.ResourceStorage]; size.Value() < c.Size {
		return fmt.Errorf("its volume has %d bytes, fewer than the %d of the snapshot", size.Value(), c.Size)
	}
	return nil
}

// removeScratch deletes the scratch claims of a snapshot and their volumes.
func removeScratch(ctx context.Context, k *kube.Cluster, s *plan.Snapshot) error {
	claims := k.Typed().CoreV1().PersistentVolumeClaims(s.Namespace)
	list, err := claims.List(ctx, madeFor(s))
	if err != nil {
		return fmt.Errorf("list the scratch claims of snapshot %s in namespace %s: %w", s.ID, s.Namespace, k.Explain(err))
	}
	for _, c := range list.Items {
		if err := dropVolume(ctx, k, &c); err != nil {
			return err
		}
		if err := claims.Delete(ctx, c.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete scratch claim %s/%s: %w", c.Namespace, c.Name, k.Explain(err))
		}
	}
	if len(list.Items) == 0 {
		return nil
	}
	return untilGone(ctx, k, s, persistentVolumeClaims)
}

// dropVolume lets the volume of a scratch claim go with it, whatever its class
// says.
func dropVolume(ctx context.Context, k *kube.Cluster, c *corev1.PersistentVolumeClaim) error {
	if c.Spec.VolumeName == "" {
		return nil
	}
	err := patch(ctx, k, persistentVolumes, "", c.Spec.VolumeName, map[string]any{"spec": map[string]any{"persistentVolumeReclaimPolicy": string(corev1.PersistentVolumeReclaimDelete)}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("let PersistentVolume %s go with its scratch claim: %w", c.Spec.VolumeName, k.Explain(err))
	}
	return nil
}
