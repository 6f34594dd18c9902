package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/plan"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
)

// ownerKind is a kind of object by which another tool manages releases.
type ownerKind struct {
	// tool is its name for people.
	tool, group, kind, resource string
	// versions are the ones understood, best first.
	versions []string
	// releases are those that an object stands for; an empty Cluster is the
	// object's own.
	releases func(object) []plan.ReleaseKey
}

// ownerKinds are looked for on each cluster that has them, with one list each.
var ownerKinds = []ownerKind{
	{"k3s", "helm.cattle.io", "HelmChart", "helmcharts", []string{"v1"}, ofHelmChart},
	{"Flux", "helm.toolkit.fluxcd.io", "HelmRelease", "helmreleases", []string{"v2", "v2beta2", "v2beta1"}, ofHelmRelease},
	{"Argo CD", "argoproj.io", "Application", "applications", []string{"v1alpha1"}, ofApplication},
}

// owners notes which releases of the fleet other tools manage too. Who may not
// list a kind is not told of it: that is how tools are kept apart.
func (o *observer) owners(ctx context.Context, name string) error {
	c := o.clusters[name]
	offered, err := c.Kube.APIVersions()
	if err != nil {
		return fmt.Errorf("asking what the API server offers: %w", c.Kube.ExplainRead(err))
	}
	for _, k := range ownerKinds {
		i := slices.IndexFunc(k.versions, func(v string) bool { return slices.Contains(offered, k.group+"/"+v+"/"+k.kind) })
		if i < 0 {
			continue
		}
		resource := kschema.GroupVersionResource{Group: k.group, Version: k.versions[i], Resource: k.resource}
		err := c.each(ctx, resource, func(u *unstructured.Unstructured) { o.owned(name, k, object{u.Object}) })
		switch {
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err): // not found: gone meanwhile
		case err != nil:
			return fmt.Errorf("listing %s %s objects: %w", k.tool, k.kind, c.Kube.ExplainRead(err))
		}
	}
	return nil
}

// each lists a resource page by page.
func (c *Cluster) each(ctx context.Context, r kschema.GroupVersionResource, f func(*unstructured.Unstructured)) error {
	return pages(func(o metav1.ListOptions) (string, error) {
		reading, cancel := c.Kube.Reading(ctx)
		defer cancel()
		list, err := c.Kube.Dynamic().Resource(r).List(reading, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			f(&list.Items[i])
		}
		return list.GetContinue(), nil
	})
}

func (o *observer) owned(cluster string, k ownerKind, obj object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	owner := fmt.Sprintf("%s %s %s/%s", k.tool, k.kind, obj.text("metadata", "namespace"), obj.text("metadata", "name"))
	for _, key := range k.releases(obj) {
		if key.Cluster = o.clusterAt(key.Cluster, cluster); o.named[key] == nil {
			continue
		}
		if others := o.live.Owners[key]; others == "" {
			o.live.Owners[key] = owner
		} else if !slices.Contains(strings.Split(others, " and "), owner) {
			o.live.Owners[key] = others + " and " + owner
		}
	}
}

// clusterAt returns the name of the cluster with an API server's address; own
// stands for none, and "" is one that the fleet does not know.
func (o *observer) clusterAt(address, own string) string {
	if address == "" {
		return own
	}
	for _, name := range o.clusters.usable() {
		if strings.TrimSuffix(o.clusters[name].Kube.Host(), "/") == strings.TrimSuffix(address, "/") {
			return name
		}
	}
	return ""
}

// ofHelmChart reads the object of k3s and RKE2.
func ofHelmChart(o object) []plan.ReleaseKey {
	return []plan.ReleaseKey{{Namespace: cmp.Or(o.text("spec", "targetNamespace"), o.text("metadata", "namespace")), Name: o.text("metadata", "name")}}
}

// ofHelmRelease reads Flux's object. Flux may keep a release's revisions in
// another namespace than its objects; either is worth a word.
func ofHelmRelease(o object) []plan.ReleaseKey {
	if o.has("spec", "kubeConfig") {
		return nil // it is for another cluster
	}
	own, target, name := o.text("metadata", "namespace"), o.text("spec", "targetNamespace"), o.text("metadata", "name")
	if target != "" {
		name = target + "-" + name
	}
	name = cmp.Or(o.text("spec", "releaseName"), name)
	return []plan.ReleaseKey{{Namespace: cmp.Or(target, own), Name: name}, {Namespace: cmp.Or(o.text("spec", "storageNamespace"), own), Name: name}}
}

// ofApplication reads Argo CD's object. Argo CD renders charts itself, so
// there may be no release at all, only its objects.
func ofApplication(o object) []plan.ReleaseKey {
	address := o.text("spec", "destination", "server")
	switch other := o.text("spec", "destination", "name"); {
	case address == "https://kubernetes.default.svc", other == "in-cluster":
		address = ""
	case address == "":
		return nil // a cluster that only Argo CD knows by this name
	}
	namespace, name := o.text("spec", "destination", "namespace"), o.text("metadata", "name")
	sources := append(o.list("spec", "sources"), object{o.at("spec", "source")})
	var keys []plan.ReleaseKey
	for _, s := range sources {
		keys = append(keys, plan.ReleaseKey{Cluster: address, Namespace: namespace, Name: cmp.Or(s.text("helm", "releaseName"), name)})
	}
	return keys
}

// object is what other tools wrote, which may be anything: a field that is not
// of the expected type is taken for one that is not there.
type object struct{ value any }

func (o object) at(path ...string) any {
	v := o.value
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func (o object) text(path ...string) string { s, _ := o.at(path...).(string); return s }

func (o object) has(path ...string) bool { return o.at(path...) != nil }

func (o object) list(path ...string) []object {
	items, _ := o.at(path...).([]any)
	var all []object
	for _, i := range items {
		all = append(all, object{i})
	}
	return all
}
