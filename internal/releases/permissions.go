package releases

import (
	"path"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// needed collects what a run has to be allowed to do on one cluster.
type needed struct {
	list   []kube.Access
	mapper meta.RESTMapper
}

func (n *needed) add(namespace, group, resource string, verbs ...string) {
	n.list = append(n.list, kube.Doing(namespace, group, resource, verbs...)...)
}

// Permissions are, by cluster, what a run of a plan has to be allowed to do:
// what its releases touch, Helm's own records, and what is looked at to know
// when they are ready.
func (s *Set) Permissions(doc *plan.Document) map[string][]kube.Access {
	by := map[string]*needed{}
	on := func(cluster string) *needed {
		if by[cluster] == nil {
			by[cluster] = &needed{mapper: s.clusters[cluster].Kube.Mapper()}
		}
		return by[cluster]
	}
	for _, t := range doc.Touches {
		for _, namespace := range t.Namespaces {
			for _, kind := range t.Kinds {
				on(t.Cluster).kind(kind, namespace)
			}
		}
	}
	for _, r := range doc.Releases {
		if r.Action == plan.Unchanged {
			continue
		}
		n := on(r.Cluster)
		n.add(r.Namespace, "", "secrets", "get", "list", "create", "update", "delete") // Helm's records
		n.add(r.Namespace, "", "pods", "list", "watch")
		n.add(r.Namespace, "apps", "replicasets", "list", "watch")
		if r.Action == plan.Install {
			n.add("", "", "namespaces", "create") // Helm asks for it even where there is one
		}
		if r.Action == plan.Rollback && r.Address == s.fleet.System.Address {
			n.add(r.Namespace, "batch", "jobs", "get", "delete") // the migration's cannot be changed
		}
	}
	all := map[string][]kube.Access{}
	for cluster, n := range by {
		all[cluster] = n.list
	}
	return all
}

// waited are the kinds that are watched until they are ready.
var waited = map[schema.GroupKind]bool{
	{Group: "apps", Kind: "Deployment"}: true, {Group: "apps", Kind: "StatefulSet"}: true, {Group: "apps", Kind: "DaemonSet"}: true,
	{Group: "apps", Kind: "ReplicaSet"}: true, {Group: "batch", Kind: "Job"}: true, {Kind: "Pod"}: true, {Kind: "PersistentVolumeClaim"}: true,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: true,
}

// kind adds what Helm does to objects of a kind. One that the cluster does not
// know yet comes with a definition of the same plan.
func (n *needed) kind(name, namespace string) {
	gvk := schema.FromAPIVersionAndKind(path.Dir(name), path.Base(name))
	mapping, err := n.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		namespace = ""
	}
	verbs := []string{"get", "create", "patch", "delete"}
	if waited[gvk.GroupKind()] {
		verbs = append(verbs, "list", "watch")
	}
	n.add(namespace, gvk.Group, strings.ToLower(mapping.Resource.Resource), verbs...)
}
