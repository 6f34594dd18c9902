package clitest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// damage NAMESPACE/RELEASE HOW spoils what Helm has stored of a release.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	namespace, name, _ := strings.Cut(args[0], "/")
	how := args[1]
	r := newest(ts, namespace, name)
	if edit := edits[how]; edit != nil {
		edit(r)
		ts.Check(configuration(ts, namespace).Releases.Update(r))
		return
	}
	client, err := configuration(ts, namespace).KubernetesClientSet()
	ts.Check(err)
	secrets, stored := client.CoreV1().Secrets(namespace), fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, r.Version)
	if how == "gone" {
		ts.Check(secrets.Delete(context.Background(), stored, metav1.DeleteOptions{}))
		return
	}
	s, err := secrets.Get(context.Background(), stored, metav1.GetOptions{})
	ts.Check(err)
	spoil := spoiling[how]
	if spoil == nil {
		ts.Fatalf("there is no damage %q", how)
	}
	spoil(s.Labels, &s.Data)
	_, err = secrets.Update(context.Background(), s, metav1.UpdateOptions{})
	ts.Check(err)
}

// edits leave a body that Helm reads.
var edits = map[string]func(*release.Release){
	"version":  func(r *release.Release) { r.Chart.Metadata.Version = "latest" },
	"chart":    func(r *release.Release) { r.Chart.Metadata.Name = "postgresql" },
	"manifest": func(r *release.Release) { r.Manifest = "---\n{{ this is no YAML" },
	"values": func(r *release.Release) {
		r.Config = map[string]any{"quota": map[string]any{"limitsCpu": strings.Repeat("9", 4096)}}
	},
	"large": func(r *release.Release) { r.Manifest += largeManifest(r.Namespace, 5_000) },
}

// largeManifest has many objects that look alike.
func largeManifest(namespace string, objects int) string {
	var b strings.Builder
	for i := range objects {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: of-%d\n  namespace: %s\ndata:\n  key: value\n", i, namespace)
	}
	return b.String()
}

// spoiling leaves what nobody can read.
var spoiling = map[string]func(labels map[string]string, data *map[string][]byte){
	"gzip":   func(_ map[string]string, data *map[string][]byte) { (*data)["release"] = half((*data)["release"]) },
	"base64": func(_ map[string]string, data *map[string][]byte) { (*data)["release"] = []byte("%c4n4ry%") },
	"json": func(_ map[string]string, data *map[string][]byte) {
		(*data)["release"] = packed([]byte(`{"name": "c4n4ry", `))
	},
	"null":   func(_ map[string]string, data *map[string][]byte) { (*data)["release"] = packed([]byte("null")) },
	"array":  func(_ map[string]string, data *map[string][]byte) { (*data)["release"] = packed([]byte("[]")) },
	"bomb":   func(_ map[string]string, data *map[string][]byte) { (*data)["release"] = packed(make([]byte, 200<<20)) },
	"empty":  func(_ map[string]string, data *map[string][]byte) { *data = nil },
	"status": func(labels map[string]string, _ *map[string][]byte) { labels["status"] = "shiny" },
	"number": func(labels map[string]string, _ *map[string][]byte) { labels["version"] = "many" },
}

// half keeps what is base64.
func half(b []byte) []byte { return b[:len(b)/8*4] }

// packed is a body as Helm stores it.
func packed(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	return []byte(base64.StdEncoding.EncodeToString(b.Bytes()))
}
