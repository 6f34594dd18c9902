package helm_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/schema"
)

func TestMain(m *testing.M) {
	// Most of the time these tests wait for the cluster, not for a processor.
	_ = flag.Set("test.parallel", "6")
	sandboxtest.Main(m)
}

// connect returns a client for the sandbox and a namespace of its own.
func connect(t testing.TB) (*helm.Client, *kube.Cluster, string) {
	t.Helper()
	k, err := kube.New(kube.Config{Kubeconfig: sandboxtest.Cluster(t).Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	return helm.New(k, helm.Options{}), k, sandboxtest.Namespace(t)
}

// files are a chart's, by path.
type files map[string]string

// with returns the files with some replaced or added.
func (f files) with(more ...string) files {
	out := files{}
	for k, v := range f {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// load makes a chart of files.
func load(t *testing.T, f files) *chart.Chart {
	t.Helper()
	dir := t.TempDir()
	for name, text := range f {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return loadDir(t, dir)
}

func loadDir(t testing.TB, dir string) *chart.Chart {
	t.Helper()
	r, err := chart.NewResolver(chart.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Fetch(t.Context(), schema.Chart{Ref: dir}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func meta(name, version string) string {
	return "apiVersion: v2\nname: " + name + "\nversion: " + version + "\nappVersion: " + version + "\n"
}

// small is a chart with a Deployment, a ConfigMap and a Secret that is minted
// once.
var small = files{
	"Chart.yaml": meta("small", "1.0.0"),
	"values.yaml": `
image: {tag: "1"}
note: default
behavior: ""
delay: ""
logs: ""
`,
	"templates/_helpers.tpl": `
{{- define "small.password" -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace (printf "%s-key" .Release.Name) | default dict -}}
{{- with $secret.data }}{{ .password | b64dec }}{{ else }}{{ randAlphaNum 24 }}{{ end }}
{{- end }}`,
	"templates/app.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
      annotations:
        revision: {{ .Release.Revision | quote }}
        sandbox.soctalk.io/behavior: {{ .Values.behavior | quote }}
        {{- with .Values.delay }}
        sandbox.soctalk.io/delay: {{ . | quote }}
        {{- end }}
        {{- with .Values.logs }}
        sandbox.soctalk.io/logs: {{ . | quote }}
        {{- end }}
    spec:
      containers: [{name: main, image: "registry.example.com/small:{{ .Values.image.tag }}"}]
`,
	"templates/objects.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {note: {{ .Values.note | quote }}}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-key}
stringData: {password: {{ include "small.password" . | quote }}}
`,
	"templates/NOTES.txt": "Thank you for installing {{ .Chart.Name }}.",
}

// recorder counts what the API server is asked.
type recorder struct {
	mu       sync.Mutex
	requests []string
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.requests
	r.requests = nil
	return all
}

// record returns a client whose requests are counted.
func record(t *testing.T) (*recorder, *helm.Client) {
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
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.requests = append(r.requests, strings.TrimSpace(req.Method+" "+req.URL.Path))
		r.mu.Unlock()
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	file := filepath.Join(t.TempDir(), "kubeconfig")
	err = clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: server.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c"}},
		CurrentContext: "c",
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(kube.Config{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	return r, helm.New(k, helm.Options{})
}

// install applies a target that must become ready.
func install(t *testing.T, c *helm.Client, target helm.Target, o helm.ApplyOptions) *helm.Release {
	t.Helper()
	r, err := c.Apply(t.Context(), target, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
