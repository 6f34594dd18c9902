package chart_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/schema"
)

func resolver(t *testing.T, o chart.Options) *chart.Resolver {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = t.TempDir()
	}
	r, err := chart.NewResolver(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func meta(name, version string) string {
	return "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n"
}

// folder writes files into a folder of its own, below which it returns.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	return dir
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// archive packs entries as they are given, tricks and all.
func archive(t *testing.T, entries ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Name: e[0], Mode: 0o644, Size: int64(len(e[1])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func local(dir string) schema.Chart { return schema.Chart{Ref: dir} }

func TestLocalFolder(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Chart.yaml": meta("app", "1.2.3") + `appVersion: "7"
kubeVersion: ">=1.28"
dependencies: [{name: sub, version: 0.1.0}, {name: absent, version: 0.1.0}]
annotations:
  soctalk.io/schema-revision: v1_0047
  artifacthub.io/changes: |
    - {kind: added, description: A value}
    - {kind: security, description: A fix}
`,
		"values.yaml":                 "image: {tag: x}\nlist: [{a: 1}]\n",
		"templates/a.yaml":            "a: b",
		"templates/jobs/migrate.yaml": "a: b",
		"charts/sub/Chart.yaml":       meta("sub", "0.1.0"),
		"charts/another/Chart.yaml":   meta("another", "0.2.0"),
		".helmignore":                 "*.bak",
		"x.bak":                       "ignored",
	}
	dir := folder(t, files)
	c, err := resolver(t, chart.Options{}).Fetch(t.Context(), local(dir), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "app" || c.Version != "1.2.3" || c.AppVersion != "7" || c.KubeVersion != ">=1.28" || c.Annotations["soctalk.io/schema-revision"] != "v1_0047" {
		t.Errorf("got %+v", c)
	}
	for path, want := range map[string]bool{"templates/jobs/migrate.yaml": true, "./templates/a.yaml": true, "templates/b.yaml": false, "jobs/migrate.yaml": false} {
		if c.HasTemplate(path) != want {
			t.Errorf("HasTemplate(%s) is %t", path, !want)
		}
	}
	if diff := cmp.Diff([]string{"absent"}, c.MissingDependencies()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]chart.Subchart{{Name: "another", Version: "0.2.0"}, {Name: "sub", Version: "0.1.0"}}, c.Subcharts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]chart.Change{{Kind: "added", Description: "A value"}, {Kind: "security", Description: "A fix"}}, c.Changes()); diff != "" {
		t.Error(diff)
	}

	same := folder(t, files)
	write(t, same, map[string]string{"y.bak": "ignored as well"})
	again, err := resolver(t, chart.Options{}).Fetch(t.Context(), local(same), "")
	if err != nil || again.Digest != c.Digest {
		t.Errorf("the same files have another digest: %v", err)
	}
	write(t, same, map[string]string{"charts/sub/values.yaml": "a: 1"})
	changed, err := resolver(t, chart.Options{}).Fetch(t.Context(), local(same), "")
	if err != nil || changed.Digest == c.Digest {
		t.Errorf("another file of a subchart leaves the digest as it is: %v", err)
	}
}

func TestCopyIsPrivate(t *testing.T) {
	t.Parallel()
	c, err := resolver(t, chart.Options{}).Fetch(t.Context(), local(folder(t, map[string]string{
		"Chart.yaml":            meta("app", "1.0.0") + "dependencies: [{name: sub, version: 0.1.0, tags: [a]}]\n",
		"values.yaml":           "deep: {list: [{a: 1}]}\n",
		"charts/sub/Chart.yaml": meta("sub", "0.1.0"),
	})), "")
	if err != nil {
		t.Fatal(err)
	}
	p := c.Copy()
	p.Metadata.Name = "other"
	p.Metadata.Dependencies[0].Enabled = true
	p.Metadata.Dependencies[0].Tags[0] = "b"
	p.Values["deep"].(map[string]any)["list"].([]any)[0].(map[string]any)["a"] = 2.0
	p.Dependencies()[0].Metadata.Name = "other"
	p.SetDependencies()
	d := c.Defaults()
	d["deep"] = nil
	h := c.Helm()
	if h.Metadata.Name != "app" || h.Metadata.Dependencies[0].Enabled || h.Metadata.Dependencies[0].Tags[0] != "a" ||
		len(h.Dependencies()) != 1 || h.Dependencies()[0].Name() != "sub" || h.Dependencies()[0].Parent() != h {
		t.Errorf("the shared chart was modified: %+v", h)
	}
	if diff := cmp.Diff(map[string]any{"deep": map[string]any{"list": []any{map[string]any{"a": 1.0}}}}, c.Defaults()); diff != "" {
		t.Error(diff)
	}
}

func TestLocalErrors(t *testing.T) {
	t.Parallel()
	good := folder(t, map[string]string{"Chart.yaml": meta("app", "1.0.0")})
	packed := filepath.Join(t.TempDir(), "app.tgz")
	circle := folder(t, map[string]string{"Chart.yaml": meta("app", "1.0.0"), "templates/a.yaml": ""})
	if err := os.Symlink("..", filepath.Join(circle, "templates", "up")); err != nil {
		t.Fatal(err)
	}
	bomb := string(archive(t, slices.Repeat([][2]string{{"sub/big", strings.Repeat("a", 4<<20)}}, 10)...))
	for name, test := range map[string]struct {
		ref, version, want string
		archive            []byte
		limit              int64
	}{
		"version":        {ref: good, version: "1.0.1", want: "its Chart.yaml says version 1.0.0"},
		"no folder":      {ref: good + "/none", want: "does not exist"},
		"no chart":       {ref: t.TempDir(), want: "Chart.yaml file is missing"},
		"library":        {ref: folder(t, map[string]string{"Chart.yaml": meta("lib", "1.0.0") + "type: library\n"}), want: "library chart"},
		"unknown scheme": {ref: "ftp://example.com/app", version: "1.0.0", want: "oci://, https:// or a path"},
		"no archive":     {archive: []byte("text"), want: "no chart that Helm can load"},
		"parent path":    {archive: archive(t, [2]string{"app/Chart.yaml", meta("app", "1.0.0")}, [2]string{"app/../../evil", "x"}), want: "parent directory"},
		"absolute path":  {archive: archive(t, [2]string{"app/Chart.yaml", meta("app", "1.0.0")}, [2]string{"app//etc/passwd", "x"}), want: "absolute path"},
		"drive":          {archive: archive(t, [2]string{"app/Chart.yaml", meta("app", "1.0.0")}, [2]string{`app\c:\evil`, "x"}), want: "illegally"},
		"large":          {archive: archive(t, [2]string{"app/Chart.yaml", meta("app", "1.0.0")}), limit: 10, want: "larger than"},
		"bomb":           {archive: archive(t, [2]string{"app/Chart.yaml", meta("app", "1.0.0")}, [2]string{"app/big", strings.Repeat("a", 6<<20)}), want: "larger than"},
		"bomb of bombs":  {archive: archive(t, slices.Repeat([][2]string{{"app/charts/sub.tgz", bomb}}, 3)...), want: "unpacked it is larger than 100 MiB"},
		"bombs in folder": {ref: folder(t, map[string]string{"Chart.yaml": meta("app", "1.0.0"), "charts/a.tgz": bomb, "charts/b.tgz": bomb, "charts/c.tgz": bomb}),
			want: "unpacked it is larger than 100 MiB"},
		"circle": {ref: circle, want: "templates/up is a link to a folder that it is in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := test.ref
			if test.archive != nil {
				ref = filepath.Join(t.TempDir(), "app.tgz")
				if err := os.WriteFile(ref, test.archive, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := resolver(t, chart.Options{MaxBytes: test.limit}).Fetch(t.Context(), local(ref), test.version)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), ref) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			var invalid *chart.InvalidError
			var missing *chart.NotFoundError
			if !errors.As(err, &invalid) && !errors.As(err, &missing) {
				t.Errorf("got %T", err)
			}
		})
	}
	if err := os.WriteFile(packed, archive(t, [2]string{"app/Chart.yaml", meta("app", "1.0.0")}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := resolver(t, chart.Options{})
	if c, err := r.Fetch(t.Context(), local(packed), "1.0.0"); err != nil || c.Name != "app" {
		t.Errorf("got %v, %v", c, err)
	}
	if v, err := r.Versions(t.Context(), local(packed)); err != nil || !slices.Equal(v, []string{"1.0.0"}) {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), chart.LockFile)
	empty, diags := chart.ReadLock(file)
	if diags.HasErrors() || empty.Len() != 0 {
		t.Fatalf("a missing file: %v", diags)
	}
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	repository := schema.Chart{Ref: "https://charts.example.com", Name: "wazuh"}
	system := schema.Chart{Ref: "oci://ghcr.io/soctalk/charts/soctalk-system"}
	lock := &chart.Lock{}
	lock.Set(system, "0.10.0", two)
	lock.Set(repository, "1.0.0", one)
	lock.Set(system, "0.2.1", one)
	lock.Set(local("/charts/app"), "1.0.0", one)
	if err := lock.Write(file); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := `# Made by "soctalk init": the digests of the charts that this fleet uses.
# Keep it under version control.

chart "https://charts.example.com" "1.0.0" {
  name   = "wazuh"
  digest = "` + one + `"
}

chart "oci://ghcr.io/soctalk/charts/soctalk-system" "0.2.1" {
  digest = "` + one + `"
}

chart "oci://ghcr.io/soctalk/charts/soctalk-system" "0.10.0" {
  digest = "` + two + `"
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	read, diags := chart.ReadLock(file)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if read.Digest(system, "0.10.0") != two || read.Digest(repository, "1.0.0") != one || read.Digest(repository, "2.0.0") != "" || read.Len() != 3 {
		t.Errorf("read back %s", read.Bytes())
	}
	var none *chart.Lock
	if none.Digest(system, "0.2.1") != "" || none.Len() != 0 {
		t.Error("a nil lock is not empty")
	}
}

func TestDamagedLock(t *testing.T) {
	t.Parallel()
	good := `chart "oci://a/b" "1.0.0" {` + "\n  digest = \"sha256:" + strings.Repeat("a", 64) + "\"\n}\n"
	for name, test := range map[string]struct {
		text, want string
		line       int
	}{
		"syntax":        {good + "chart {{", "", 4},
		"unknown block": {good + "provider \"x\" {}\n", "Unsupported block", 4},
		"no digest":     {"chart \"oci://a/b\" \"1.0.0\" {}\n", "digest", 1},
		"short digest":  {"chart \"oci://a/b\" \"1.0.0\" {\n  digest = \"sha256:12\"\n}\n", "64 hexadecimal", 2},
		"number":        {"chart \"oci://a/b\" \"1.0.0\" {\n  digest = 7\n}\n", "must be a string", 2},
		"reference":     {"chart \"oci://a/b\" \"1.0.0\" {\n  digest = var.x\n}\n", "", 2},
		"twice":         {good + good, "Remove one", 4},
		"no version":    {"chart \"oci://a/b\" {}\n", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), chart.LockFile)
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, diags := chart.ReadLock(file)
			if !diags.HasErrors() {
				t.Fatal("it was accepted")
			}
			d := diags[0]
			if d.Subject == nil || d.Subject.Start.Line != test.line || d.Subject.Filename != file || !strings.Contains(d.Summary+d.Detail, test.want) {
				t.Errorf("got %v", diags)
			}
		})
	}
}

func sum(archive []byte) string {
	s := sha256.Sum256(archive)
	return hex.EncodeToString(s[:])
}

func TestBreaking(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                       nil,
		"soctalk: none":          {"soctalk: none"},
		"- one\n- two: of three": {"- one\n- two: of three"},
		"- one\n- two":           {"one", "two"},
		"in one line\n":          {"in one line"},
	} {
		c := chart.Chart{Annotations: map[string]string{"soctalk.io/breaking": text}}
		if diff := cmp.Diff(want, c.Breaking()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
