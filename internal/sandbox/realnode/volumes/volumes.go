// Package volumes gives claims on a real node what a storage driver gives
// them elsewhere: a folder each, made when it is asked for and removed with
// the claim.
package volumes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	selectedNode = "volume.kubernetes.io/selected-node"
	provisioner  = "volume.kubernetes.io/storage-provisioner"
	// provisionedBy keeps the controllers, and the simulation of other nodes,
	// from removing a volume themselves.
	provisionedBy = "pv.kubernetes.io/provisioned-by"
	ourselves     = "sandbox.soctalk.io/folder"
	// nodeLabel marks the volumes made here, with their node.
	nodeLabel = "sandbox.soctalk.io/volume-of"
	// owner is whom images of databases run as.
	owner = 999
)

// provisioning holds what the event handlers share.
type provisioning struct {
	client    kubernetes.Interface
	node      string
	simulated bool // nodes that are not real exist as well
	dir       string
}

// Provision makes volumes below dir, until the context ends, for the claims
// of pods that were placed on the node. Claims that do not wait for a pod get
// theirs only where no node is simulated.
func Provision(ctx context.Context, client kubernetes.Interface, node, dir string) error {
	simulated, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("provision volumes: list the nodes: %w", err)
	}
	p := &provisioning{client: client, node: node, dir: dir}
	for _, n := range simulated.Items {
		p.simulated = p.simulated || n.Name != node
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	handlers := map[cache.SharedIndexInformer]func(context.Context, any) error{
		factory.Core().V1().PersistentVolumeClaims().Informer(): p.claim,
		factory.Core().V1().PersistentVolumes().Informer():      p.volume,
	}
	for informer, handle := range handlers {
		report := func(object any) {
			if err := handle(ctx, object); err != nil && ctx.Err() == nil {
				runtime.HandleErrorWithContext(ctx, err, "Provision a volume of the real node")
			}
		}
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    report,
			UpdateFunc: func(_, object any) { report(object) },
		})
		if err != nil {
			return fmt.Errorf("provision volumes: %w", err)
		}
	}
	factory.Start(ctx.Done())
	return nil
}

// claim makes the volume that a claim waits for.
func (p *provisioning) claim(ctx context.Context, object any) error {
	claim := object.(*corev1.PersistentVolumeClaim)
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || claim.Annotations[provisioner] == "" {
		return nil
	}
	if selected := claim.Annotations[selectedNode]; selected != p.node && (selected != "" || p.simulated) {
		return nil
	}
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(p.dir, name)
	if err := makeFolder(path); err != nil {
		return fmt.Errorf("make the volume of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, p.describe(claim, name, path), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the volume of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return nil
}

// makeFolder makes a folder that any user of a pod can write to; a database
// wants to own its own.
func makeFolder(path string) error {
	if err := os.Mkdir(path, 0o777); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		return err
	}
	return errors.Join(os.Chmod(path, 0o777), os.Chown(path, owner, owner))
}

func (p *provisioning) describe(claim *corev1.PersistentVolumeClaim, name, path string) *corev1.PersistentVolume {
	folder := corev1.HostPathDirectory
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Labels:      map[string]string{nodeLabel: p.node},
			Annotations: map[string]string{provisionedBy: ourselves},
		},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      claim.Spec.Resources.Requests,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &folder},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{p.node},
				}}}},
			}},
		},
	}
	if claim.Spec.StorageClassName != nil {
		volume.Spec.StorageClassName = *claim.Spec.StorageClassName
	}
	return volume
}

// volume removes a volume of ours whose claim is gone.
func (p *provisioning) volume(ctx context.Context, object any) error {
	volume := object.(*corev1.PersistentVolume)
	ours := volume.Labels[nodeLabel] == p.node && volume.DeletionTimestamp == nil
	if !ours || volume.Status.Phase != corev1.VolumeReleased ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(p.dir, volume.Name)); err != nil {
		return fmt.Errorf("remove volume %s: %w", volume.Name, err)
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove volume %s: %w", volume.Name, err)
	}
	return nil
}
