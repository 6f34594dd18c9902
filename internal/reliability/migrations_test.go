package reliability

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/soctalk/fleet/internal/kube"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// migrations are the migration Jobs that were ever made in a namespace, as its
// API server tells.
type migrations struct {
	mu   sync.Mutex
	seen map[string]bool // by UID
}

func watchMigrations(t *testing.T, k *kube.Cluster, namespace string) *migrations {
	t.Helper()
	m := &migrations{seen: map[string]bool{}}
	client, err := kubernetes.NewForConfig(k.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Batch().V1().Jobs().Informer()
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: m.note}); err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	t.Cleanup(func() {
		stop()
		factory.Shutdown()
	})
	return m
}

func (m *migrations) note(o any) {
	job, ok := o.(*batchv1.Job)
	if !ok || !strings.Contains(job.GetName(), "alembic-upgrade") {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[string(job.GetUID())] = true
}

// count is how many Jobs there were; the one that is there still counts even
// when the watch has not told of it yet.
func (m *migrations) count(t *testing.T, k *kube.Cluster, namespace string) int {
	t.Helper()
	list, err := k.Typed().BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		m.note(&list.Items[i])
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen)
}
