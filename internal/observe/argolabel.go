package observe

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/plan"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// argoLabel is how Argo CD marks what it applies, with the Application's name.
// The Application itself may be on another cluster.
const argoLabel = "argocd.argoproj.io/instance"

// argoLabels notes releases whose Deployments Argo CD has marked: every release
// of SocTalk has one, and those that are marked are one short list.
func (o *observer) argoLabels(ctx context.Context, name string) error {
	c := o.clusters[name]
	deployments := c.Kube.Metadata().Resource(appsv1.SchemeGroupVersion.WithResource("deployments"))
	err := pages(func(options metav1.ListOptions) (string, error) {
		reading, cancel := c.Kube.Reading(ctx)
		defer cancel()
		options.LabelSelector = argoLabel
		list, err := deployments.List(reading, options)
		if err != nil {
			return "", err
		}
		for _, d := range list.Items {
			o.marked(name, &d)
		}
		return list.Continue, nil
	})
	if err != nil && !apierrors.IsForbidden(err) {
		return fmt.Errorf("listing what Argo CD has marked: %w", c.Kube.ExplainRead(err))
	}
	return nil
}

func (o *observer) marked(cluster string, d *metav1.PartialObjectMetadata) {
	key := plan.ReleaseKey{Cluster: cluster, Namespace: d.Annotations["meta.helm.sh/release-namespace"], Name: d.Annotations["meta.helm.sh/release-name"]}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.named[key] != nil && o.live.Owners[key] == "" {
		o.live.Owners[key] = fmt.Sprintf("Argo CD Application %s", d.Labels[argoLabel])
	}
}
