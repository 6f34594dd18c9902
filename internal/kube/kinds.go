package kube

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// The kinds whose state is looked at; objects of any other are ready as soon
// as they exist.
var (
	kindDeployment  = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	kindStatefulSet = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	kindDaemonSet   = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	kindReplicaSet  = schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	kindJob         = schema.GroupKind{Group: "batch", Kind: "Job"}
	kindPod         = schema.GroupKind{Kind: "Pod"}
	kindClaim       = schema.GroupKind{Kind: "PersistentVolumeClaim"}
	kindService     = schema.GroupKind{Kind: "Service"}
	kindCRD         = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
)

type kindInfo struct {
	resource string
	client   func(*kubernetes.Clientset) cache.Getter
	example  runtime.Object
	state    func(*waiter, runtime.Object) state
}

var kinds = map[schema.GroupKind]kindInfo{
	kindDeployment:  {"deployments", apps, &appsv1.Deployment{}, (*waiter).deployment},
	kindStatefulSet: {"statefulsets", apps, &appsv1.StatefulSet{}, (*waiter).statefulSet},
	kindDaemonSet:   {"daemonsets", apps, &appsv1.DaemonSet{}, (*waiter).daemonSet},
	kindReplicaSet:  {"replicasets", apps, &appsv1.ReplicaSet{}, (*waiter).replicaSet},
	kindJob:         {"jobs", batch, &batchv1.Job{}, (*waiter).job},
	kindPod:         {"pods", core, &corev1.Pod{}, (*waiter).pod},
	kindClaim:       {"persistentvolumeclaims", core, &corev1.PersistentVolumeClaim{}, (*waiter).claim},
	kindService:     {"services", core, &corev1.Service{}, (*waiter).service},
	kindCRD:         {"", nil, &unstructured.Unstructured{}, (*waiter).crd},
}

func apps(c *kubernetes.Clientset) cache.Getter  { return c.AppsV1().RESTClient() }
func batch(c *kubernetes.Clientset) cache.Getter { return c.BatchV1().RESTClient() }
func core(c *kubernetes.Clientset) cache.Getter  { return c.CoreV1().RESTClient() }

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// lister returns how a kind is listed and watched. An empty name means all.
func (c *Cluster) lister(kind schema.GroupKind, namespace, name string) lister {
	info := kinds[kind]
	selector := fields.Everything()
	if name != "" {
		selector = fields.OneTermEqualSelector("metadata.name", name)
	}
	if info.client == nil {
		client := c.watcher.Resource(crdResource)
		return lister{
			list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				o.FieldSelector = selector.String()
				return client.List(ctx, o)
			},
			watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				o.FieldSelector = selector.String()
				return client.Watch(ctx, o)
			},
		}
	}
	lw := cache.NewListWatchFromClient(info.client(c.streaming), info.resource, namespace, selector)
	return lister{list: lw.ListWithContext, watch: lw.WatchWithContext}
}
