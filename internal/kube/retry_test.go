package kube_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

// through returns the sandbox's cluster behind a proxy, known to answer.
func through(t *testing.T) (*kube.Cluster, *faultproxy.Proxy) {
	t.Helper()
	upstream, err := clientcmd.BuildConfigFromFlags("", sandboxtest.Cluster(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	p := faultproxy.Start(t, upstream, faultproxy.Options{})
	c, err := kube.New(kube.Config{Kubeconfig: p.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, p
}

// TestOutageInTheMiddleOfAWrite lets one write of each kind go wrong once, and
// looks whether its caller notices and whether it was done, once.
func TestOutageInTheMiddleOfAWrite(t *testing.T) {
	t.Parallel()
	faults := map[string]faultproxy.Fault{
		"refused": faultproxy.Status(429, 0), "failing": faultproxy.Status(500, 0),
		"reset": faultproxy.Reset, "carried out and not answered": faultproxy.Lost,
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := through(t)
			ns := namespace(t, c)
			disturbed := func(method string, do func() error) {
				t.Helper()
				p.Clear()
				p.Add(faultproxy.Rule{Match: faultproxy.Path(method, "/"+ns+"/"), Times: 1, Fault: fault})
				if err := do(); err != nil {
					t.Errorf("%s: %v", method, err)
				}
				if met := p.Met(); met[0] != 1 {
					t.Errorf("%s: %d requests met the fault, want 1", method, met[0])
				}
			}
			maps := c.Typed().CoreV1().ConfigMaps(ns)
			var made *corev1.ConfigMap
			disturbed(http.MethodPost, func() (err error) {
				made, err = maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "m", Labels: map[string]string{"a": "b"}}}, metav1.CreateOptions{})
				return err
			})
			if made == nil || made.UID == "" {
				t.Fatalf("what was created was not returned: %v", made)
			}
			job := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": "j", "namespace": ns},
				"spec": map[string]any{"suspend": true, "template": map[string]any{"spec": map[string]any{
					"restartPolicy": "Never", "containers": []any{map[string]any{"name": "c", "image": "i"}}}}},
			}}
			disturbed(http.MethodPost, func() error {
				live, err := c.Dynamic().Resource(batchv1.SchemeGroupVersion.WithResource("jobs")).Namespace(ns).Create(t.Context(), job, metav1.CreateOptions{})
				if err == nil && live.GetUID() == "" {
					err = fmt.Errorf("what was created was not returned: %v", live)
				}
				return err
			})
			disturbed(http.MethodPatch, func() error {
				_, err := maps.Patch(t.Context(), "m", types.StrategicMergePatchType, []byte(`{"data":{"k":"v"}}`), metav1.PatchOptions{})
				return err
			})
			made.Data, made.ResourceVersion = map[string]string{"k": "w"}, ""
			disturbed(http.MethodPut, func() error {
				_, err := maps.Update(t.Context(), made, metav1.UpdateOptions{})
				return err
			})
			disturbed(http.MethodDelete, func() error { return maps.Delete(t.Context(), "m", metav1.DeleteOptions{}) })
			if _, err := maps.Get(t.Context(), "m", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("it was deleted, and there is: %v", err)
			}
		})
	}
}

// TestWhatSomebodyElseMadeIsNotOurs lets a create meet what is there already.
func TestWhatSomebodyElseMadeIsNotOurs(t *testing.T) {
	t.Parallel()
	c, p := through(t)
	maps := c.Typed().CoreV1().ConfigMaps(namespace(t, c))
	object := func(by string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "m", Annotations: map[string]string{"by": by}}}
	}
	if _, err := maps.Create(t.Context(), object("them"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p.Add(faultproxy.Rule{Match: faultproxy.Path(http.MethodPost, "/configmaps"), Times: 1, Fault: faultproxy.Lost})
	if _, err := maps.Create(t.Context(), object("us"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("Create = %v, want that it exists already", err)
	}
}

// TestHungWriteIsNotSentTwice holds that a write whose caller has given up is
// left alone.
func TestHungWriteIsNotSentTwice(t *testing.T) {
	t.Parallel()
	c, p := through(t)
	ns := namespace(t, c)
	p.Add(faultproxy.Rule{Match: faultproxy.Path(http.MethodPost, "/configmaps"), Fault: faultproxy.Hang})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := c.Typed().CoreV1().ConfigMaps(ns).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "m"}}, metav1.CreateOptions{})
	if met := p.Met(); err == nil || met[0] != 1 {
		t.Errorf("sent %d times: %v", met[0], err)
	}
}

// TestOutageIsToldWhereTimeIsUp lets time run out in the second attempt.
func TestOutageIsToldWhereTimeIsUp(t *testing.T) {
	t.Parallel()
	c, p := through(t)
	ns := namespace(t, c)
	reads := faultproxy.Path(http.MethodGet, "/"+ns+"/configmaps/")
	p.Add(faultproxy.Rule{Match: reads, Times: 1, Fault: faultproxy.Reset}, faultproxy.Rule{Match: reads, Fault: faultproxy.Hang})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := c.Typed().CoreV1().ConfigMaps(ns).Get(ctx, "m", metav1.GetOptions{})
	if said := c.ExplainRead(err).Error(); !strings.Contains(said, "connection") {
		t.Errorf("all that is said of a connection that was reset is: %s", said)
	}
}

// TestCancelledStaysCancelled gives up in the second attempt: whether that one
// was carried out nobody knows, and of the first it would be told.
func TestCancelledStaysCancelled(t *testing.T) {
	t.Parallel()
	c, p := through(t)
	ns := namespace(t, c)
	writes := faultproxy.Path(http.MethodDelete, "/"+ns+"/configmaps/")
	p.Add(faultproxy.Rule{Match: writes, Times: 1, Fault: faultproxy.Reset}, faultproxy.Rule{Match: writes, Fault: faultproxy.Hang})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.Typed().CoreV1().ConfigMaps(ns).Delete(ctx, "m", metav1.DeleteOptions{}) }()
	sandboxtest.Eventually(t, func(context.Context) error {
		if p.Met()[1] == 0 {
			return errors.New("the second attempt was not made")
		}
		return nil
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, it ends with: %v", err)
	}
}
