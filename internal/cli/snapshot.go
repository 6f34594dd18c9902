package cli

import (
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/snapshot"
)

// snapshots is the session's fleet as snapshots are taken of it. A cluster that
// cannot be used is left out.
func (s *session) snapshots() *snapshot.Fleet {
	clusters := map[string]*kube.Cluster{}
	for name, c := range s.clusters {
		if c.Failed == nil {
			clusters[name] = c.Kube
		}
	}
	return &snapshot.Fleet{Files: s.fleet, Clusters: clusters}
}
