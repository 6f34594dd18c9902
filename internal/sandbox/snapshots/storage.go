package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// holds is the annotation of a PersistentVolume that says what is on it.
	holds = "sandbox.soctalk.io/holds"
	// failing is the parameter of a VolumeSnapshotClass with which no snapshot
	// succeeds: its value is why. pending is one with which none gets ready.
	failing, pending = "fail", "pending"
)

// storage stands in for a CSI driver. A volume's handle is the name of its
// PersistentVolume, and its content one text, an annotation there.
type storage struct {
	client kubernetes.Interface
	driver string

	mu        sync.Mutex
	snapshots map[string]*saved // by handle
}

// saved is one snapshot.
type saved struct {
	text    string
	taken   time.Time
	bytes   int64
	pending bool
}

func newStorage(client kubernetes.Interface, driver string) *storage {
	return &storage{client: client, driver: driver, snapshots: map[string]*saved{}}
}

// CreateSnapshot implements snapshotter.Snapshotter. The same name is the same
// snapshot, as CSI has it.
func (s *storage) CreateSnapshot(ctx context.Context, name, volume string, parameters, _ map[string]string) (string, string, time.Time, int64, bool, error) {
	if why := parameters[failing]; why != "" {
		// Anything but the answer of a driver would be taken for a snapshot that may
		// still be under way.
		return "", "", time.Time{}, 0, false, status.Error(codes.Internal, why)
	}
	pv, err := s.client.CoreV1().PersistentVolumes().Get(ctx, volume, metav1.GetOptions{})
	if err != nil {
		return "", "", time.Time{}, 0, false, fmt.Errorf("look at volume %s: %w", volume, err)
	}
	capacity := pv.Spec.Capacity["storage"]
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.snapshots[name]
	if one == nil {
		one = &saved{text: pv.Annotations[holds], taken: time.Now(), bytes: capacity.Value(), pending: parameters[pending] != ""}
		s.snapshots[name] = one
	}
	return s.driver, name, one.taken, one.bytes, !one.pending, nil
}

// DeleteSnapshot implements snapshotter.Snapshotter.
func (s *storage) DeleteSnapshot(_ context.Context, handle string, _ map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.snapshots, handle)
	return nil
}

// GetSnapshotStatus implements snapshotter.Snapshotter.
func (s *storage) GetSnapshotStatus(_ context.Context, handle string, _ map[string]string) (bool, time.Time, int64, string, error) {
	one := s.find(handle)
	if one == nil {
		return false, time.Time{}, 0, "", fmt.Errorf("there is no snapshot %s", handle)
	}
	return !one.pending, one.taken, one.bytes, "", nil
}

func (s *storage) find(handle string) *saved {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshots[handle]
}
