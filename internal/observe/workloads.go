package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Workloads are the Deployments, StatefulSets and DaemonSets of a release.
type Workloads struct {
	Ready, Total int
	// Waiting are those that are not ready, and what each lacks, in their order.
	Waiting []string
}

// Health is how the workloads of all releases are doing.
type Health struct {
	Releases map[plan.ReleaseKey]*Workloads
	// Clusters holds why the workloads of a cluster could not be listed.
	Clusters map[string]error
}

// helmObjects selects what Helm made: it puts the label on every object.
const helmObjects = "app.kubernetes.io/managed-by=Helm"

// ReadHealth lists the workloads of every cluster, once for all releases.
func ReadHealth(ctx context.Context, clusters Clusters) *Health {
	h := &healthReader{Health: Health{Releases: map[plan.ReleaseKey]*Workloads{}, Clusters: map[string]error{}}}
	var wg sync.WaitGroup
	for _, name := range clusters.usable() {
		wg.Go(func() {
			if err := h.cluster(ctx, name, clusters[name].Kube); err != nil {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.Clusters[name] = err
			}
		})
	}
	wg.Wait()
	for _, w := range h.Releases {
		slices.Sort(w.Waiting)
	}
	return &h.Health
}

type healthReader struct {
	mu sync.Mutex
	Health
}

func (h *healthReader) cluster(ctx context.Context, name string, k *kube.Cluster) error {
	group, ctx := errgroup.WithContext(ctx)
	apps := k.Typed().AppsV1()
	read := func(kind string, list func(context.Context, metav1.ListOptions) (runtime.Object, error)) {
		group.Go(func() error {
			err := pages(func(o metav1.ListOptions) (string, error) {
				reading, cancel := k.Reading(ctx)
				defer cancel()
				o.LabelSelector = helmObjects
				page, err := list(reading, o)
				if err != nil {
					return "", fmt.Errorf("listing every %s: %w", kind, k.ExplainRead(err))
				}
				return h.page(name, kind, page)
			})
			return err
		})
	}
	read("Deployment", func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return apps.Deployments("").List(ctx, o)
	})
	read("StatefulSet", func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return apps.StatefulSets("").List(ctx, o)
	})
	read("DaemonSet", func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return apps.DaemonSets("").List(ctx, o)
	})
	return group.Wait()
}

// page takes in one page of a list and says where the next begins.
func (h *healthReader) page(cluster, kind string, page runtime.Object) (next string, err error) {
	list, err := meta.ListAccessor(page)
	if err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return list.GetContinue(), meta.EachListItem(page, func(item runtime.Object) error {
		object, err := meta.Accessor(item)
		if err != nil {
			return err
		}
		a := object.GetAnnotations()
		key := plan.ReleaseKey{Cluster: cluster, Namespace: a["meta.helm.sh/release-namespace"], Name: a["meta.helm.sh/release-name"]}
		w := h.Releases[key]
		if w == nil {
			w = &Workloads{}
			h.Releases[key] = w
		}
		w.Total++
		if ready, lacks := kube.Ready(item); ready {
			w.Ready++
		} else {
			w.Waiting = append(w.Waiting, strings.Join([]string{kind, object.GetName() + ":", lacks}, " "))
		}
		return nil
	})
}
