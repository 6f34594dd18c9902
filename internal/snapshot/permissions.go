package snapshot

import (
	"context"
	"slices"

	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Permissions are what the snapshots of a plan take, by cluster: those that it
// takes and those that it brings back, also because a step failed.
func (f *Fleet) Permissions(ctx context.Context, doc *plan.Document) map[string][]kube.Access {
	releases := releasesOf(doc)
	veleros := map[place]string{}
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
		if s.Driver == "velero" {
			at := place{r.Cluster, f.locationOf(s)}
			if _, known := veleros[at]; !known {
				veleros[at] = f.veleroAt(ctx, at)
			}
			add(savingByVelero(r.Namespace, veleros[at]))
		}
		if s.Driver == "pg_dump" {
			add(database.Permissions(f.Files.System))
		}
		if back || quiesced(f.Files, s) {
			add(scaling(r.Namespace))
		}
		if back && (s.Driver == "csi" || s.Driver == "velero") {
			add(replacingVolumes(r.Namespace))
		}
		if back && s.Driver == "velero" {
			add(restoringByVelero(veleros[place{r.Cluster, f.locationOf(s)}]))
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

// place is a BackupStorageLocation as the files name it; empty is the default.
type place struct{ cluster, location string }

// locationOf is where the files put the Backups of a step.
func (f *Fleet) locationOf(s plan.Step) string {
	c, err := f.config(&plan.Snapshot{Address: s.Address, Name: s.Snapshot, Driver: s.Driver})
	if err != nil {
		return "" // a way back need not be in the files any more
	}
	return c.Location
}

// veleroAt is the namespace that Velero works in, if that can be known: what is
// wrong with it is for [Fleet.Ready] to say.
func (f *Fleet) veleroAt(ctx context.Context, at place) string {
	k := f.Clusters[at.cluster]
	if k == nil {
		return ""
	}
	found, _ := locate(ctx, k, at.location)
	return found.namespace
}

func savingByVelero(namespace, at string) []kube.Access {
	needed := slices.Concat(
		kube.Doing(namespace, "apps", "deployments", "list"),
		kube.Doing(namespace, "apps", "statefulsets", "list"),
		kube.Doing(namespace, "", "persistentvolumeclaims", "list"),
		kube.Doing("", "storage.k8s.io", "storageclasses", "get"),
		kube.Doing("", veleroGroup, veleroLocations.Resource, "list"))
	if at == "" {
		return needed
	}
	return slices.Concat(needed,
		kube.Doing(at, veleroGroup, veleroLocations.Resource, "get"),
		kube.Doing(at, veleroGroup, veleroBackups.Resource, "get", "create", "delete"),
		kube.Doing(at, veleroGroup, veleroDeletions.Resource, "get", "create"),
		kube.Doing(at, veleroGroup, veleroFileCopies.Resource, "list"),
		kube.Doing(at, veleroGroup, veleroUploads.Resource, "list"),
		kube.Doing(at, veleroGroup, veleroRestores.Resource, "list"))
}

func restoringByVelero(at string) []kube.Access {
	if at == "" {
		return nil
	}
	return kube.Doing(at, veleroGroup, veleroRestores.Resource, "get", "create", "patch")
}
