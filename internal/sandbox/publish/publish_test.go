package publish_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/registry"

	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// files of a folder of charts: an app in two versions, with two dependencies,
// one of them packaged.
var files = map[string]string{
	"app/1.0.0/Chart.yaml":                 "apiVersion: v2\nname: app\nversion: 1.0.0\n",
	"app/1.0.0/values.yaml":                "replicas: 1 # a comment\n",
	"app/1.0.0/templates/cm.yaml":          "kind: ConfigMap\n",
	"app/1.1.0/Chart.yaml":                 "apiVersion: v2\nname: app\nversion: 1.1.0\ndependencies:\n- {name: a, version: 1.0.0}\n- {name: b, version: 1.0.0}\n",
	"app/1.1.0/charts/a/Chart.yaml":        "apiVersion: v2\nname: a\nversion: 1.0.0\n",
	"app/1.1.0/charts/b/Chart.yaml":        "apiVersion: v2\nname: b\nversion: 1.0.0\n",
	"app/1.1.0/charts/b/templates/cm.yaml": "kind: ConfigMap\n",
}

func folder(t *testing.T, changed time.Time) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
		if err := os.Chtimes(filepath.Join(dir, name), changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChartsComeBack(t *testing.T) {
	host := sandboxtest.Cluster(t).Registry
	charts, err := publish.Charts(t.Context(), host, folder(t, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if len(charts) != 2 || charts[1].Ref != host+"/soctalk/charts/app:1.1.0" {
		t.Fatalf("got %+v", charts)
	}
	again, err := publish.Charts(t.Context(), host, folder(t, time.Unix(0, 0)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range charts {
		if charts[i] != again[i] {
			t.Errorf("the same files gave first %+v, then %+v", charts[i], again[i])
		}
	}

	client, err := registry.NewClient(registry.ClientOptPlainHTTP())
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := client.Pull(charts[1].Ref)
	if err != nil {
		t.Fatal(err)
	}
	if pulled.Manifest.Digest != charts[1].Digest {
		t.Errorf("pushed %s, pulled %s", charts[1].Digest, pulled.Manifest.Digest)
	}
	chart, err := loader.LoadArchive(bytes.NewReader(pulled.Chart.Data))
	if err != nil {
		t.Fatal(err)
	}
	if chart.Metadata.Version != "1.1.0" || len(chart.Dependencies()) != 2 {
		t.Errorf("got %s with %d dependencies", chart.Metadata.Version, len(chart.Dependencies()))
	}
}

func TestChartsThatCannotBePublished(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"none":         {"readme", "", "no charts in"},
		"other folder": {"app/2.0.0/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n", "its folder must be app/1.0.0"},
		"no version":   {"app/2.0.0/Chart.yaml", "apiVersion: v2\nname: app\n", "chart.metadata.version is required"},
		"no YAML":      {"app/2.0.0/Chart.yaml", "{", "load the chart in"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, test.file), test.text)
			_, err := publish.Charts(t.Context(), "127.0.0.1:1", dir)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
