package observe

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/plan"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pageSize bounds one answer of a list.
const pageSize = 500

// Health says of each live release whether its workloads are ready: "ready", or
// the first that is not. It lists workloads once for all releases.
func Health(ctx context.Context, clusters Clusters, live *Live) (map[plan.ReleaseKey]string, error) {
	health := map[plan.ReleaseKey]string{}
	for key := range live.Releases {
		health[key] = "ready"
	}
	for _, name := range clusters.usable() {
		c := clusters[name]
		note := func(kind string, m metav1.ObjectMeta, observed int64, want *int32, ready int32) {
			key := plan.ReleaseKey{Cluster: name, Namespace: m.Annotations["meta.helm.sh/release-namespace"], Name: m.Annotations["meta.helm.sh/release-name"]}
			wanted := int32(1)
			if want != nil {
				wanted = *want
			}
			if health[key] == "ready" && (ready < wanted || observed < m.Generation) {
				health[key] = fmt.Sprintf("%s %s: %d of %d ready", kind, m.Name, ready, wanted)
			}
		}
		if err := c.workloads(ctx, note); err != nil {
			return nil, fmt.Errorf("list the workloads of cluster %s: %w", name, c.Kube.Explain(err))
		}
	}
	return health, nil
}

type noteWorkload func(kind string, m metav1.ObjectMeta, observed int64, want *int32, ready int32)

func (c *Cluster) workloads(ctx context.Context, note noteWorkload) error {
	apps := c.Kube.Typed().AppsV1()
	err := pages(func(o metav1.ListOptions) (string, error) {
		list, err := apps.Deployments("").List(ctx, o)
		if err != nil {
			return "", err
		}
		for _, d := range list.Items {
			note("Deployment", d.ObjectMeta, d.Status.ObservedGeneration, d.Spec.Replicas, updatedAndReady(d.Status))
		}
		return list.Continue, nil
	})
	if err != nil {
		return err
	}
	return pages(func(o metav1.ListOptions) (string, error) {
		list, err := apps.StatefulSets("").List(ctx, o)
		if err != nil {
			return "", err
		}
		for _, s := range list.Items {
			note("StatefulSet", s.ObjectMeta, s.Status.ObservedGeneration, s.Spec.Replicas, s.Status.ReadyReplicas)
		}
		return list.Continue, nil
	})
}

// updatedAndReady does not let an old pod vouch for a new generation.
func updatedAndReady(s appsv1.DeploymentStatus) int32 { return min(s.UpdatedReplicas, s.ReadyReplicas) }

func pages(list func(metav1.ListOptions) (next string, err error)) error {
	o := metav1.ListOptions{Limit: pageSize}
	for {
		next, err := list(o)
		if err != nil || next == "" {
			return err
		}
		o.Continue = next
	}
}
