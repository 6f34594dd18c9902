package kube_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
)

var errShut = errors.New("shut")

func TestFenceKeepsWritesIn(t *testing.T) {
	t.Parallel()
	c, p := through(t)
	maps := c.Typed().CoreV1().ConfigMaps(namespace(t, c))
	shut, shutIt := context.WithCancelCause(t.Context())
	c.SetFence(kube.Fence{Shut: shut, Check: func(context.Context) error { return context.Cause(shut) }})
	create := func(ctx context.Context, name string) error {
		_, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		return err
	}
	if err := create(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	// One that hangs when the fence is shut is given up, and not sent again.
	p.Add(faultproxy.Rule{Match: faultproxy.Path(http.MethodPost, "/configmaps"), Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		shutIt(errShut)
		faultproxy.Hang(w, r, forward)
	}})
	if err := create(t.Context(), "during"); !errors.Is(err, errShut) {
		t.Errorf("Create = %v, want that the fence is shut", err)
	}
	if err := create(t.Context(), "after"); !errors.Is(err, errShut) {
		t.Errorf("Create = %v, want that the fence is shut", err)
	}
	if met := p.Met(); met[0] != 1 {
		t.Errorf("%d writes were sent, want 1", met[0])
	}
	p.Clear()
	if _, err := maps.Get(t.Context(), "before", metav1.GetOptions{}); err != nil {
		t.Errorf("a read: %v", err)
	}
	if err := create(kube.BeyondFence(t.Context()), "beyond"); err != nil {
		t.Errorf("a write beyond the fence: %v", err)
	}
}
