package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	veleroGroup = "velero.io"
	// veleroBackup is the label with which Velero marks what belongs to a Backup,
	// veleroRestored that of what a Restore has made, veleroClaim that of what holds
	// a claim's data, with the claim's UID.
	veleroBackup   = "velero.io/backup-name"
	veleroRestored = "velero.io/restore-name"
	veleroClaim    = "velero.io/pvc-uid"
)

var (
	veleroV1         = schema.GroupVersion{Group: veleroGroup, Version: "v1"}
	veleroLocations  = veleroV1.WithResource("backupstoragelocations")
	veleroBackups    = veleroV1.WithResource("backups")
	veleroRestores   = veleroV1.WithResource("restores")
	veleroDeletions  = veleroV1.WithResource("deletebackuprequests")
	veleroFileCopies = veleroV1.WithResource("podvolumebackups")
	veleroUploads    = schema.GroupVersion{Group: veleroGroup, Version: "v2alpha1"}.WithResource("datauploads")
)

// location is a BackupStorageLocation. Velero works in its namespace.
type location struct{ namespace, name string }

// locate finds where Velero is to put backups: the location of a name, or else
// Velero's default. It has to be one that can be written to.
func locate(ctx context.Context, k *kube.Cluster, name string) (location, error) {
	list, err := k.Dynamic().Resource(veleroLocations).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) || err == nil && len(list.Items) == 0 {
		return location{}, errors.New("this cluster has no Velero: there is no BackupStorageLocation")
	}
	if err != nil {
		return location{}, fmt.Errorf("list Velero's BackupStorageLocations: %w", k.Explain(err))
	}
	var fitting []unstructured.Unstructured
	for _, o := range list.Items {
		isDefault, _, _ := unstructured.NestedBool(o.Object, "spec", "default")
		if name == o.GetName() || name == "" && (isDefault || len(list.Items) == 1) {
			fitting = append(fitting, o)
		}
	}
	switch {
	case len(fitting) == 0 && name != "":
		return location{}, fmt.Errorf("no place for backups: Velero has no BackupStorageLocation %s", name)
	case len(fitting) == 0:
		return location{}, errors.New("no place for backups: Velero has several BackupStorageLocations and none is its default: set location to one of them")
	case len(fitting) > 1:
		return location{}, fmt.Errorf("which Velero is meant cannot be told: BackupStorageLocation %s is in the namespaces %s and %s", fitting[0].GetName(), fitting[0].GetNamespace(), fitting[1].GetNamespace())
	}
	return location{fitting[0].GetNamespace(), fitting[0].GetName()}, writable(&fitting[0])
}

// writable says why backups cannot be put into a location.
func writable(o *unstructured.Unstructured) error {
	if mode, _, _ := unstructured.NestedString(o.Object, "spec", "accessMode"); mode == "ReadOnly" {
		return fmt.Errorf("BackupStorageLocation %s is read-only", o.GetName())
	}
	return available(o)
}

// available says why backups in a location cannot be used.
func available(o *unstructured.Unstructured) error {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	if phase == "Available" {
		return nil
	}
	message, _, _ := unstructured.NestedString(o.Object, "status", "message")
	if message == "" {
		message = "Velero has not found it available yet"
	}
	return fmt.Errorf("BackupStorageLocation %s cannot be used: %s", o.GetName(), strings.TrimSuffix(message, "."))
}

// work is what Velero says of a Backup or Restore.
type work struct {
	phase     string
	began     time.Time // zero before
	expires   time.Time // zero where it does not
	problem   string
	done, all int64 // items
	volumes   int64 // saved by the storage
}

func readWork(o *unstructured.Unstructured) work {
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	w := work{}
	w.phase, _, _ = unstructured.NestedString(status, "phase")
	for field, to := range map[string]*time.Time{"startTimestamp": &w.began, "expiration": &w.expires} {
		if at, _, _ := unstructured.NestedString(status, field); at != "" {
			*to, _ = time.Parse(time.RFC3339, at)
		}
	}
	w.volumes, _, _ = unstructured.NestedInt64(status, "csiVolumeSnapshotsCompleted")
	w.all, _, _ = unstructured.NestedInt64(status, "progress", "totalItems")
	for _, field := range []string{"itemsBackedUp", "itemsRestored"} {
		if n, found, _ := unstructured.NestedInt64(status, "progress", field); found {
			w.done = n
		}
	}
	if reasons, _, _ := unstructured.NestedStringSlice(status, "validationErrors"); len(reasons) > 0 {
		w.problem = strings.Join(reasons, "; ")
	}
	if reason, _, _ := unstructured.NestedString(status, "failureReason"); reason != "" {
		w.problem = reason
	}
	if n, _, _ := unstructured.NestedInt64(status, "errors"); w.problem == "" && n > 0 {
		w.problem = fmt.Sprintf("%d errors", n)
	}
	return w
}

// ended says whether Velero has come to an end of it, and why that is not a good
// one.
func (w work) ended(kind, name string) (bool, error) {
	switch w.phase {
	case "Completed":
		return true, nil
	case "Failed", "PartiallyFailed", "FailedValidation":
		problem := w.problem
		if problem == "" {
			problem = "it does not say why"
		}
		return true, fmt.Errorf("the %s %s of Velero is %s: %s; see velero %s describe %s --details", kind, name, w.phase, problem, strings.ToLower(kind), name)
	case "Deleting":
		return true, fmt.Errorf("the %s %s of Velero is being deleted", kind, name)
	}
	return false, nil
}

// begun says whether Velero has taken notice of it.
func (w work) begun() bool { return w.phase != "" && w.phase != "New" }

// says is how far it is, for a person.
func (w work) says() string {
	switch {
	case !w.begun():
		return "Velero has not begun"
	case w.all > 0:
		return fmt.Sprintf("Velero is %s: %d of %d objects", w.phase, w.done, w.all)
	}
	return "Velero is " + w.phase
}
