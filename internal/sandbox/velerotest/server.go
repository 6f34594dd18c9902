package velerotest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
)

// lookEvery is how often it is looked for work, and at what is waited for.
const lookEvery = 50 * time.Millisecond

// server is the stand-in. What it has saved it keeps in memory.
type server struct {
	client dynamic.Interface

	mu    sync.Mutex
	seen  map[string]bool    // work that was begun, by UID
	saved map[string][]saved // by Backup
}

// saved is one claim in a Backup, with the snapshot of its volume.
type saved struct {
	claim                 *unstructured.Unstructured
	handle, driver, class string
}

// run looks for work until the context ends, and does each piece by itself.
func (s *server) run(ctx context.Context) {
	for kind, do := range map[string]func(context.Context, *unstructured.Unstructured){"backups": s.backup, "restores": s.restore, "deletebackuprequests": s.remove} {
		go func() {
			for ; ctx.Err() == nil; time.Sleep(lookEvery) {
				list, err := s.of(kind).List(ctx, metav1.ListOptions{})
				if err != nil {
					continue
				}
				for i := range list.Items {
					if o := &list.Items[i]; s.begins(o) {
						go do(ctx, o)
					}
				}
			}
		}()
	}
}

func (s *server) of(kind string) dynamic.ResourceInterface {
	return s.client.Resource(velero(kind)).Namespace(Namespace)
}

// begins says whether nobody is at work on an object yet.
func (s *server) begins(o *unstructured.Unstructured) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	phase := text(o, "status", "phase")
	if s.seen[string(o.GetUID())] || phase != "" && phase != "New" {
		return false
	}
	s.seen[string(o.GetUID())] = true
	return true
}

// says writes an object's status.
func (s *server) says(ctx context.Context, kind string, o *unstructured.Unstructured, status map[string]any) {
	_ = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := s.of(kind).Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		for field, value := range status {
			if err := unstructured.SetNestedField(now.Object, value, "status", field); err != nil {
				return err
			}
		}
		_, err = s.of(kind).Update(ctx, now, metav1.UpdateOptions{})
		return err
	})
}

// behaves is what a namespace wants to become of it.
func (s *server) behaves(ctx context.Context, namespace string) string {
	o, err := s.client.Resource(namespaces).Get(ctx, namespace, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return o.GetAnnotations()[Behaves]
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

// backup saves the volumes of a namespace.
func (s *server) backup(ctx context.Context, o *unstructured.Unstructured) {
	included, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "includedNamespaces")
	namespace := strings.Join(included, ",")
	behaves := s.behaves(ctx, namespace)
	switch behaves {
	case NeverBegins:
		return
	case Invalid:
		s.says(ctx, "backups", o, map[string]any{"phase": "FailedValidation", "validationErrors": []any{"the storage location is none of mine"}})
		return
	}
	s.says(ctx, "backups", o, map[string]any{"phase": "InProgress", "startTimestamp": now(), "progress": map[string]any{"totalItems": int64(7), "itemsBackedUp": int64(3)}})
	status := map[string]any{"phase": "Completed", "completionTimestamp": now()}
	switch behaves {
	case BackupFails:
		status["phase"], status["failureReason"] = "Failed", "the bucket is full"
	case PartlyFails:
		status["phase"], status["errors"] = "PartiallyFailed", int64(2)
	case SkipsVolumes:
	case CopiesFiles:
		if err := s.copyFiles(ctx, o, namespace); err != nil {
			status["phase"], status["failureReason"] = "Failed", err.Error()
		}
	default:
		all, err := s.save(ctx, o, namespace)
		if err != nil {
			status["phase"], status["failureReason"] = "Failed", err.Error()
		}
		s.mu.Lock()
		s.saved[o.GetName()] = all
		s.mu.Unlock()
		status["csiVolumeSnapshotsAttempted"], status["csiVolumeSnapshotsCompleted"] = int64(len(all)), int64(len(all))
	}
	s.says(ctx, "backups", o, status)
}

// bound are the claims of a namespace that have a volume.
func (s *server) bound(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	list, err := s.client.Resource(claims).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var all []*unstructured.Unstructured
	for i := range list.Items {
		if text(&list.Items[i], "spec", "volumeName") != "" {
			all = append(all, &list.Items[i])
		}
	}
	return all, nil
}

func (s *server) copyFiles(ctx context.Context, backup *unstructured.Unstructured, namespace string) error {
	all, err := s.bound(ctx, namespace)
	if err != nil {
		return err
	}
	for i, claim := range all {
		o := object(map[string]any{"apiVersion": "velero.io/v1", "kind": "PodVolumeBackup", "spec": map[string]any{"volume": "data"}, "status": map[string]any{"phase": "Completed"}})
		o.SetName(fmt.Sprintf("%s-%d", backup.GetName(), i))
		o.SetLabels(map[string]string{"velero.io/backup-name": backup.GetName(), "velero.io/pvc-uid": string(claim.GetUID())})
		if _, err := s.of("podvolumebackups").Create(ctx, o, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

var (
	volumeSnapshots = schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshots"}
	contents        = schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotcontents"}
)

// save takes a VolumeSnapshot of each claim. Its objects go again, and what the
// storage has saved stays.
func (s *server) save(ctx context.Context, backup *unstructured.Unstructured, namespace string) ([]saved, error) {
	bound, err := s.bound(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var all []saved
	for i, claim := range bound {
		name := fmt.Sprintf("%s-%d", backup.GetName(), i)
		err := s.snapshot(ctx, namespace, name, map[string]any{"source": map[string]any{"persistentVolumeClaimName": claim.GetName()}})
		if err != nil {
			return all, fmt.Errorf("claim %s: %w", claim.GetName(), err)
		}
		made, err := s.client.Resource(volumeSnapshots).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return all, err
		}
		content, err := s.keep(ctx, text(made, "status", "boundVolumeSnapshotContentName"))
		if err != nil {
			return all, err
		}
		all = append(all, saved{claim, text(content, "status", "snapshotHandle"), text(content, "spec", "driver"), text(content, "spec", "volumeSnapshotClassName")})
		if err := s.client.Resource(volumeSnapshots).Namespace(namespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return all, err
		}
		if err := s.client.Resource(contents).Delete(ctx, content.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return all, err
		}
	}
	return all, nil
}

// keep lets the storage keep its snapshot when a content goes.
func (s *server) keep(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	var content *unstructured.Unstructured
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		var err error
		if content, err = s.client.Resource(contents).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		if err := unstructured.SetNestedField(content.Object, "Retain", "spec", "deletionPolicy"); err != nil {
			return err
		}
		content, err = s.client.Resource(contents).Update(ctx, content, metav1.UpdateOptions{})
		return err
	})
	return content, err
}

// snapshot makes a VolumeSnapshot and waits until it can be used.
func (s *server) snapshot(ctx context.Context, namespace, name string, spec map[string]any) error {
	o := object(map[string]any{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "spec": spec})
	o.SetName(name)
	if _, err := s.client.Resource(volumeSnapshots).Namespace(namespace).Create(ctx, o, metav1.CreateOptions{}); err != nil {
		return err
	}
	for ctx.Err() == nil {
		o, err := s.client.Resource(volumeSnapshots).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if ready, _, _ := unstructured.NestedBool(o.Object, "status", "readyToUse"); ready {
			return nil
		}
		if problem := text(o, "status", "error", "message"); problem != "" {
			return errors.New(problem)
		}
		time.Sleep(lookEvery)
	}
	return ctx.Err()
}

// restore makes the claims of a Backup that are not there.
func (s *server) restore(ctx context.Context, o *unstructured.Unstructured) {
	s.says(ctx, "restores", o, map[string]any{"phase": "InProgress", "progress": map[string]any{"totalItems": int64(4), "itemsRestored": int64(1)}})
	s.mu.Lock()
	all, known := s.saved[text(o, "spec", "backupName")]
	s.mu.Unlock()
	status := map[string]any{"phase": "Completed"}
	if !known {
		status["phase"], status["validationErrors"] = "FailedValidation", []any{"Error retrieving backup: not found"}
	}
	for _, one := range all {
		if s.behaves(ctx, one.claim.GetNamespace()) == RestoreFails {
			status["phase"], status["errors"] = "PartiallyFailed", int64(1)
			break
		}
		if err := s.bringBack(ctx, o, one); err != nil {
			status["phase"], status["failureReason"] = "Failed", err.Error()
			break
		}
	}
	s.says(ctx, "restores", o, status)
}

// bringBack makes one claim, from the snapshot of its volume.
func (s *server) bringBack(ctx context.Context, restore *unstructured.Unstructured, one saved) error {
	namespace := one.claim.GetNamespace()
	if to := text(restore, "spec", "namespaceMapping", namespace); to != "" {
		namespace = to
	}
	there := s.client.Resource(claims).Namespace(namespace)
	if _, err := there.Get(ctx, one.claim.GetName(), metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return err // what is there is left alone
	}
	name := restore.GetName() + "-" + one.claim.GetName()
	content := object(map[string]any{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "spec": map[string]any{
		"driver": one.driver, "deletionPolicy": "Retain", "volumeSnapshotClassName": one.class,
		"source": map[string]any{"snapshotHandle": one.handle}, "volumeSnapshotRef": map[string]any{"namespace": namespace, "name": name},
	}})
	content.SetName(name)
	if _, err := s.client.Resource(contents).Create(ctx, content, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := s.snapshot(ctx, namespace, name, map[string]any{"source": map[string]any{"volumeSnapshotContentName": name}}); err != nil {
		return err
	}
	claim := object(map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim"})
	spec, _, _ := unstructured.NestedMap(one.claim.Object, "spec")
	delete(spec, "volumeName")
	delete(spec, "dataSourceRef")
	spec["dataSource"] = map[string]any{"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": name}
	claim.Object["spec"] = spec
	claim.SetName(one.claim.GetName())
	annotations := map[string]string{}
	for key, value := range one.claim.GetAnnotations() {
		if !strings.Contains(key, "kubernetes.io/") {
			annotations[key] = value
		}
	}
	claim.SetAnnotations(annotations)
	labels := map[string]string{"velero.io/backup-name": text(restore, "spec", "backupName"), "velero.io/restore-name": restore.GetName()}
	for key, value := range one.claim.GetLabels() {
		if !strings.HasPrefix(key, "velero.io/") {
			labels[key] = value
		}
	}
	claim.SetLabels(labels)
	_, err := there.Create(ctx, claim, metav1.CreateOptions{})
	return err
}

// remove deletes a Backup, with its Restores.
func (s *server) remove(ctx context.Context, o *unstructured.Unstructured) {
	name := text(o, "spec", "backupName")
	backup, err := s.of("backups").Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		s.says(ctx, "deletebackuprequests", o, map[string]any{"phase": "Processed", "errors": []any{"backup not found"}})
		return
	}
	if phase := text(backup, "status", "phase"); phase == "InProgress" {
		s.says(ctx, "deletebackuprequests", o, map[string]any{"phase": "Processed", "errors": []any{"backup is still in progress"}})
		return
	}
	restores, err := s.of("restores").List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, r := range restores.Items {
		if text(&r, "spec", "backupName") == name {
			_ = s.of("restores").Delete(ctx, r.GetName(), metav1.DeleteOptions{})
		}
	}
	s.mu.Lock()
	delete(s.saved, name)
	s.mu.Unlock()
	_ = s.of("backups").Delete(ctx, name, metav1.DeleteOptions{})
	_ = s.of("deletebackuprequests").Delete(ctx, o.GetName(), metav1.DeleteOptions{})
}

func text(o *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}
