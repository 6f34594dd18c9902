package snapshot

import (
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
)

// Permissions are what saving the volumes of a plan takes, by cluster.
func Permissions(doc *plan.Document) map[string][]kube.Access {
	releases := map[string]plan.Release{}
	for _, r := range doc.Releases {
		releases[r.Address] = r
	}
	all := map[string][]kube.Access{}
	for _, s := range doc.Steps {
		if s.Kind != plan.StepSnapshot || s.Driver != "csi" {
			continue
		}
		r := releases[s.Address]
		add := func(namespace, group, resource string, verbs ...string) {
			for _, verb := range verbs {
				all[r.Cluster] = append(all[r.Cluster], kube.Access{Verb: verb, Group: group, Resource: resource, Namespace: namespace})
			}
		}
		add(r.Namespace, "apps", "deployments", "list")
		add(r.Namespace, "apps", "statefulsets", "list")
		add(r.Namespace, "", "persistentvolumeclaims", "list")
		add("", "", "persistentvolumes", "get")
		add("", "storage.k8s.io", "storageclasses", "get")
		add("", snapshotGroup, snapshotClasses.Resource, "list")
		add(r.Namespace, snapshotGroup, volumeSnapshots.Resource, "list", "create", "delete")
		add("", snapshotGroup, contents.Resource, "get", "patch")
	}
	return all
}
