package check_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/tools/clientcmd"
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
	sandboxtest.Eventually(t, func(ctx context.Context) error {
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
		"password": "swordfish-of-the-deep", "key": "-----BEGIN KEY-----\ndwarves+of/the/mines\n-----END KEY-----\n",
	}}
	if _, err := client.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	manifest := func(behavior string) string { return jobBlock(behavior, "{name: login}") }
	holds(t, "complete", one(t, c, namespace, manifest("")), true, "Job "+namespace+"/alert-flow-", "is complete")
	failed := one(t, c, namespace, manifest("fail"))
	holds(t, "failed", failed, false, "Job "+namespace+"/alert-flow-", "failed", "for acme", "with (hidden)", "and (hidden)", "| (hidden)")
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		jobs, err := client.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})
		if err == nil && len(jobs.Items) > 0 {
			err = fmt.Errorf("left over: %s", jobs.Items[0].Name)
		}
		return err
	})
}

// What a Job's log must not tell is known only where all of its Secrets can be
// read, whichever of them is looked at first.
func TestJobWithASecretThatCannotBeRead(t *testing.T) {
	t.Parallel()
	namespace, client := sandboxtest.Namespace(t), sandboxtest.Client(t)
	const canary = "swordfish-of-the-deep"
	for _, name := range []string{"a-readable", "b-other", "z-readable"} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"password": canary}}
		if _, err := client.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	c := restricted(t, namespace, []rbacv1.PolicyRule{
		{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"*"}},
		{APIGroups: []string{""}, Resources: []string{"pods", "pods/log"}, Verbs: []string{"*"}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"a-readable", "z-readable", "absent"}},
	})
	asked := func(secret string) apply.Answer { return one(t, c, namespace, jobBlock("fail", secret)) }
	a := asked("{name: a-readable}}, {secretRef: {name: b-other}}, {secretRef: {name: z-readable}")
	holds(t, "forbidden", a, false, "failed", "the log of Job "+namespace+"/alert-flow-", "is not shown", "read Secret "+namespace+"/b-other: permission denied")
	if text := strings.Join(append(a.Seen, a.Found), "\n"); strings.Contains(text, canary) || strings.Contains(text, "for acme") || strings.Contains(text, "last lines") {
		t.Errorf("the log is shown: %s", text)
	}
	a = asked("{name: a-readable}}, {secretRef: {name: absent, optional: true}")
	holds(t, "readable", a, false, "for acme", "with (hidden)")
}

// jobBlock is a check's Job that is given a Secret, and writes what is in it.
func jobBlock(behavior, secret string) string {
	return fmt.Sprintf(`job {
  manifest = <<-YAML
    apiVersion: batch/v1
    kind: Job
    metadata: {name: alert-flow, namespace: elsewhere}
    spec:
      backoffLimit: 0
      template:
        metadata: {annotations: {sandbox.soctalk.io/behavior: %q, sandbox.soctalk.io/logs: "for ${self.slug}\nwith swordfish-of-the-deep\nand ${var.token}\n| dwarves+of/the/mines"}}
        spec:
          restartPolicy: Never
          containers:
          - name: main
            image: registry.example.com/app:1
            envFrom: [{secretRef: %s}]
  YAML
}`, behavior, secret)
}

// restricted is the cluster as a user sees it who may do this in a namespace,
// and nothing else.
func restricted(t *testing.T, namespace string, rules []rbacv1.PolicyRule) *kube.Cluster {
	t.Helper()
	client, user := sandboxtest.Client(t), "restricted-"+namespace
	meta := metav1.ObjectMeta{Name: user, Namespace: namespace}
	if _, err := client.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user}, Subjects: []rbacv1.Subject{{Kind: "User", Name: user}}}
	if _, err := client.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(sandboxtest.Cluster(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range config.AuthInfos {
		u.Impersonate = user
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(kube.Config{Kubeconfig: path})
	if err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, func(ctx context.Context) error { // the authorizer has its own cache
		missing, err := c.Missing(ctx, kube.Doing(namespace, rules[0].APIGroups[0], rules[0].Resources[0], "list"))
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("%s is not allowed yet", missing[0])
		}
		return err
	})
	return c
}
