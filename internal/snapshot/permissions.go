package snapshot

import (
	"slices"

	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Permissions are what the snapshots of a plan take, by cluster: those that it
// takes and those that it brings back, also because a step failed.
func Permissions(f *schema.Fleet, doc *plan.Document) map[string][]kube.Access {
	releases := map[string]plan.Release{}
	for _, r := range doc.Releases {
		releases[r.Address] = r
	}
	all := map[string][]kube.Access{}
	for _, s := range doc.Steps {
		r := releases[s.Address]
		add := func(access ...[]kube.Access) { all[r.Cluster] = append(all[r.Cluster], slices.Concat(access...)...) }
		back := s.Kind == plan.StepRestore || s.Kind == plan.StepSnapshot && comesBack(doc.Rollout, s)
		if s.Kind != plan.StepSnapshot && !back {
			continue // a scale-up follows its restore
		}
		if s.Driver == "csi" {
			add(savingVolumes(r.Namespace))
		}
		if s.Driver == "pg_dump" {
			add(database.Permissions(f.System))
		}
		if back || quiesced(f, s) {
			add(scaling(r.Namespace))
		}
		if back && s.Driver == "csi" {
			add(replacingVolumes(r.Namespace))
		}
		if back && s.Tenant == "" { // no migration is to be at work meanwhile
			add(kube.Doing(r.Namespace, "batch", "jobs", "get", "list", "delete"))
		}
	}
	return all
}

// comesBack says whether a failure brings back what a step saves.
func comesBack(r plan.Rollout, s plan.Step) bool {
	if s.Tenant == "" {
		return r.SystemFailure == string(schema.SystemRestore)
	}
	return r.OnFailure == string(schema.TenantRestore)
}

// quiesced says whether the files want what writes to be scaled down while a
// snapshot is taken.
func quiesced(f *schema.Fleet, s plan.Step) bool {
	for _, r := range f.Releases() {
		if r.Address == s.Address {
			return slices.ContainsFunc(r.Snapshots, func(c *schema.Snapshot) bool { return c.Name == s.Snapshot && c.Quiesce })
		}
	}
	return false
}

func savingVolumes(namespace string) []kube.Access {
	return slices.Concat(
		kube.Doing(namespace, "apps", "deployments", "list"),
		kube.Doing(namespace, "apps", "statefulsets", "list"),
		kube.Doing(namespace, "", "persistentvolumeclaims", "list"),
		kube.Doing("", "", "persistentvolumes", "get"),
		kube.Doing("", "storage.k8s.io", "storageclasses", "get"),
		kube.Doing("", snapshotGroup, snapshotClasses.Resource, "list"),
		kube.Doing(namespace, snapshotGroup, volumeSnapshots.Resource, "list", "create", "delete"),
		kube.Doing("", snapshotGroup, contents.Resource, "get", "patch"))
}

func scaling(namespace string) []kube.Access {
	return slices.Concat(
		kube.Doing(namespace, "apps", "deployments", "list"),
		kube.Doing(namespace, "apps", "statefulsets", "list"),
		kube.Doing(namespace, "apps", "deployments/scale", "get", "update"),
		kube.Doing(namespace, "apps", "statefulsets/scale", "get", "update"),
		kube.Doing(namespace, "", "pods", "list"))
}

func replacingVolumes(namespace string) []kube.Access {
	return slices.Concat(
		kube.Doing(namespace, "", "persistentvolumeclaims", "get", "create", "patch", "delete"),
		kube.Doing("", "", "persistentvolumes", "get", "list", "patch"))
}
