package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// volumes reads, where a release of the cluster is saved by VolumeSnapshots, what
// volumes there are and what their drivers can do: one list of each kind. That
// it cannot be read does not end the observation.
func (o *observer) volumes(ctx context.Context, name string) {
	ours := map[string]bool{}
	for _, r := range o.named {
		if r.Cluster == name && slices.ContainsFunc(r.Snapshots, func(s *schema.Snapshot) bool { return s.Driver == "csi" && s.When != "never" }) {
			ours[r.Namespace] = true
		}
	}
	if len(ours) == 0 {
		return
	}
	v, err := o.clusters[name].volumes(ctx, ours)
	if err != nil {
		v = &plan.Volumes{Problem: err.Error()}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live.Volumes[name] = v
}

// volumes reads the snapshot classes and the claims of some namespaces.
func (c *Cluster) volumes(ctx context.Context, namespaces map[string]bool) (*plan.Volumes, error) {
	v := &plan.Volumes{Claims: map[plan.ClaimKey]plan.VolumeClaim{}}
	err := c.each(ctx, snapshotClassResource, func(u *unstructured.Unstructured) {
		class := object{u.Object}
		v.Classes = append(v.Classes, plan.SnapshotClass{
			Name: u.GetName(), Driver: class.text("driver"), Default: u.GetAnnotations()["snapshot.storage.kubernetes.io/is-default-class"] == "true",
		})
	})
	if err != nil && !apierrors.IsNotFound(err) { // without the definition there is none
		return nil, fmt.Errorf("listing VolumeSnapshotClasses: %w", c.Kube.ExplainRead(err))
	}
	slices.SortFunc(v.Classes, func(a, b plan.SnapshotClass) int { return strings.Compare(a.Name, b.Name) })
	provisioners := map[string]string{}
	err = c.each(ctx, storagev1.SchemeGroupVersion.WithResource("storageclasses"), func(u *unstructured.Unstructured) {
		provisioners[u.GetName()] = object{u.Object}.text("provisioner")
	})
	if err != nil {
		return nil, fmt.Errorf("listing StorageClasses: %w", c.Kube.ExplainRead(err))
	}
	err = c.each(ctx, corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims"), func(u *unstructured.Unstructured) {
		if !namespaces[u.GetNamespace()] {
			return
		}
		claim := object{u.Object}
		class := claim.text("spec", "storageClassName")
		v.Claims[plan.ClaimKey{Namespace: u.GetNamespace(), Name: u.GetName()}] = plan.VolumeClaim{
			StorageClass: class, Bound: claim.text("spec", "volumeName") != "",
			Provisioner: cmp.Or(u.GetAnnotations()["volume.kubernetes.io/storage-provisioner"], provisioners[class]),
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listing volume claims: %w", c.Kube.ExplainRead(err))
	}
	return v, nil
}
