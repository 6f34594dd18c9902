package check_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// serve makes a handler a Service of the sandbox: its pods are simulated, so the
// one behind it has an address of this machine.
func serve(t *testing.T, namespace, name string, handler http.Handler) {
	t.Helper()
	address, client := reachable(t), sandboxtest.Client(t)
	listener, err := net.Listen("tcp4", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.HandleFunc("/up", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	port := int32(listener.Addr().(*net.TCPAddr).Port)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name}, // no node takes it
		Spec:       corev1.PodSpec{NodeSelector: map[string]string{"nowhere": "yes"}, Containers: []corev1.Container{{Name: "main", Image: "registry.example.com/app:1"}}},
	}
	if pod, err = client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod.Status.PodIP, pod.Status.PodIPs = address, []corev1.PodIP{{IP: address}}
	pod.ResourceVersion = "" // the scheduler writes its own part meanwhile
	if _, err := client.CoreV1().Pods(namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 8080, TargetPort: intstr.FromInt32(port)}}},
	}
	if _, err := client.CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	leadsTo(t, namespace, name, []any{map[string]any{
		"addresses": []any{map[string]any{"ip": address, "targetRef": map[string]any{"kind": "Pod", "namespace": namespace, "name": name, "uid": string(pod.UID)}}},
		"ports":     []any{map[string]any{"port": int64(port)}},
	}})
	// The API server checks the address against its cache of pods.
	sandboxtest.Eventually(t, within, func(ctx context.Context) error {
		return client.CoreV1().RESTClient().Get().Namespace(namespace).Resource("services").Name(name + ":8080").SubResource("proxy").Suffix("up").Do(ctx).Error()
	})
}

// leadsTo says where a Service without a selector leads to.
func leadsTo(t *testing.T, namespace, name string, subsets []any) {
	t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Endpoints", "metadata": map[string]any{"name": name, "namespace": namespace}}}
	if len(subsets) > 0 {
		o.Object["subsets"] = subsets
	}
	if err := sandboxed(t).Apply(t.Context(), o, "test"); err != nil {
		t.Fatal(err)
	}
}

func TestHTTPThroughTheServiceProxy(t *testing.T) {
	t.Parallel()
	namespace, c := sandboxtest.Namespace(t), sandboxed(t)
	asked := make(chan string, 100)
	mux := http.NewServeMux()
	mux.HandleFunc("/health/ready", func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String() + " " + r.Header.Get("Authorization")
		_, _ = fmt.Fprintf(w, `{"status": "ok", "tenant": %q}`, r.URL.Query().Get("tenant"))
	})
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String() + " "
		http.Error(w, "no database", http.StatusServiceUnavailable)
	})
	serve(t, namespace, "adapter", mux)
	probe := func(service, more string) string {
		return fmt.Sprintf("http {\nservice = %q\nport = 8080\n%s\n}", service, more)
	}
	a := one(t, c, namespace, probe("adapter", "path = \"/health/ready?tenant=${self.slug}\"\njsonpath = \"{.tenant}\"\nequals = \"acme\""))
	holds(t, "ready", a, true, "/health/ready", `"acme"`)
	if len(asked) != 1 {
		t.Fatal("the Service was not asked, or not once")
	}
	if got, want := <-asked, "/health/ready?tenant=acme "; got != want {
		t.Errorf("the Service was asked %q, want %q, without the API server's login", got, want)
	}
	holds(t, "down", one(t, c, namespace, probe("adapter", `path = "/down"`)), false, "status 503, expected 200", "no database")
	if len(asked) != 1 {
		t.Error("a Service that is down was asked several times at once")
	}
	holds(t, "absent", one(t, c, namespace, probe("nobody", "")), false, `"nobody" not found`)
	idle := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "idle"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 8080}}}}
	if _, err := sandboxtest.Client(t).CoreV1().Services(namespace).Create(t.Context(), idle, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	leadsTo(t, namespace, "idle", nil)
	holds(t, "idle", one(t, c, namespace, probe("idle", "")), false, `no endpoints available for service "idle"`)
}

func TestJob(t *testing.T) {
	t.Parallel()
	namespace, c := sandboxtest.Namespace(t), sandboxed(t)
	client := sandboxtest.Client(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "login"}, StringData: map[string]string{
		"password": "swordfish-of-the-deep", "key": "-----BEGIN KEY-----\nc4n4ry+of/the/mines\n-----END KEY-----\n",
	}}
	if _, err := client.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	manifest := func(behavior string) string {
		return fmt.Sprintf(`job {
  manifest = <<-YAML
    apiVersion: batch/v1
    kind: Job
    metadata: {name: alert-flow, namespace: elsewhere}
    spec:
      backoffLimit: 0
      template:
        metadata: {annotations: {sandbox.soctalk.io/behavior: %q, sandbox.soctalk.io/logs: "for ${self.slug}\nwith swordfish-of-the-deep\nand ${var.token}\n| c4n4ry+of/the/mines"}}
        spec:
          restartPolicy: Never
          containers:
          - name: main
            image: registry.example.com/app:1
            envFrom: [{secretRef: {name: login}}]
  YAML
}`, behavior)
	}
	holds(t, "complete", one(t, c, namespace, manifest("")), true, "Job "+namespace+"/alert-flow-", "is complete")
	failed := one(t, c, namespace, manifest("fail"))
	holds(t, "failed", failed, false, "Job "+namespace+"/alert-flow-", "failed", "for acme", "with (hidden)", "and (hidden)", "| (hidden)")
	sandboxtest.Eventually(t, within, func(ctx context.Context) error {
		jobs, err := client.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})
		if err == nil && len(jobs.Items) > 0 {
			err = fmt.Errorf("left over: %s", jobs.Items[0].Name)
		}
		return err
	})
}
