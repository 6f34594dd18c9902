package journal

import (
	"context"

	"github.com/soctalk/fleet/internal/kube"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// records lists ConfigMaps as they were at one moment, page by page, or all at once
// where that takes longer than the API server keeps the moment.
func records(ctx context.Context, k *kube.Cluster, namespace string, selected labels.Set) ([]*corev1.ConfigMap, error) {
	maps := k.Typed().CoreV1().ConfigMaps(namespace)
	pages := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return maps.List(ctx, o) })
	list, _, err := pages.List(ctx, metav1.ListOptions{LabelSelector: selected.String()})
	if err != nil {
		return nil, k.Explain(err)
	}
	var all []*corev1.ConfigMap
	err = meta.EachListItem(list, func(o runtime.Object) error {
		all = append(all, o.(*corev1.ConfigMap))
		return nil
	})
	return all, err
}
