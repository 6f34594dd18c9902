package snapshot

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const selectedNode = "volume.kubernetes.io/selected-node"

// tenancy is what runs in a namespace and what it keeps its data on.
type tenancy struct {
	deployments []appsv1.Deployment
	sets        []appsv1.StatefulSet
	claims      map[string]*corev1.PersistentVolumeClaim
}

func readTenancy(ctx context.Context, k *kube.Cluster, namespace string) (*tenancy, error) {
	t := &tenancy{claims: map[string]*corev1.PersistentVolumeClaim{}}
	deployments, err := k.Typed().AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the Deployments of namespace %s: %w", namespace, k.Explain(err))
	}
	sets, err := k.Typed().AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the StatefulSets of namespace %s: %w", namespace, k.Explain(err))
	}
	claims, err := k.Typed().CoreV1().PersistentVolumeClaims(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the volume claims of namespace %s: %w", namespace, k.Explain(err))
	}
	t.deployments, t.sets = deployments.Items, sets.Items
	for i := range claims.Items {
		t.claims[claims.Items[i].Name] = &claims.Items[i]
	}
	return t, nil
}

// claimsOf are the live claims of a release, by name in order: those of its
// manifest, those that its StatefulSets made, and those made by others that its
// pods mount.
func (t *tenancy) claimsOf(namespace, release string) []*corev1.PersistentVolumeClaim {
	names := map[string]bool{}
	for name, c := range t.claims {
		if owned(c.ObjectMeta, namespace, release) {
			names[name] = true
		}
	}
	for i := range t.deployments {
		if d := &t.deployments[i]; owned(d.ObjectMeta, namespace, release) {
			maps.Copy(names, mounted(d.Spec.Template.Spec))
		}
	}
	for i := range t.sets {
		if s := &t.sets[i]; owned(s.ObjectMeta, namespace, release) {
			maps.Copy(names, t.claimsOfSet(s))
		}
	}
	var all []*corev1.PersistentVolumeClaim
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if c := t.claims[name]; c != nil {
			all = append(all, c)
		}
	}
	return all
}

// claimsOfSet are the claims that a StatefulSet's pods use, also those of
// replicas that it has no more.
func (t *tenancy) claimsOfSet(s *appsv1.StatefulSet) map[string]bool {
	names := mounted(s.Spec.Template.Spec)
	for _, template := range s.Spec.VolumeClaimTemplates {
		for name := range t.claims {
			ordinal, is := strings.CutPrefix(name, template.Name+"-"+s.Name+"-")
			if _, err := strconv.ParseUint(ordinal, 10, 31); is && err == nil {
				names[name] = true
			}
		}
	}
	return names
}

// mounting is whatever mounts the claims of a snapshot, of its release or not.
func (f *Fleet) mounting(ctx context.Context, s *plan.Snapshot) ([]plan.Scaled, error) {
	k, err := f.cluster(s)
	if err != nil {
		return nil, err
	}
	t, err := readTenancy(ctx, k, s.Namespace)
	if err != nil {
		return nil, err
	}
	claims := map[string]bool{}
	for _, c := range s.Claims {
		claims[c.Claim] = true
	}
	return t.writers(claims), nil
}

// writers are the workloads with pods that mount any of the claims, whosever
// they are.
func (t *tenancy) writers(claims map[string]bool) []plan.Scaled {
	touches := func(used map[string]bool) bool {
		for name := range used {
			if claims[name] {
				return true
			}
		}
		return false
	}
	var all []plan.Scaled
	add := func(kind string, m metav1.ObjectMeta, replicas *int32, used map[string]bool) {
		if n := cmp.Or(replicas, new(int32(1))); *n > 0 && touches(used) {
			all = append(all, plan.Scaled{Kind: kind, Namespace: m.Namespace, Name: m.Name, Replicas: *n})
		}
	}
	for i := range t.deployments {
		d := &t.deployments[i]
		add(deployment, d.ObjectMeta, d.Spec.Replicas, mounted(d.Spec.Template.Spec))
	}
	for i := range t.sets {
		s := &t.sets[i]
		add(statefulSet, s.ObjectMeta, s.Spec.Replicas, t.claimsOfSet(s))
	}
	return all
}

// mounted are the claims that a pod names.
func mounted(spec corev1.PodSpec) map[string]bool {
	names := map[string]bool{}
	for _, v := range spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names[v.PersistentVolumeClaim.ClaimName] = true
		}
	}
	return names
}

// driverOf is the CSI driver or provisioner that has a claim's volume.
func driverOf(ctx context.Context, k *kube.Cluster, c *corev1.PersistentVolumeClaim) (string, error) {
	pv, err := k.Typed().CoreV1().PersistentVolumes().Get(ctx, c.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("look at PersistentVolume %s of claim %s/%s: %w", c.Spec.VolumeName, c.Namespace, c.Name, k.Explain(err))
	}
	if pv.Spec.CSI != nil {
		return pv.Spec.CSI.Driver, nil
	}
	// A volume of before the time of CSI may have moved to a driver.
	return cmp.Or(pv.Annotations["pv.kubernetes.io/migrated-to"], pv.Annotations["pv.kubernetes.io/provisioned-by"], "(not CSI)"), nil
}

// describeClaim notes what a claim needs to be made again.
func describeClaim(c *corev1.PersistentVolumeClaim) plan.ClaimSnapshot {
	out := plan.ClaimSnapshot{Claim: c.Name, UID: string(c.UID), Labels: c.Labels, Node: c.Annotations[selectedNode]}
	if c.Spec.StorageClassName != nil {
		out.StorageClass = *c.Spec.StorageClassName
	}
	if c.Spec.VolumeMode != nil {
		out.VolumeMode = string(*c.Spec.VolumeMode)
	}
	for _, m := range c.Spec.AccessModes {
		out.AccessModes = append(out.AccessModes, string(m))
	}
	request := c.Spec.Resources.Requests[corev1.ResourceStorage]
	out.Request = request.String()
	for name, value := range c.Annotations {
		if domain, _, _ := strings.Cut(name, "/"); domain == "meta.helm.sh" || domain == "helm.sh" {
			if out.Annotations == nil {
				out.Annotations = map[string]string{}
			}
			out.Annotations[name] = value
		}
	}
	return out
}

// waitsForPod says whether the volumes of a storage class are made only once it
// is known where their pod runs.
func waitsForPod(ctx context.Context, k *kube.Cluster, class string) (bool, error) {
	c, err := k.Typed().StorageV1().StorageClasses().Get(ctx, class, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, fmt.Errorf("StorageClass %s, which the claims had, is gone", class)
	}
	if err != nil {
		return false, fmt.Errorf("look at StorageClass %s: %w", class, k.Explain(err))
	}
	return c.VolumeBindingMode != nil && *c.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer, nil
}
