package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/plancache"
	"github.com/soctalk/fleet/schema"
)

// Cluster is one API server and the Helm releases on it.
type Cluster struct {
	Kube *kube.Cluster
	Helm *helm.Client
	// Memory holds bodies from earlier plans; it may be nil.
	Memory *plancache.Cache
	// Failed says why the cluster cannot be used; the clients are nil then.
	Failed error
}

// Clusters are the clusters of a fleet by name.
type Clusters map[string]*Cluster

// usable are the names of the clusters that can be used, sorted.
func (c Clusters) usable() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c)), func(name string) bool { return c[name].Failed != nil })
}

// ClusterError says that the system's cluster cannot be used, without which
// there is nothing to plan.
type ClusterError struct {
	Cluster *schema.Cluster
	Cause   error
}

func (e *ClusterError) Error() string { return fmt.Sprintf("cluster %s: %v", e.Cluster.Name, e.Cause) }

func (e *ClusterError) Unwrap() error { return e.Cause }

// Connect makes the clients of every cluster that a release of the fleet is
// on, or one that leaves it may be, and asks each whether it is there. A cluster that is not is marked as
// failed; only where it is the system's does Connect fail, with a
// [ClusterError].
func Connect(ctx context.Context, f *schema.Fleet, userAgent string) (Clusters, error) {
	clusters := Clusters{}
	var wg sync.WaitGroup
	for name := range usedClusters(f) {
		settings, c := f.Clusters[name], &Cluster{}
		clusters[name] = c
		wg.Go(func() { c.connect(ctx, settings, userAgent) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := clusters[f.System.Cluster].Failed; err != nil {
		return nil, &ClusterError{f.Clusters[f.System.Cluster], err}
	}
	return clusters, nil
}

func (c *Cluster) connect(ctx context.Context, s *schema.Cluster, userAgent string) {
	k, err := kube.New(kube.Config{Kubeconfig: s.Kubeconfig, Context: s.Context, QPS: s.QPS, Burst: s.Burst, UserAgent: userAgent})
	if err != nil {
		c.Failed = err
		return
	}
	reading, cancel := k.Reading(ctx)
	defer cancel()
	if c.Failed = k.Check(reading); c.Failed == nil {
		c.Kube, c.Helm = k, helm.New(k, helm.Options{})
	}
}

func usedClusters(f *schema.Fleet) map[string]bool {
	used := map[string]bool{}
	for _, r := range f.Releases() {
		used[r.Cluster] = true
	}
	for _, r := range f.Removed {
		switch {
		case !r.Destroy:
		case r.Cluster != "":
			used[r.Cluster] = true
		default: // it may be on any
			for name := range f.Clusters {
				used[name] = true
			}
		}
	}
	return used
}
