package kube_test

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	// Most of the time these tests wait for the cluster, not for a processor.
	_ = flag.Set("test.parallel", "12")
	sandboxtest.Main(m)
}

// connect returns the sandbox's cluster and a namespace of its own.
func connect(t *testing.T) (*kube.Cluster, string) {
	t.Helper()
	c, err := kube.New(kube.Config{Kubeconfig: sandboxtest.Cluster(t).Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	return c, namespace(t, c)
}

func namespace(t *testing.T, c *kube.Cluster) string {
	t.Helper()
	ns, err := c.Typed().CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "kube-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Typed().CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{})
	})
	return ns.Name
}

// parse reads objects and puts them into the namespace.
func parse(t *testing.T, namespace, manifest string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	d := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := d.Decode(&o.Object); err != nil {
			break
		}
		if len(o.Object) > 0 {
			if o.GetKind() != "CustomResourceDefinition" {
				o.SetNamespace(namespace)
			}
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no objects in %s", manifest)
	}
	return all
}

// apply makes the objects be what the manifest says.
func apply(t *testing.T, c *kube.Cluster, namespace, manifest string) []*unstructured.Unstructured {
	t.Helper()
	all := parse(t, namespace, manifest)
	for _, o := range all {
		if err := c.Apply(t.Context(), o, "test"); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// kubeconfig writes one for a server.
func kubeconfig(t *testing.T, server, token string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: server, InsecureSkipTLSVerify: strings.HasPrefix(server, "https")}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{"main": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "main",
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// recorder stands before the API server and notes what it is asked.
type recorder struct {
	mu       sync.Mutex
	requests []string
	// before may answer in the server's place.
	before func(http.ResponseWriter, *http.Request) bool
}

func record(t *testing.T) (*recorder, *kube.Cluster) {
	t.Helper()
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Header.Del("Authorization") },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.requests = append(r.requests, req.Method+" "+req.URL.Path)
		before := r.before
		r.mu.Unlock()
		if before != nil && before(w, req) {
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	c, err := kube.New(kube.Config{Kubeconfig: kubeconfig(t, server.URL, "")})
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

// take returns the requests since the last time.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.requests
	r.requests = nil
	return all
}

func (r *recorder) intercept(f func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = f
}

func TestConfigurationErrors(t *testing.T) {
	t.Parallel()
	good := kubeconfig(t, "https://127.0.0.1:1", "")
	written := func(text string) string {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken, other := written("apiVersion: [v1"), written("just a text")
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	astray := written(regexp.MustCompile(`(?m)^current-context: .*`).ReplaceAllString(string(data), "current-context: nosuch"))
	for name, test := range map[string]struct {
		config kube.Config
		want   string
	}{
		"missing file":    {kube.Config{Kubeconfig: "/nowhere/config"}, "/nowhere/config cannot be read: no such file or directory"},
		"missing context": {kube.Config{Kubeconfig: good, Context: "prod"}, `has no context "prod"; it has main`},
		"broken file":     {kube.Config{Kubeconfig: broken}, "cannot be read: it is no YAML: line 1: did not find"},
		"another file":    {kube.Config{Kubeconfig: other}, "cannot be read: it is YAML, but no kubeconfig"},
		"wrong current":   {kube.Config{Kubeconfig: astray}, `has no context "nosuch", which it names as its current one; it has main`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kube.New(test.config)
			var config *kube.ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	t.Cleanup(other.Close)
	for name, test := range map[string]struct{ server, want string }{
		"closed port":  {"https://" + closed.Addr().String(), "nothing listens there"},
		"no such host": {"https://api.invalid:6443", "does not resolve"},
		"plain HTTP":   {strings.Replace(plain.URL, "http:", "https:", 1), "speaks plain HTTP"},
		"other server": {other.URL, "no Kubernetes API server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := kube.New(kube.Config{Kubeconfig: kubeconfig(t, test.server, "")})
			if err != nil {
				t.Fatal(err)
			}
			err = c.Check(within(t, 20*time.Second))
			var unreachable *kube.UnreachableError
			if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if !strings.Contains(err.Error(), test.server) {
				t.Errorf("%v does not name %s", err, test.server)
			}
		})
	}
}

func TestUnauthorizedAndForbidden(t *testing.T) {
	t.Parallel()
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := kube.New(kube.Config{Kubeconfig: kubeconfig(t, config.Host, "wrong")})
	if err != nil {
		t.Fatal(err)
	}
	var unauthorized *kube.UnauthorizedError
	if err := stranger.Check(t.Context()); !errors.As(err, &unauthorized) {
		t.Errorf("with a wrong token: got %v", err)
	}
	anonymous, err := kube.New(kube.Config{Kubeconfig: kubeconfig(t, config.Host, "")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = anonymous.Typed().CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
	var forbidden *kube.ForbiddenError
	if err := anonymous.Explain(err); !errors.As(err, &forbidden) || !strings.Contains(err.Error(), "pods") {
		t.Errorf("without credentials: got %v", err)
	}
}

func TestDiscoveryIsReadOnce(t *testing.T) {
	t.Parallel()
	r, c := record(t)
	for range 3 {
		if _, err := c.Version(t.Context()); err != nil {
			t.Fatal(err)
		}
		versions, err := c.APIVersions()
		if err != nil {
			t.Fatal(err)
		}
		joined := strings.Join(versions, " ")
		for _, want := range []string{"v1", "v1/Secret", "apps/v1", "apps/v1/Deployment"} {
			if !strings.Contains(" "+joined+" ", " "+want+" ") {
				t.Errorf("no %s among the API versions", want)
			}
		}
		getter := c.RESTClientGetter("a")
		mapper, err := getter.ToRESTMapper()
		if err != nil {
			t.Fatal(err)
		}
		gvk := corev1.SchemeGroupVersion.WithKind("Secret")
		if _, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
			t.Fatal(err)
		}
		if ns, _, _ := getter.ToRawKubeConfigLoader().Namespace(); ns != "a" {
			t.Errorf("got namespace %q", ns)
		}
	}
	if got := r.take(); len(got) > 4 {
		t.Errorf("%d requests: %s", len(got), got)
	}
}

func TestNewKindIsFound(t *testing.T) {
	t.Parallel()
	r, c := record(t)
	if _, err := c.APIVersions(); err != nil {
		t.Fatal(err)
	}
	crds := apply(t, c, "", widgets("found"))
	if err := c.WaitReady(within(t, 30*time.Second), crds, kube.WaitOptions{}); err != nil {
		t.Fatal(err)
	}
	gvk := corev1.SchemeGroupVersion.WithKind("Widget")
	gvk.Group = "found.example.com"
	if _, err := c.Mapper().RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
		t.Error(err)
	}
	versions, err := c.APIVersions()
	if err != nil || !slices.Contains(versions, "found.example.com/v1/Widget") {
		t.Errorf("it is not among the API versions: %v", err)
	}
	r.take()
	for range 20 {
		_, _ = c.Mapper().RESTMapping(gvk.GroupKind(), "v9")
	}
	if got := r.take(); len(got) > 4 {
		t.Errorf("a kind that does not exist was looked for in %d requests", len(got))
	}
}

func widgets(group string) string {
	return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.` + group + `.example.com}
spec:
  group: ` + group + `.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`
}

func TestShortOutageIsSurvived(t *testing.T) {
	t.Parallel()
	r, c := record(t)
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	failures := 2
	r.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if failures == 0 {
			return false
		}
		failures--
		if failures == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	if _, err := c.Typed().CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
		t.Errorf("a read was not repeated: %v", err)
	}
	posts := 0
	r.intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPost {
			posts++
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	if _, err := c.Typed().CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "never-"}}, metav1.CreateOptions{}); err == nil || posts != 1 {
		t.Errorf("a write that would be done twice was sent %d times: %v", posts, err)
	}
}
