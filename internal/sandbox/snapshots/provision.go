package main

import (
	"context"
	"fmt"
	"time"

	snapshotlisters "github.com/kubernetes-csi/external-snapshotter/client/v8/listers/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"
)

// lookEvery is how often it is looked for claims that wait.
const lookEvery = 50 * time.Millisecond

// provisioner makes volumes out of snapshots, as the external provisioner of a
// CSI driver does. Claims without a data source are the simulation's.
type provisioner struct {
	client    kubernetes.Interface
	driver    string
	claims    v1.PersistentVolumeClaimLister
	snapshots snapshotlisters.VolumeSnapshotLister
	contents  snapshotlisters.VolumeSnapshotContentLister
	storage   *storage
	events    record.EventRecorder
}

func newProvisioner(client kubernetes.Interface, driver string, claims v1.PersistentVolumeClaimLister, snapshots snapshotlisters.VolumeSnapshotLister, contents snapshotlisters.VolumeSnapshotContentLister, s *storage) *provisioner {
	b := record.NewBroadcaster()
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events(metav1.NamespaceAll)})
	return &provisioner{client, driver, claims, snapshots, contents, s, b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: driver})}
}

func (p *provisioner) run(ctx context.Context) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		all, err := p.claims.List(labels.Everything())
		if err != nil {
			return
		}
		for _, c := range all {
			if !p.waits(c) {
				continue
			}
			if err := p.provision(ctx, c); err != nil && ctx.Err() == nil {
				p.events.Event(c, corev1.EventTypeWarning, "ProvisioningFailed", err.Error())
			}
		}
	}, lookEvery)
}

func (p *provisioner) waits(c *corev1.PersistentVolumeClaim) bool {
	return c.DeletionTimestamp == nil && c.Spec.VolumeName == "" && c.Spec.DataSource != nil && c.Spec.DataSource.Kind == "VolumeSnapshot" &&
		c.Annotations["volume.kubernetes.io/storage-provisioner"] == p.driver
}

// provision makes the volume that a claim waits for.
func (p *provisioner) provision(ctx context.Context, c *corev1.PersistentVolumeClaim) error {
	one, handle, err := p.source(c)
	if err != nil {
		return err
	}
	if request := c.Spec.Resources.Requests[corev1.ResourceStorage]; request.Value() < one.bytes {
		return fmt.Errorf("requested volume size %d is less than the size %d of snapshot %s", request.Value(), one.bytes, handle)
	}
	name := "pvc-" + string(c.UID)
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": p.driver, holds: one.text}},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: c.Spec.AccessModes, Capacity: c.Spec.Resources.Requests, VolumeMode: c.Spec.VolumeMode,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			StorageClassName:              *c.Spec.StorageClassName,
			ClaimRef:                      &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: p.driver, VolumeHandle: name, FSType: "ext4"}},
		},
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// source is the snapshot that a claim is to be made of.
func (p *provisioner) source(c *corev1.PersistentVolumeClaim) (*saved, string, error) {
	s, err := p.snapshots.VolumeSnapshots(c.Namespace).Get(c.Spec.DataSource.Name)
	if err != nil {
		return nil, "", fmt.Errorf("error getting snapshot %s: %w", c.Spec.DataSource.Name, err)
	}
	if s.Status == nil || s.Status.ReadyToUse == nil || !*s.Status.ReadyToUse || s.Status.BoundVolumeSnapshotContentName == nil || s.DeletionTimestamp != nil {
		return nil, "", fmt.Errorf("snapshot %s is not ready", s.Name)
	}
	content, err := p.contents.Get(*s.Status.BoundVolumeSnapshotContentName)
	if err != nil {
		return nil, "", fmt.Errorf("error getting the content of snapshot %s: %w", s.Name, err)
	}
	if content.Spec.Driver != p.driver || content.Status == nil || content.Status.SnapshotHandle == nil {
		return nil, "", fmt.Errorf("snapshot %s is of another driver or not bound", s.Name)
	}
	one := p.storage.find(*content.Status.SnapshotHandle)
	if one == nil {
		return nil, "", fmt.Errorf("there is no snapshot %s", *content.Status.SnapshotHandle)
	}
	return one, *content.Status.SnapshotHandle, nil
}
