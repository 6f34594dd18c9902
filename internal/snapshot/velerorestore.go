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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// labelRestore says how far a Restore is: under way, given up, or through.
	labelRestore  = "soctalk.io/restore"
	restoreOpen   = "open"
	restoreFailed = "failed"
	restoreDone   = "done"
)

// Restore implements Driver. Velero leaves alone what is there, so the claims are
// deleted first and Velero makes them anew, with their volumes. The old volumes
// are kept until all new ones are there. One that was cut off is gone on with.
func (d *velero) Restore(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	if err := d.Verify(ctx, s); err != nil {
		return err
	}
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	r := &veleroRestore{restoration{k, s, report}}
	name, err := r.attempt(ctx)
	if err != nil {
		return err
	}
	err = r.untilThere(ctx, name, s.Namespace)
	if err == nil {
		err = r.settle(ctx)
	}
	if err != nil {
		return r.keeping(errors.Join(err, r.mark(context.WithoutCancel(ctx), name, restoreFailed)))
	}
	return r.mark(ctx, name, restoreDone)
}

// veleroRestore is one restore of a snapshot's claims by Velero.
type veleroRestore struct{ restoration }

// attempt returns the Restore that a program has left which was killed, or begins
// one.
func (r *veleroRestore) attempt(ctx context.Context) (string, error) {
	attempts, err := r.attempts(ctx)
	if err != nil {
		return "", err
	}
	for name, state := range attempts {
		if state == restoreOpen {
			return name, nil
		}
	}
	if err := r.unused(ctx); err != nil {
		return "", err
	}
	if err := r.clear(ctx, attempts); err != nil {
		return "", r.keeping(err)
	}
	name, err := r.begin(ctx, r.s.Namespace, map[string]string{labelSnapshot: r.s.ID, labelRestore: restoreOpen})
	if err != nil {
		return "", r.keeping(err)
	}
	return name, nil
}

// attempts are the Restores that were made of the snapshot, and how far they are.
func (r *veleroRestore) attempts(ctx context.Context) (map[string]string, error) {
	namespace, _, err := backupOf(r.s)
	if err != nil {
		return nil, err
	}
	list, err := r.k.Dynamic().Resource(veleroRestores).Namespace(namespace).List(ctx, madeFor(r.s))
	if err != nil {
		return nil, fmt.Errorf("list Velero's Restores of snapshot %s: %w", r.s.ID, r.k.Explain(err))
	}
	all := map[string]string{}
	for _, o := range list.Items {
		if state := o.GetLabels()[labelRestore]; state != "" {
			all[o.GetName()] = state
		}
	}
	return all, nil
}

// clear deletes the claims that Velero is to make anew.
func (r *veleroRestore) clear(ctx context.Context, attempts map[string]string) error {
	for _, c := range r.s.Claims {
		old, err := r.k.Typed().CoreV1().PersistentVolumeClaims(r.s.Namespace).Get(ctx, c.Claim, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue // cut off, or deleted since
		}
		if err != nil {
			return fmt.Errorf("look at claim %s/%s: %w", r.s.Namespace, c.Claim, r.k.Explain(err))
		}
		if err := r.vacate(ctx, old, attempts[old.Labels[veleroRestored]] == restoreFailed); err != nil {
			return err
		}
	}
	return nil
}

// begin asks Velero to make the claims of the Backup, with their volumes, in a
// namespace. Of what else was saved nothing is wanted: that is Helm's.
func (r *veleroRestore) begin(ctx context.Context, into string, labels map[string]string) (string, error) {
	namespace, backup, err := backupOf(r.s)
	if err != nil {
		return "", err
	}
	spec := map[string]any{
		"backupName":         backup,
		"includedNamespaces": []any{r.s.Namespace},
		"includedResources":  []any{"persistentvolumeclaims", "persistentvolumes", "volumesnapshots." + snapshotGroup, "volumesnapshotcontents." + snapshotGroup},
		"restorePVs":         true,
	}
	if into != r.s.Namespace {
		spec["namespaceMapping"] = map[string]any{r.s.Namespace: into}
	}
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(veleroV1.WithKind("Restore"))
	o.SetGenerateName(backup + "-")
	labels[labelManager] = manager
	o.SetLabels(labels)
	made, err := r.k.Dynamic().Resource(veleroRestores).Namespace(namespace).Create(ctx, o, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("create Velero's Restore of Backup %s/%s: %w", namespace, backup, r.k.Explain(err))
	}
	return made.GetName(), nil
}

// untilThere waits until Velero has made every claim in a namespace, and has their
// volumes made where that would wait for pods.
func (r *veleroRestore) untilThere(ctx context.Context, name, into string) error {
	namespace, _, err := backupOf(r.s)
	if err != nil {
		return err
	}
	if _, err := untilWorked(ctx, r.k, veleroRestores, namespace, name, r.report); err != nil {
		return err
	}
	for _, c := range r.s.Claims {
		claim, err := r.k.Typed().CoreV1().PersistentVolumeClaims(into).Get(ctx, c.Claim, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && claim.Labels[veleroRestored] != name {
			return fmt.Errorf("the Restore %s of Velero is complete and has not made claim %s/%s; see velero restore describe %s --details", name, into, c.Claim, name)
		}
		if err != nil {
			return fmt.Errorf("look at claim %s/%s: %w", into, c.Claim, r.k.Explain(err))
		}
		if err := r.place(ctx, claim, c); err != nil {
			return err
		}
	}
	return nil
}

// place says where the volume of a claim is to be made that would wait for a pod:
// Velero takes that out.
func (r *veleroRestore) place(ctx context.Context, claim *corev1.PersistentVolumeClaim, c plan.ClaimSnapshot) error {
	if claim.Status.Phase == corev1.ClaimBound {
		return nil
	}
	node, err := nodeFor(ctx, r.k, c)
	if err != nil || node == "" {
		return err
	}
	err = patch(ctx, r.k, persistentVolumeClaims, claim.Namespace, claim.Name, map[string]any{"metadata": map[string]any{"annotations": map[string]any{selectedNode: node}}})
	if err != nil {
		return fmt.Errorf("have the volume of claim %s/%s made on node %s: %w", claim.Namespace, claim.Name, node, r.k.Explain(err))
	}
	return nil
}

// mark says how far a Restore is.
func (r *veleroRestore) mark(ctx context.Context, name, state string) error {
	namespace, _, err := backupOf(r.s)
	if err != nil {
		return err
	}
	err = patch(ctx, r.k, veleroRestores, namespace, name, map[string]any{"metadata": map[string]any{"labels": map[string]any{labelRestore: state}}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("mark Velero's Restore %s/%s as %s: %w", namespace, name, state, r.k.Explain(err))
	}
	return nil
}

// Rehearse implements Driver: the claims are made in a namespace of their own,
// which goes again with their volumes.
func (d *velero) Rehearse(ctx context.Context, s *plan.Snapshot, report apply.Report) (err error) {
	if err := d.Verify(ctx, s); err != nil {
		return err
	}
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	if err := d.removeScratch(ctx, k, s); err != nil { // of a rehearsal that was cut off
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		err = errors.Join(err, d.removeScratch(ctx, k, s))
	}()
	scratch := scratchNamespace(s)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: scratch, Labels: map[string]string{labelSnapshot: s.ID, labelManager: manager}}}
	if _, err := k.Typed().CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create the scratch namespace %s: %w", scratch, k.Explain(err))
	}
	r := &veleroRestore{restoration{k, s, report}}
	name, err := r.begin(ctx, scratch, map[string]string{labelSnapshot: s.ID})
	if err != nil {
		return err
	}
	if err := r.untilThere(ctx, name, scratch); err != nil {
		return err
	}
	for _, c := range s.Claims {
		if _, err := untilBound(ctx, k, scratch, c.Claim, c, report); err != nil {
			return fmt.Errorf("restore claim %s/%s into namespace %s: %w", s.Namespace, c.Claim, scratch, err)
		}
	}
	return nil
}

func scratchNamespace(s *plan.Snapshot) string { return "soctalk-verify-" + strings.ToLower(s.ID) }

// removeScratch deletes what rehearsals of a snapshot have made.
func (d *velero) removeScratch(ctx context.Context, k *kube.Cluster, s *plan.Snapshot) error {
	at, _, err := backupOf(s)
	if err != nil {
		return err
	}
	restores := k.Dynamic().Resource(veleroRestores).Namespace(at)
	list, err := restores.List(ctx, metav1.ListOptions{LabelSelector: labelSnapshot + "=" + s.ID + ",!" + labelRestore})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("list Velero's Restores of snapshot %s: %w", s.ID, k.Explain(err))
	}
	if err == nil {
		for _, o := range list.Items {
			if err := restores.Delete(ctx, o.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("delete Velero's Restore %s/%s: %w", at, o.GetName(), k.Explain(err))
			}
		}
	}
	return removeNamespace(ctx, k, s, scratchNamespace(s))
}

// removeNamespace deletes a scratch namespace with the volumes of its claims, and
// waits until it is gone.
func removeNamespace(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, name string) error {
	namespaces := k.Typed().CoreV1().Namespaces()
	found, err := namespaces.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the scratch namespace %s: %w", name, k.Explain(err))
	}
	if found.Labels[labelSnapshot] != s.ID {
		return fmt.Errorf("namespace %s is in the way: it was not made for snapshot %s", name, s.ID)
	}
	claims, err := k.Typed().CoreV1().PersistentVolumeClaims(name).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the claims of the scratch namespace %s: %w", name, k.Explain(err))
	}
	for i := range claims.Items {
		if err := dropVolume(ctx, k, &claims.Items[i]); err != nil {
			return err
		}
	}
	if err := namespaces.Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the scratch namespace %s: %w", name, k.Explain(err))
	}
	err = wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		_, err := namespaces.Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), ignoreNotFound(k, err)
	})
	if err != nil {
		return fmt.Errorf("wait for the scratch namespace %s to go: %w", name, err)
	}
	return nil
}
