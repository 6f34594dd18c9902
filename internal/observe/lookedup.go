package observe

import (
	"context"

	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// notOfHelm selects the Secrets that hold no revisions.
const notOfHelm = "type!=helm.sh/release.v1"

// learnCluster learns what the Secrets hold that are beside the releases:
// templates look them up, and write what they find wherever they like.
func (r *redactor) learnCluster(ctx context.Context, name string, c *Cluster, live *Live) error {
	beside := map[plan.Namespace]bool{}
	for key := range live.Releases {
		beside[plan.Namespace{Cluster: key.Cluster, Name: key.Namespace}] = true
	}
	return pages(func(o metav1.ListOptions) (string, error) {
		reading, cancel := c.Kube.Reading(ctx)
		defer cancel()
		o.FieldSelector = notOfHelm
		list, err := c.Kube.Typed().CoreV1().Secrets(metav1.NamespaceAll).List(reading, o)
		if err != nil {
			return "", c.Kube.ExplainRead(err)
		}
		for i := range list.Items {
			if s := &list.Items[i]; beside[plan.Namespace{Cluster: name, Name: s.Namespace}] {
				r.learnLive(s)
			}
		}
		return list.Continue, nil
	})
}

// learnLive learns what is in a live Secret, annotations and all.
func (r *redactor) learnLive(s *corev1.Secret) {
	for _, value := range s.Data {
		r.learn(string(value), r.secrets, r.all)
	}
	for key, value := range s.Annotations {
		if key != "meta.helm.sh/release-name" && key != "meta.helm.sh/release-namespace" {
			r.learn(value, r.secrets, r.all)
		}
	}
}
