package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	partSnapshot = "snapshot"
	// labelRelease is the Helm release that a snapshot is of.
	labelRelease = "soctalk.io/release"

	snapshotKey = "snapshot"
)

// KeepSnapshot writes the record of a snapshot, over the one of before. It does
// so also when ctx is cancelled. Who lost the lock writes nothing.
func (j *Journal) KeepSnapshot(ctx context.Context, s *plan.Snapshot) error {
	if errors.Is(context.Cause(j.held.Context), ErrLost) {
		return ErrLost
	}
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the record of snapshot %s: %w", s.ID, err)
	}
	record := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: j.namespace, Name: snapshotName(s.ID),
			Labels: map[string]string{labelRun: s.Run, labelPart: partSnapshot, labelRelease: s.Release, labelState: string(s.State)},
		},
		Data: map[string]string{snapshotKey: string(data)},
	}
	if err := j.write(context.WithoutCancel(ctx), record); err != nil {
		return fmt.Errorf("keep the record of snapshot %s in ConfigMap %s/%s: %w", s.ID, j.namespace, record.Name, j.k.Explain(err))
	}
	return nil
}

// DropSnapshot forgets a snapshot that is gone.
func (j *Journal) DropSnapshot(ctx context.Context, id string) error {
	if errors.Is(context.Cause(j.held.Context), ErrLost) {
		return ErrLost
	}
	err := j.k.Typed().CoreV1().ConfigMaps(j.namespace).Delete(context.WithoutCancel(ctx), snapshotName(id), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove the record of snapshot %s: %w", id, j.k.Explain(err))
	}
	return nil
}

// SnapshotFilter says which snapshots are meant; what is empty does not matter.
type SnapshotFilter struct {
	Run, Release string
	State        plan.SnapshotState
}

// Snapshots returns the records of a fleet's snapshots, newest first.
func Snapshots(ctx context.Context, k *kube.Cluster, namespace string, which SnapshotFilter) ([]*plan.Snapshot, error) {
	selected := labels.Set{labelPart: partSnapshot}
	for label, value := range map[string]string{labelRun: which.Run, labelRelease: which.Release, labelState: string(which.State)} {
		if value != "" {
			selected[label] = value
		}
	}
	found, err := records(ctx, k, namespace, selected)
	if err != nil {
		return nil, fmt.Errorf("read the snapshots in namespace %s: %w", namespace, err)
	}
	all := []*plan.Snapshot{}
	for _, record := range found {
		s, err := decodeSnapshot(record)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *plan.Snapshot) int { return strings.Compare(b.ID, a.ID) })
	return all, nil
}

// Snapshots is [Snapshots] of this fleet.
func (j *Journal) Snapshots(ctx context.Context, which SnapshotFilter) ([]*plan.Snapshot, error) {
	return Snapshots(ctx, j.k, j.namespace, which)
}

// NoSnapshotError says that the journal knows nothing of a snapshot.
type NoSnapshotError struct{ ID, Namespace string }

func (e *NoSnapshotError) Error() string {
	return fmt.Sprintf("namespace %s holds no snapshot %s", e.Namespace, e.ID)
}

// FindSnapshot returns the record of a snapshot, or a [NoSnapshotError].
func FindSnapshot(ctx context.Context, k *kube.Cluster, namespace, id string) (*plan.Snapshot, error) {
	record, err := k.Typed().CoreV1().ConfigMaps(namespace).Get(ctx, snapshotName(id), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, &NoSnapshotError{id, namespace}
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", id, k.Explain(err))
	}
	return decodeSnapshot(record)
}

func decodeSnapshot(record *corev1.ConfigMap) (*plan.Snapshot, error) {
	s := &plan.Snapshot{}
	if err := json.Unmarshal([]byte(record.Data[snapshotKey]), s); err != nil || s.ID == "" || snapshotName(s.ID) != record.Name {
		return nil, fmt.Errorf("ConfigMap %s/%s is no snapshot's", record.Namespace, record.Name)
	}
	return s, nil
}

func snapshotName(id string) string { return "soctalk-snapshot-" + strings.ToLower(id) }
