package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// backupLife is how long Velero is to keep a Backup, in its notation: retention
	// is ours, and what Velero drops by itself would be missing on a way back.
	backupLife = "87600h0m0s"
	// excluded is the label of what Velero leaves out.
	excluded = "velero.io/exclude-from-backup"
	// labelRun and annotationStep say which snapshot a Backup is.
	labelRun       = "soctalk.io/run"
	annotationStep = "soctalk.io/step"
)

// velero has Velero back up the namespace of a release, and brings back the
// release's claims. A record's Backup is Velero's namespace and the Backup's name.
type velero struct{ fleet *Fleet }

// Check implements Driver. It notes in the record what the Backup will be called,
// and what the claims need to be made again.
func (d *velero) Check(ctx context.Context, c *schema.Snapshot, s *plan.Snapshot) error {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	at, err := locate(ctx, k, c.Location)
	if err != nil {
		return err
	}
	t, err := readTenancy(ctx, k, s.Namespace)
	if err != nil {
		return err
	}
	s.Claims = nil
	for _, claim := range t.claimsOf(s.Namespace, s.Release) {
		if claim.Spec.VolumeName == "" {
			continue // nothing was ever written
		}
		if claim.Labels[excluded] == "true" {
			return fmt.Errorf("claim %s/%s is labelled %s, so Velero leaves it out", claim.Namespace, claim.Name, excluded)
		}
		s.Claims = append(s.Claims, describeClaim(claim))
	}
	s.Backup = at.namespace + "/soctalk-" + strings.ToLower(s.ID)
	return nil
}

// Writers implements Driver.
func (d *velero) Writers(ctx context.Context, s *plan.Snapshot) ([]plan.Scaled, error) {
	return d.fleet.mounting(ctx, s)
}

// Take implements Driver.
func (d *velero) Take(ctx context.Context, a *Attempt) error {
	s := a.Record
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	at, err := locate(ctx, k, a.Config.Location)
	if err != nil {
		return err
	}
	namespace, name, err := backupOf(s)
	if err != nil {
		return err
	}
	_, err = k.Dynamic().Resource(veleroBackups).Namespace(namespace).Create(ctx, newBackup(s, name, at.name), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create Velero's Backup %s/%s: %w", namespace, name, k.Explain(err))
	}
	done, err := untilWorked(ctx, k, veleroBackups, namespace, name, a.Report)
	if err != nil {
		return err
	}
	if err := covered(ctx, k, s, done); err != nil {
		return err
	}
	taken := time.Now().UTC()
	if !done.began.IsZero() && done.began.Before(taken) {
		taken = done.began.UTC()
	}
	s.Taken = &taken
	return nil
}

// newBackup is the Backup of a release's namespace. Volumes are left to the
// storage's own snapshots: copies of files come back only with their pods.
func newBackup(s *plan.Snapshot, name, location string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"includedNamespaces":       []any{s.Namespace},
		"storageLocation":          location,
		"snapshotVolumes":          true,
		"defaultVolumesToFsBackup": false,
		"ttl":                      backupLife,
	}}}
	o.SetGroupVersionKind(veleroV1.WithKind("Backup"))
	o.SetName(name)
	o.SetLabels(map[string]string{labelSnapshot: s.ID, labelRun: s.Run, labelManager: manager})
	o.SetAnnotations(map[string]string{annotationStep: s.Step})
	return o
}

// backupOf is where a record's Backup is.
func backupOf(s *plan.Snapshot) (namespace, name string, err error) {
	namespace, name, ok := strings.Cut(s.Backup, "/")
	if !ok || namespace == "" || name == "" {
		return "", "", fmt.Errorf("the record of snapshot %s names no Backup of Velero", s.ID)
	}
	return namespace, name, nil
}

// untilWorked waits until Velero has carried out a Backup or Restore.
func untilWorked(ctx context.Context, k *kube.Cluster, kind kschema.GroupVersionResource, namespace, name string, report apply.Report) (work, error) {
	w := work{}
	err := wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		o, err := k.Dynamic().Resource(kind).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, k.Explain(err)
		}
		w = readWork(o)
		report.Status(w.says())
		return w.ended(o.GetKind(), name)
	})
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %s", context.Cause(ctx), w.says())
	}
	if err != nil {
		return w, fmt.Errorf("wait for Velero in namespace %s: %w", namespace, err)
	}
	return w, nil
}

// covered makes sure that the volumes of a namespace are in its Backup, which is
// complete without those that Velero had no way to save.
func covered(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, done work) error {
	if len(s.Claims) == 0 {
		return nil
	}
	namespace, name, err := backupOf(s)
	if err != nil {
		return err
	}
	files, err := volumesIn(ctx, k, veleroFileCopies, namespace, name)
	if err != nil {
		return err
	}
	moved, err := volumesIn(ctx, k, veleroUploads, namespace, name)
	if err != nil {
		return err
	}
	for _, c := range s.Claims {
		if files[c.UID] {
			return fmt.Errorf("claim %s/%s was saved by Velero as a copy of its files, which comes back only with its pod: let it take CSI snapshots, moved or not, or use another driver", s.Namespace, c.Claim)
		}
	}
	t, err := readTenancy(ctx, k, s.Namespace)
	if err != nil {
		return err
	}
	want := 0
	for _, c := range t.claims {
		if c.Spec.VolumeName != "" && c.Labels[excluded] != "true" {
			want++
		}
	}
	if have := int(done.volumes) + len(moved) + len(files); have < want {
		return fmt.Errorf("not all is saved: Velero has saved %d of %d volumes in namespace %s, and says of Backup %s that it is complete: see velero backup describe %s --details", have, want, s.Namespace, name, name)
	}
	return nil
}

// volumesIn are the claims, by UID, that one of Velero's ways of copying has put
// into a Backup. A Velero without that way has put none.
func volumesIn(ctx context.Context, k *kube.Cluster, kind kschema.GroupVersionResource, namespace, backup string) (map[string]bool, error) {
	list, err := k.Dynamic().Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: veleroBackup + "=" + backup})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list Velero's %s in namespace %s: %w", kind.Resource, namespace, k.Explain(err))
	}
	uids := map[string]bool{}
	for _, o := range list.Items {
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		if uid := o.GetLabels()[veleroClaim]; uid != "" && phase == "Completed" {
			uids[uid] = true
		}
	}
	return uids, nil
}

// Verify implements Driver.
func (d *velero) Verify(ctx context.Context, s *plan.Snapshot) error {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	namespace, name, err := backupOf(s)
	if err != nil {
		return err
	}
	o, err := k.Dynamic().Resource(veleroBackups).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("the Backup %s/%s of Velero is gone", namespace, name)
	}
	if err != nil {
		return fmt.Errorf("look at Velero's Backup %s/%s: %w", namespace, name, k.Explain(err))
	}
	w := readWork(o)
	switch ended, err := w.ended("Backup", name); {
	case err != nil:
		return err
	case !ended:
		return fmt.Errorf("the Backup %s of Velero is not complete: %s", name, w.says())
	case o.GetLabels()[labelSnapshot] != s.ID:
		return fmt.Errorf("the Backup %s of Velero is another one than was taken", name)
	case !w.expires.IsZero() && w.expires.Before(time.Now()):
		return fmt.Errorf("the Backup %s of Velero expired at %s", name, w.expires.UTC().Format(time.RFC3339))
	}
	where, _, _ := unstructured.NestedString(o.Object, "spec", "storageLocation")
	at, err := k.Dynamic().Resource(veleroLocations).Namespace(namespace).Get(ctx, where, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("look at Velero's BackupStorageLocation %s, where Backup %s is: %w", where, name, k.Explain(err))
	}
	if err := available(at); err != nil {
		return err
	}
	for _, c := range s.Claims {
		if _, err := waitsForPod(ctx, k, c.StorageClass); err != nil {
			return err
		}
	}
	return nil
}

// Delete implements Driver.
func (d *velero) Delete(ctx context.Context, s *plan.Snapshot) error {
	if s.Backup == "" {
		return nil
	}
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	namespace, name, err := backupOf(s)
	if err != nil {
		return err
	}
	if err := d.removeScratch(ctx, k, s); err != nil {
		return err
	}
	backup, err := untilIdle(ctx, k, namespace, name)
	if err == nil && backup != nil {
		err = deleteBackup(ctx, k, backup)
	}
	if err != nil {
		return fmt.Errorf("delete Velero's Backup %s/%s: %w", namespace, name, err)
	}
	return nil
}

// untilIdle returns a Backup once Velero is not at work on it, because Velero
// deletes none of those, or nil where there is none. One that Velero has not begun
// is taken away.
func untilIdle(ctx context.Context, k *kube.Cluster, namespace, name string) (*unstructured.Unstructured, error) {
	backups := k.Dynamic().Resource(veleroBackups).Namespace(namespace)
	var backup *unstructured.Unstructured
	err := wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		o, err := backups.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return apierrors.IsNotFound(err), ignoreNotFound(k, err)
		}
		w := readWork(o)
		if w.begun() {
			backup = o
			ended, _ := w.ended(o.GetKind(), name)
			return ended, nil
		}
		version := o.GetResourceVersion()
		err = backups.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &version}})
		if apierrors.IsConflict(err) {
			return false, nil // it begins
		}
		return true, ignoreNotFound(k, err)
	})
	return backup, err
}

// deleteBackup has Velero delete a Backup with all that it has saved.
func deleteBackup(ctx context.Context, k *kube.Cluster, backup *unstructured.Unstructured) error {
	namespace, name := backup.GetNamespace(), backup.GetName()
	request := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"backupName": name}}}
	request.SetGroupVersionKind(veleroV1.WithKind("DeleteBackupRequest"))
	request.SetGenerateName(name + "-")
	request.SetLabels(map[string]string{veleroBackup: name, "velero.io/backup-uid": string(backup.GetUID()), labelManager: manager})
	requests := k.Dynamic().Resource(veleroDeletions).Namespace(namespace)
	request, err := requests.Create(ctx, request, metav1.CreateOptions{})
	if err != nil {
		return k.Explain(err)
	}
	return wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		if _, err := k.Dynamic().Resource(veleroBackups).Namespace(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return apierrors.IsNotFound(err), ignoreNotFound(k, err)
		}
		now, err := requests.Get(ctx, request.GetName(), metav1.GetOptions{})
		if err != nil { // Velero removes requests that it has carried out
			return false, ignoreNotFound(k, err)
		}
		phase, _, _ := unstructured.NestedString(now.Object, "status", "phase")
		if reasons, _, _ := unstructured.NestedStringSlice(now.Object, "status", "errors"); phase == "Processed" && len(reasons) > 0 {
			return false, errors.New(strings.Join(reasons, "; "))
		}
		return false, nil
	})
}

// ignoreNotFound explains an error that says more than that nothing is there.
func ignoreNotFound(k *kube.Cluster, err error) error {
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return k.Explain(err)
}
