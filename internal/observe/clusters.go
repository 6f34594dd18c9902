// Package observe reads what is live into an observation for the planner.
package observe

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
	"golang.org/x/sync/errgroup"
)

// Cluster is one API server and the Helm releases on it.
type Cluster struct {
	Kube *kube.Cluster
	Helm *helm.Client
}

// Clusters are the clusters of a fleet by name.
type Clusters map[string]*Cluster

// ClusterError says which cluster of the fleet cannot be used.
type ClusterError struct {
	Cluster *schema.Cluster
	Cause   error
}

func (e *ClusterError) Error() string { return fmt.Sprintf("cluster %s: %v", e.Cluster.Name, e.Cause) }

func (e *ClusterError) Unwrap() error { return e.Cause }

// Connect makes the clients of every cluster that a release of the fleet is
// on, and asks each whether it is there. Its errors are [ClusterError].
func Connect(ctx context.Context, f *schema.Fleet, userAgent string) (Clusters, error) {
	clusters := Clusters{}
	group, ctx := errgroup.WithContext(ctx)
	for name := range usedClusters(f) {
		c := f.Clusters[name]
		k, err := kube.New(kube.Config{Kubeconfig: c.Kubeconfig, Context: c.Context, QPS: c.QPS, Burst: c.Burst, UserAgent: userAgent})
		if err != nil {
			return nil, &ClusterError{c, err}
		}
		clusters[name] = &Cluster{Kube: k, Helm: helm.New(k, helm.Options{})}
		group.Go(func() error {
			if err := k.Check(ctx); err != nil {
				return &ClusterError{c, err}
			}
			return nil
		})
	}
	return clusters, group.Wait()
}

func usedClusters(f *schema.Fleet) map[string]bool {
	used := map[string]bool{f.System.Cluster: true}
	for _, t := range f.Tenants {
		used[t.Cluster] = true
	}
	return used
}
