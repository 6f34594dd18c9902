package observe_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/release"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// canaries are texts that a file must not hold, by where they are put.
var canaries = map[string]string{
	"value": "v4lue-c4nary-1", "short": "z9x8", "secret": "s3cret-c4nary-2", "plain": "pl4in-c4nary-3", "url": "p4ss w/rd-4", "generated": "gen-c4nary-5",
	"description": "descr-c4nary-6", "annotation": "ann0-c4nary-7", "comment": "comm-c4nary-8", "hook": "h00k-c4nary-9", "sensitive": "sens-c4nary-10",
	"number": "4815162342",
}

// sums are of canaries, which could be guessed.
const (
	hexSum    = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	base64Sum = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
)

func planted(name string) func(*release.Release) {
	return func(r *release.Release) {
		b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		c := canaries
		r.Config = map[string]any{
			"a": []any{map[string]any{"b": c["value"]}}, "s": c["short"], "n": 4815162342, "annotation": c["annotation"],
			"image": map[string]any{"tag": "7.7.7-rc1"}, "slug": name, "memory": "512Mi", "type": "ClusterIP", "replicas": 3,
		}
		r.Info.Description = c["description"]
		r.Hooks = []*release.Hook{{Name: "h", Kind: "Job", Path: "small/templates/h.yaml", Manifest: "kind: Job\n# " + c["hook"]}}
		r.Manifest = fmt.Sprintf(`---
# Source: small/templates/all.yaml
# %s
apiVersion: v1
kind: Secret
metadata: {name: creds}
data: {password: %s, url: %s}
stringData: {plain: %q}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: %s, annotations: {checksum/config: abc, own: "x %s y", soctalk.io/config-hash: short}}
data:
  all: "%s-%s, %s and %s"
  basic: %s
  sums: "%s %s"
  number: %q
  encoded: p4ss%%20w%%2Frd-4
  %s: key
  changed: "%s"
  hex: "%x of x"
  cut: %s
  replaced: %s
  own: small and simple
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s-api}
spec:
  replicas: 3
  count: 4815162342
  template:
    spec:
      containers:
        - name: main
          image: registry.example.com/small:7.7.7-rc1
          env: [{name: TYPE, value: ClusterIP}, {name: P, value: %q}]
          resources: {limits: {memory: 512Mi}}
`, c["comment"], b64(c["secret"]), b64("postgresql://u:"+"p4ss%20w%2Frd-4"+"@db/x"), c["plain"],
			name, c["annotation"], c["value"], c["short"], c["secret"], c["plain"], b64("user:"+c["secret"]), hexSum, base64Sum, c["number"], c["value"],
			strings.ToUpper(c["value"]), c["secret"], c["secret"][:9], strings.ReplaceAll(c["plain"], "-", "_"), name, c["sensitive"])
	}
}

// written observes a fleet full of canaries and writes it to a file.
func written(t *testing.T) (f *fleet, path, text string) {
	t.Helper()
	f = newFleet(t)
	f.Sensitive = []string{canaries["sensitive"]}
	f.Prerequisites = []*schema.Prerequisite{{Name: "certs", CRD: "certificates.cert-manager.io"}}
	f.cluster("far", "")
	f.tenant(t, "main", "acme", false)
	stored(t, f.namespace, "acme", planted("acme"))
	f.tenant(t, "main", "later", false)
	f.tenant(t, "main", "broken", false)
	stored(t, f.namespace, "broken", func(r *release.Release) { r.Chart.Metadata.Version = "latest" })
	f.tenant(t, "far", "away", false)
	stored(t, f.namespace, "another")
	clusters := observe.Clusters{"main": direct(t), "far": &observe.Cluster{Failed: fmt.Errorf("nobody is there")}}
	live := f.observe(t, clusters)
	// Others have releases on this cluster too.
	path = filepath.Join(t.TempDir(), "observation.json")
	if err := observe.Write(t.Context(), path, f.Fleet, clusters, live, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f, path, string(data)
}

func TestFileHoldsNothingSecret(t *testing.T) {
	t.Parallel()
	f, path, text := written(t)
	for where, c := range canaries {
		for _, form := range []string{c, base64.StdEncoding.EncodeToString([]byte(c)), base64.RawStdEncoding.EncodeToString([]byte("user:" + c)), strings.ReplaceAll(c, " ", "%20"), strings.ToUpper(c), fmt.Sprintf("%x", c)} {
			if strings.Contains(text, form) {
				t.Errorf("the %s canary is in the file as %q", where, form)
			}
		}
	}
	for _, s := range []string{hexSum, base64Sum, "checksum", "config-hash", "p4ss", "sha256:", "s3cret-c4", "pl4in_c4nary"} {
		if strings.Contains(text, s) {
			t.Errorf("%q is in the file", s)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	r, err := observe.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	manifest := r.Live.Bodies[f.key("main", "acme")].Manifest.String()
	for _, keep := range []string{"registry.example.com/small:7.7.7-rc1", `"memory":"512Mi"`, `"name":"acme-api"`, `"replicas":3`, `"own":"small and simple"`, `"changed":"(redacted)"`, `"password":"(redacted)"`, `"own":"x (redacted) y"`, `"all":"(redacted)-(redacted), (redacted) and (redacted)"`} {
		if !strings.Contains(manifest, keep) {
			t.Errorf("%s is not in the manifest:\n%s", keep, manifest)
		}
	}
}

func TestFileIsWhatWasObserved(t *testing.T) {
	t.Parallel()
	f, path, _ := written(t)
	r, err := observe.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.ToolVersion != "1.2.3" || r.Created.IsZero() || r.Addresses[f.key("main", "acme")] != "tenant.acme" {
		t.Errorf("got %+v", r)
	}
	live, clusters, err := r.For(f.Fleet)
	if err != nil {
		t.Fatal(err)
	}
	acme := live.Releases[f.key("main", "acme")]
	if acme == nil || acme.Revision != 1 || acme.Status != "deployed" || acme.Version.String() != "1.0.0" || acme.Chart != "small" || acme.Modified.IsZero() || acme.Digest != "" || len(acme.Values) > 0 {
		t.Errorf("got %+v", acme)
	}
	if !live.Offline || live.Releases[f.key("main", "later")] != nil || live.Problems[f.key("main", "later")] != "" {
		t.Errorf("what is not installed: %+v", live.Observation)
	}
	if got := live.Problems[f.key("main", "broken")]; !strings.Contains(got, `chart version "latest"`) {
		t.Errorf("the problem is %q", got)
	}
	if live.Clusters["far"] != "nobody is there" || clusters["far"].Failed == nil || live.Prerequisites["certs"] == "" {
		t.Errorf("clusters %v, prerequisites %v", live.Clusters, live.Prerequisites)
	}
	if _, err := live.Bodies[f.key("main", "acme")].Objects(); err != nil {
		t.Error(err)
	}

	// The files of today are other ones.
	f.Tenants = f.Tenants[1:]
	f.tenant(t, "main", "another", false)
	f.cluster("new", "")
	f.tenant(t, "new", "fresh", false)
	f.Prerequisites = append(f.Prerequisites, &schema.Prerequisite{Name: "storage"})
	if live, _, err = r.For(f.Fleet); err != nil {
		t.Fatal(err)
	}
	const without = "the observation was made without it"
	if live.Releases[f.key("main", "acme")] != nil || !strings.Contains(live.Problems[f.key("main", "another")], without) ||
		!strings.Contains(live.Clusters["new"], without) || !strings.Contains(live.Prerequisites["storage"], without) {
		t.Errorf("with other files: %+v", live.Observation)
	}
	f.System.Cluster = "new"
	if _, _, err = r.For(f.Fleet); err == nil || !strings.Contains(err.Error(), without) {
		t.Errorf("another cluster of the system: %v", err)
	}
}

// TestOfflineRender renders for the cluster of a file.
func TestOfflineRender(t *testing.T) {
	t.Parallel()
	f, path, _ := written(t)
	r, err := observe.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: small\nversion: 1.0.0\nkubeVersion: '>=1.28.0-0'\n",
		"templates/map.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  revision: {{ .Release.Revision | quote }}
  deployments: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
  widgets: {{ .Capabilities.APIVersions.Has "example.com/v1/Widget" | quote }}
  found: {{ lookup "v1" "Secret" .Release.Namespace "creds" | empty | not | quote }}
  listed: {{ (lookup "v1" "Secret" "" "").items | empty | not | quote }}
`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	charts, err := chart.NewResolver(chart.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	small, err := charts.Fetch(t.Context(), schema.Chart{Ref: dir}, "")
	if err != nil {
		t.Fatal(err)
	}
	key := f.key("main", "acme")
	rendered, err := r.Clusters["main"].Helm.Render(t.Context(), helm.Target{Namespace: key.Namespace, Name: key.Name, Chart: small, Base: r.Live.Bodies[key]})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"revision": "2", "deployments": "true", "widgets": "false", "found": "false", "listed": "false"}
	if got := rendered.Objects[0].Object["data"]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"format_version":"1.0","kind":"observation","clusters":[{"name":"c","kubernetes":"v1.33.1"}],`
	release := func(live string) string {
		return head + `"releases":[{"cluster":"c","namespace":"n","release":"r","address":"system","live":{` + live + `}}]}`
	}
	for text, want := range map[string]string{
		"":                         "not the JSON of one",
		`{"format_version":"1.0"}`: "soctalk observe writes them",
		`{}`:                       "kind is missing",
		`{"kind":"observation"}`:   "format_version is missing",
		`{"kind":"observation","format_version":"2.0"}`:                                                                    `it has format "2.0", this version reads 1.x`,
		`{"kind":"observation","format_version":"1.0","clusters":7}`:                                                       "a field is not of its type",
		`{"kind":"observation","format_version":"1.0","clusters":[{}]}`:                                                    "a cluster has no name",
		`{"kind":"observation","format_version":"1.0","clusters":[{"name":"c"}]}`:                                          "no version of Kubernetes",
		`{"kind":"observation","format_version":"1.0","clusters":[{"name":"c","problem":"x"},{"name":"c","problem":"x"}]}`: "is there twice",
		`{"kind":"observation","format_version":"1.0","releases":[{"cluster":"d","namespace":"n","release":"r"}]}`:         "is not in the file",
		head + `"others":[{"cluster":"c","release":"r"}]}`:                                                                 "its name or namespace is missing",
		head + `"others":[{"cluster":"c","namespace":"n","release":"r"},{"cluster":"c","namespace":"n","release":"r"}]}`:   "it is there twice",
		head + `"releases":[{"cluster":"c","namespace":"n","release":"r"}]}`:                                               "its address is missing",
		release(`"revision":0`):                                                                          "its revision is 0",
		release(`"revision":1,"status":"shiny"`):                                                         `its status is "shiny"`,
		release(`"revision":1,"status":"deployed"`):                                                      "its chart is missing",
		release(`"revision":1,"status":"deployed","chart":"x","version":"latest"`):                       `chart version "latest"`,
		release(`"revision":1,"status":"deployed","chart":"x","version":"1.0.0","took":"long"`):          "no duration",
		release(`"revision":1,"status":"deployed","chart":"x","version":"1.0.0","objects":[{"kind":1}]`): "object 1 of its manifest is none of Kubernetes",
	} {
		path := filepath.Join(t.TempDir(), "o.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := observe.Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	if _, err := observe.Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Errorf("a folder: %v", err)
	}
	huge := filepath.Join(t.TempDir(), "huge")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 1<<30); err != nil {
		t.Fatal(err)
	}
	if _, err := observe.Read(huge); err == nil || !strings.Contains(err.Error(), "larger than 512 MiB") {
		t.Errorf("a huge file: %v", err)
	}
	later := filepath.Join(t.TempDir(), "later")
	text := strings.Replace(release(`"revision":1,"status":"deployed","chart":"x","version":"1.0.0","new":1`), "1.0", "1.7", 1)
	if err := os.WriteFile(later, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := observe.Read(later)
	if err != nil || r.Live.Releases[plan.ReleaseKey{Cluster: "c", Namespace: "n", Name: "r"}] == nil {
		t.Errorf("a later minor version: %v", err)
	}
}
