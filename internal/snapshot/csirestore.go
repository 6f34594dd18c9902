package snapshot

import (
	"context"
	"errors"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// annotationRestoring marks a claim that was made anew, with the snapshot,
	// until its restore is through.
	annotationRestoring = "soctalk.io/restoring"
	// labelAside marks a volume that was taken from its claim, with the snapshot;
	// annotationAsideOf says from which, annotationPolicy what becomes of it.
	labelAside        = "soctalk.io/set-aside-for"
	annotationAsideOf = "soctalk.io/set-aside-from"
	annotationPolicy  = "soctalk.io/reclaim-policy"
)

var (
	persistentVolumes      = corev1.SchemeGroupVersion.WithResource("persistentvolumes")
	persistentVolumeClaims = corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims")
)

// Restore implements Driver. A claim cannot be given another volume, so each is
// deleted and made again under its name, from its snapshot. The old volumes are
// kept until all new ones are there. What was done is marked on the claims and
// volumes, so that a restore that was cut off goes on from there.
func (d *csi) Restore(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	if err := d.Verify(ctx, s); err != nil {
		return err
	}
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	r := &restoration{k, s, report}
	if err := r.unused(ctx); err != nil {
		return err
	}
	for _, c := range s.Claims {
		if err := r.replace(ctx, c); err != nil {
			return r.keeping(err)
		}
	}
	if err := r.settle(ctx); err != nil {
		return r.keeping(err)
	}
	return r.unmark(ctx)
}

// settle waits for the volumes of all claims, and then lets go of the old ones.
func (r *restoration) settle(ctx context.Context) error {
	pending := map[string]bool{} // by namespace/claim
	for _, c := range r.s.Claims {
		_, err := untilBound(ctx, r.k, r.s.Namespace, c.Claim, c, r.report)
		switch {
		case errors.Is(err, errWaitsForPod):
			pending[r.s.Namespace+"/"+c.Claim] = true
		case err != nil:
			return err
		}
	}
	return r.releaseVolumes(ctx, pending)
}

// keeping says where the old volumes are when a restore ends early.
func (r *restoration) keeping(err error) error {
	return fmt.Errorf("%w; volumes set aside are kept: kubectl get pv -l %s=%s", err, labelAside, r.s.ID)
}

// restoration is one restore of a snapshot's claims.
type restoration struct {
	k      *kube.Cluster
	s      *plan.Snapshot
	report apply.Report
}

// unused makes sure that no pod has the claims any more: deleting a claim that
// is in use would wait for ever.
func (r *restoration) unused(ctx context.Context) error {
	ours := map[string]bool{}
	for _, c := range r.s.Claims {
		ours[c.Claim] = true
	}
	pods, err := r.k.Typed().CoreV1().Pods(r.s.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the pods of namespace %s: %w", r.s.Namespace, r.k.Explain(err))
	}
	for _, p := range pods.Items {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		for name := range mounted(p.Spec) {
			if ours[name] {
				return fmt.Errorf("claim %s/%s is still used by pod %s", r.s.Namespace, name, p.Name)
			}
		}
	}
	return nil
}

// replace makes a claim anew from its snapshot, unless that was done.
func (r *restoration) replace(ctx context.Context, c plan.ClaimSnapshot) error {
	claims := r.k.Typed().CoreV1().PersistentVolumeClaims(r.s.Namespace)
	old, err := claims.Get(ctx, c.Claim, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err): // cut off, or deleted since
	case err != nil:
		return fmt.Errorf("look at claim %s/%s: %w", r.s.Namespace, c.Claim, r.k.Explain(err))
	case old.Annotations[annotationRestoring] == r.s.ID && old.DeletionTimestamp == nil:
		return nil
	default:
		if err := r.vacate(ctx, old, old.Annotations[annotationRestoring] != ""); err != nil {
			return err
		}
	}
	claim, err := claimFrom(r.s, c, c.Claim)
	if err != nil {
		return err
	}
	withHelmMarks(claim, c)
	claim.Annotations[annotationRestoring] = r.s.ID
	return createClaim(ctx, r.k, claim, c)
}

// vacate deletes a claim that is made anew. Its volume is kept, unless an attempt
// that was cut off has made it: then there is nothing on it that was not restored.
func (r *restoration) vacate(ctx context.Context, old *corev1.PersistentVolumeClaim, ofAttempt bool) error {
	if old.Spec.VolumeName != "" && !ofAttempt {
		if err := r.setAside(ctx, old); err != nil {
			return err
		}
	}
	r.report.Status("replacing claim " + old.Name)
	return r.deleteClaim(ctx, old)
}

// setAside keeps a claim's volume from going with the claim.
func (r *restoration) setAside(ctx context.Context, old *corev1.PersistentVolumeClaim) error {
	pv, err := r.k.Typed().CoreV1().PersistentVolumes().Get(ctx, old.Spec.VolumeName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at PersistentVolume %s: %w", old.Spec.VolumeName, r.k.Explain(err))
	}
	if pv.Labels[labelAside] == r.s.ID {
		return nil
	}
	policy := string(pv.Spec.PersistentVolumeReclaimPolicy)
	if earlier := pv.Annotations[annotationPolicy]; earlier != "" {
		policy = earlier
	}
	err = patch(ctx, r.k, persistentVolumes, "", pv.Name, map[string]any{
		"metadata": map[string]any{
			"labels":      map[string]any{labelAside: r.s.ID},
			"annotations": map[string]any{annotationAsideOf: old.Namespace + "/" + old.Name, annotationPolicy: policy},
		},
		"spec": map[string]any{"persistentVolumeReclaimPolicy": string(corev1.PersistentVolumeReclaimRetain)},
	})
	if err != nil {
		return fmt.Errorf("keep PersistentVolume %s of claim %s/%s: %w", pv.Name, old.Namespace, old.Name, r.k.Explain(err))
	}
	return nil
}

func (r *restoration) deleteClaim(ctx context.Context, old *corev1.PersistentVolumeClaim) error {
	claims := r.k.Typed().CoreV1().PersistentVolumeClaims(old.Namespace)
	err := claims.Delete(ctx, old.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(old.UID))})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete claim %s/%s, to make it anew: %w", old.Namespace, old.Name, r.k.Explain(err))
	}
	err = wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		now, err := claims.Get(ctx, old.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, r.k.Explain(err)
		}
		if now.UID != old.UID {
			return false, errors.New("somebody else made it anew")
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("wait for claim %s/%s to go: %w", old.Namespace, old.Name, err)
	}
	return nil
}

// releaseVolumes lets go of the volumes set aside, as their claims would have.
// That of a claim which still waits for its pod stays.
func (r *restoration) releaseVolumes(ctx context.Context, pending map[string]bool) error {
	list, err := r.k.Typed().CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{LabelSelector: labelAside + "=" + r.s.ID})
	if err != nil {
		return fmt.Errorf("list the volumes set aside for snapshot %s: %w", r.s.ID, r.k.Explain(err))
	}
	for _, pv := range list.Items {
		if from := pv.Annotations[annotationAsideOf]; pending[from] {
			r.report.Log(fmt.Sprintf("claim %s gets its volume when its pod starts; PersistentVolume %s, which it had before, is kept: delete it once that is so", from, pv.Name))
			continue
		}
		fields := map[string]any{"metadata": map[string]any{
			"labels":      map[string]any{labelAside: nil},
			"annotations": map[string]any{annotationAsideOf: nil, annotationPolicy: nil},
		}}
		if policy := pv.Annotations[annotationPolicy]; policy != "" {
			fields["spec"] = map[string]any{"persistentVolumeReclaimPolicy": policy}
		}
		if err := patch(ctx, r.k, persistentVolumes, "", pv.Name, fields); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("let go of PersistentVolume %s, which was set aside: %w", pv.Name, r.k.Explain(err))
		}
	}
	return nil
}

// unmark says of the claims that they are through. One that loses its mark is
// restored anew if this is cut off and done again.
func (r *restoration) unmark(ctx context.Context) error {
	for _, c := range r.s.Claims {
		err := patch(ctx, r.k, persistentVolumeClaims, r.s.Namespace, c.Claim,
			map[string]any{"metadata": map[string]any{"annotations": map[string]any{annotationRestoring: nil}}})
		if err != nil {
			return fmt.Errorf("mark claim %s/%s as restored: %w", r.s.Namespace, c.Claim, r.k.Explain(err))
		}
	}
	return nil
}
