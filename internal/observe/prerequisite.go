package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
	authorizationv1 "k8s.io/api/authorization/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	crdResource           = kschema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	snapshotClassResource = kschema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotclasses"}
)

// prerequisites checks each on every cluster and records why one does not hold.
func (o *observer) prerequisites(ctx context.Context) {
	names := o.clusters.usable()
	for _, p := range o.fleet.Prerequisites {
		var missing []string
		for _, name := range names {
			if o.failed[name] != nil {
				continue // says enough
			}
			why := o.clusters[name].lacks(ctx, p)
			if why != "" && len(o.clusters) > 1 {
				why = "on cluster " + name + ": " + why
			}
			if why != "" {
				missing = append(missing, why)
			}
		}
		if len(missing) > 0 {
			o.live.Prerequisites[p.Name] = strings.Join(missing, "; ")
		}
	}
}

// lacks says why a prerequisite does not hold, or cannot be checked.
func (c *Cluster) lacks(ctx context.Context, p *schema.Prerequisite) string {
	ctx, cancel := c.Kube.Reading(ctx)
	defer cancel()
	why, err := check(ctx, c.Kube, p)
	if err != nil {
		return fmt.Sprintf("it cannot be checked: %v", c.Kube.ExplainRead(err))
	}
	return why
}

// check returns why a prerequisite does not hold, or "".
func check(ctx context.Context, k *kube.Cluster, p *schema.Prerequisite) (string, error) {
	switch {
	case p.CRD != "":
		return anyCRD(ctx, k, []string{p.CRD})
	case len(p.AnyCRD) > 0:
		return anyCRD(ctx, k, p.AnyCRD)
	case p.DefaultStorageClass != nil:
		return defaultStorageClass(ctx, k, *p.DefaultStorageClass)
	case p.Kubernetes != nil:
		return kubernetes(ctx, k, p.Kubernetes)
	case p.SnapshotClass != "":
		found, err := exists(ctx, k, snapshotClassResource, p.SnapshotClass)
		return unless(found, fmt.Sprintf("there is no VolumeSnapshotClass %q", p.SnapshotClass)), err
	case p.Permission != nil:
		return permission(ctx, k, p.Permission)
	}
	return "", nil
}

func anyCRD(ctx context.Context, k *kube.Cluster, names []string) (string, error) {
	for _, n := range names {
		if found, err := exists(ctx, k, crdResource, n); found || err != nil {
			return "", err
		}
	}
	return "there is no CustomResourceDefinition " + strings.Join(names, " or "), nil
}

func exists(ctx context.Context, k *kube.Cluster, r kschema.GroupVersionResource, name string) (bool, error) {
	_, err := k.Metadata().Resource(r).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, nil
}

func defaultStorageClass(ctx context.Context, k *kube.Cluster, want bool) (string, error) {
	list, err := k.Typed().StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	has := slices.ContainsFunc(list.Items, func(c storagev1.StorageClass) bool {
		return c.Annotations["storageclass.kubernetes.io/is-default-class"] == "true"
	})
	switch {
	case want && !has:
		return "no StorageClass is marked as the default", nil
	case !want && has:
		return "a StorageClass is marked as the default, and none should be", nil
	}
	return "", nil
}

func kubernetes(ctx context.Context, k *kube.Cluster, want *semver.Constraints) (string, error) {
	info, err := k.Version(ctx)
	if err != nil {
		return "", err
	}
	v, err := semver.NewVersion(info.GitVersion)
	if err != nil {
		return fmt.Sprintf("the API server calls itself %q, which is no version", info.GitVersion), nil
	}
	// A vendor's suffix (v1.33.1-eks-abc) is no pre-release.
	release := semver.New(v.Major(), v.Minor(), v.Patch(), "", "")
	return unless(want.Check(release), fmt.Sprintf("the cluster runs Kubernetes %s", info.GitVersion)), nil
}

func permission(ctx context.Context, k *kube.Cluster, p *schema.Permission) (string, error) {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: p.Verb, Resource: p.Resource, Group: p.Group, Namespace: p.Namespace},
	}}
	answer, err := k.Typed().AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	resource := p.Resource
	if p.Group != "" {
		resource += "." + p.Group
	}
	where := "in every namespace"
	if p.Namespace != "" {
		where = "in namespace " + p.Namespace
	}
	return unless(answer.Status.Allowed, fmt.Sprintf("this account may not %s %s %s", p.Verb, resource, where)), nil
}

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}
