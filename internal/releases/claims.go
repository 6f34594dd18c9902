package releases

import (
	"context"
	"sync"

	"github.com/soctalk/fleet/plan"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// claims lists the volume claims of the namespaces that a draft installs
// something with claims into, each once. Where that is refused, nothing is known.
func (s *Set) claims(ctx context.Context, draft *plan.Draft, outcomes map[string]*plan.Outcome, parallel int) map[plan.Namespace][]string {
	if s.live.Offline {
		return nil
	}
	asked := map[plan.Namespace]bool{}
	all := map[plan.Namespace][]string{}
	var mu sync.Mutex
	group := errgroup.Group{}
	group.SetLimit(parallel)
	for _, m := range draft.Moves {
		ns := plan.Namespace{Cluster: m.Release.Cluster, Name: m.Release.Namespace}
		if o := outcomes[m.Release.Address]; m.Action != plan.Install || asked[ns] || o == nil || !o.WantsClaims() {
			continue
		}
		asked[ns] = true
		group.Go(func() error {
			k := s.clusters[ns.Cluster].Kube
			reading, cancel := k.Reading(ctx)
			defer cancel()
			list, err := k.Metadata().Resource(corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims")).Namespace(ns.Name).List(reading, metav1.ListOptions{})
			if err != nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			for _, claim := range list.Items {
				all[ns] = append(all[ns], claim.Name)
			}
			return nil
		})
	}
	_ = group.Wait() // what is not known is not told
	return all
}
