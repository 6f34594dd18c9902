package observe

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// bounds reads the quotas and limits of the namespaces that the fleet's releases
// are in, with one list of each on a cluster. Who may not list them plans with
// those that the releases themselves bring.
func (o *observer) bounds(ctx context.Context, name string) error {
	ours := map[plan.Namespace]bool{}
	for key := range o.named {
		ours[plan.Namespace{Cluster: key.Cluster, Name: key.Namespace}] = true
	}
	c := o.clusters[name]
	for _, resource := range []string{"resourcequotas", "limitranges"} {
		err := c.each(ctx, corev1.SchemeGroupVersion.WithResource(resource), func(u *unstructured.Unstructured) {
			ns := plan.Namespace{Cluster: name, Name: u.GetNamespace()}
			if !ours[ns] {
				return
			}
			u.SetManagedFields(nil)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.live.Bounds[ns] = append(o.live.Bounds[ns], u.Object)
		})
		if err != nil && !apierrors.IsForbidden(err) {
			return fmt.Errorf("listing quotas and limits: %w", c.Kube.ExplainRead(err))
		}
	}
	return nil
}
