package releases

import (
	"context"
	"sync"

	"github.com/soctalk/fleet/plan"
	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// scaled reads the workloads of the namespaces whose quotas seem to be too small
// for a draft: somebody may have scaled them. Where that is refused, the live
// manifests are believed.
func (s *Set) scaled(ctx context.Context, draft *plan.Draft, outcomes map[string]*plan.Outcome, parallel int) map[plan.Namespace]map[string]plan.Scale {
	if s.live.Offline {
		return nil
	}
	all := map[plan.Namespace]map[string]plan.Scale{}
	var mu sync.Mutex
	group := errgroup.Group{}
	group.SetLimit(parallel)
	for _, ns := range draft.Short(outcomes) {
		group.Go(func() error {
			found := map[string]plan.Scale{}
			for kind, resource := range map[string]string{"Deployment": "deployments", "StatefulSet": "statefulsets"} {
				k := s.clusters[ns.Cluster].Kube
				reading, cancel := k.Reading(ctx)
				list, err := k.Dynamic().Resource(appsv1.SchemeGroupVersion.WithResource(resource)).Namespace(ns.Name).List(reading, metav1.ListOptions{})
				cancel()
				if err != nil {
					return nil
				}
				for _, u := range list.Items {
					asked, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
					pods, _, _ := unstructured.NestedInt64(u.Object, "status", "replicas")
					found[kind+"/"+u.GetName()] = plan.Scale{Asked: int(asked), Pods: int(pods)}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all[ns] = found
			return nil
		})
	}
	_ = group.Wait() // what is not known is not told
	return all
}
