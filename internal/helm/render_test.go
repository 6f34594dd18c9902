package helm_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/schema"
)

// helmsOwn is an action's configuration as the helm command makes it, without
// anything of this package.
func helmsOwn(t *testing.T, namespace string) *action.Configuration {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(true)
	file := sandboxtest.Cluster(t).Kubeconfig
	cache := t.TempDir()
	flags.KubeConfig, flags.Namespace, flags.CacheDir = &file, &namespace, &cache
	config := new(action.Configuration)
	if err := config.Init(flags, namespace, "secrets", func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	return config
}

// dryRun is what helm upgrade --install --dry-run=server would send. The
// OpenAPI document changes nothing about it, and takes seconds to parse.
func dryRun(t *testing.T, config *action.Configuration, target helm.Target) *release.Release {
	t.Helper()
	values, err := helm.EffectiveValues(target.Values, target.Set)
	if err != nil {
		t.Fatal(err)
	}
	var r *release.Release
	if target.Base == nil {
		in := action.NewInstall(config)
		in.ReleaseName, in.Namespace, in.DryRunOption = target.Name, target.Namespace, "server"
		in.DisableOpenAPIValidation = true
		r, err = in.Run(target.Chart.Copy(), values)
	} else {
		up := action.NewUpgrade(config)
		up.Namespace, up.DryRunOption, up.ResetValues = target.Namespace, "server", true
		up.DisableOpenAPIValidation = true
		r, err = up.Run(target.Name, target.Chart.Copy(), values)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameAsHelm holds a render against Helm's own: byte for byte, except for the
// fields that are unstable.
func sameAsHelm(t *testing.T, c *helm.Client, config *action.Configuration, target helm.Target) *helm.Rendered {
	t.Helper()
	got, err := c.Render(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	want := dryRun(t, config, target)
	var hooks, wantHooks []string
	for _, h := range got.Hooks {
		hooks = append(hooks, fmt.Sprintf("%s %s %d %s %s\n%s", h.Path, h.Kind, h.Weight, h.Events, h.DeletePolicies, h.Manifest))
	}
	for _, h := range want.Hooks {
		wantHooks = append(wantHooks, fmt.Sprintf("%s %s %d %s %s\n%s", h.Path, h.Kind, h.Weight, h.Events, h.DeletePolicies, h.Manifest))
	}
	if diff := cmp.Diff(wantHooks, hooks); diff != "" {
		t.Errorf("hooks (-helm +ours):\n%s", diff)
	}
	if len(got.Unstable) == 0 {
		if diff := cmp.Diff(want.Manifest, got.Manifest()); diff != "" {
			t.Errorf("manifest (-helm +ours):\n%s", diff)
		}
		return got
	}
	wantObjects, err := helm.ParseManifest(want.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	gotObjects, err := helm.ParseManifest(got.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	mask(wantObjects, got.Unstable)
	mask(gotObjects, got.Unstable)
	if diff := cmp.Diff(wantObjects, gotObjects); diff != "" {
		t.Errorf("objects (-helm +ours):\n%s", diff)
	}
	return got
}

// mask takes the unstable fields out.
func mask(objs []*unstructured.Unstructured, unstable []helm.Unstable) {
	for _, u := range unstable {
		for _, o := range objs {
			if o.GetKind() != u.Kind || o.GetName() != u.Name {
				continue
			}
			for _, p := range u.Paths {
				var at any = o.Object
				for _, step := range p[:len(p)-1] {
					switch step := step.(type) {
					case string:
						at = at.(map[string]any)[step]
					case int:
						at = at.([]any)[step]
					}
				}
				switch last := p[len(p)-1].(type) {
				case string:
					delete(at.(map[string]any), last)
				case int:
					at.([]any)[last] = nil
				}
			}
		}
	}
}

// storeRevision makes Helm believe that a release is there.
func storeRevision(t *testing.T, config *action.Configuration, target helm.Target, revision int, status release.Status) {
	t.Helper()
	err := config.Releases.Create(&release.Release{
		Name: target.Name, Namespace: target.Namespace, Version: revision, Chart: target.Chart.Copy(),
		Info: &release.Info{Status: status}, Config: map[string]any{"old": true},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRenderEqualsHelmOnEveryExampleChart(t *testing.T) {
	t.Parallel()
	charts, err := filepath.Glob("../../examples/charts/*/*/Chart.yaml")
	if err != nil || len(charts) == 0 {
		t.Fatalf("no example charts: %v", err)
	}
	for _, file := range charts {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			c, _, ns := connect(t)
			config := helmsOwn(t, ns)
			ch := loadDir(t, dir)
			target := helm.Target{Namespace: ns, Name: ch.Name, Chart: ch}
			sameAsHelm(t, c, config, target)
			storeRevision(t, config, target, 3, release.StatusDeployed)
			base, err := c.Get(t.Context(), ns, ch.Name, 0)
			if err != nil {
				t.Fatal(err)
			}
			target.Base = base
			sameAsHelm(t, c, config, target)
		})
	}
}

// What an upgrade renders may depend on the version that is live.
func TestRenderEqualsHelmBetweenExampleVersions(t *testing.T) {
	t.Parallel()
	charts, err := filepath.Glob("../../examples/charts/*/*/Chart.yaml")
	if err != nil || len(charts) == 0 {
		t.Fatalf("no example charts: %v", err)
	}
	for i, file := range charts[1:] {
		from, to := filepath.Dir(charts[i]), filepath.Dir(file)
		if filepath.Dir(from) != filepath.Dir(to) {
			continue // another chart's first version
		}
		t.Run(filepath.Base(filepath.Dir(to))+"/"+filepath.Base(from)+"-"+filepath.Base(to), func(t *testing.T) {
			t.Parallel()
			c, _, ns := connect(t)
			config := helmsOwn(t, ns)
			old, ch := loadDir(t, from), loadDir(t, to)
			storeRevision(t, config, helm.Target{Namespace: ns, Name: ch.Name, Chart: old}, 3, release.StatusDeployed)
			base, err := c.Get(t.Context(), ns, ch.Name, 0)
			if err != nil {
				t.Fatal(err)
			}
			sameAsHelm(t, c, config, helm.Target{Namespace: ns, Name: ch.Name, Chart: ch, Base: base})
		})
	}
}

const oddities = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: odd
  labels: {app: one, app: two}
data:
  release: {{ .Release.Name }} {{ .Release.Revision }} {{ .Release.IsUpgrade }} {{ .Release.IsInstall }} {{ .Release.Service }}
  kube: {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.HelmVersion.Version }}
  apis: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }} {{ .Capabilities.APIVersions.Has "cilium.io/v2" }}
  numbers: {{ .Values.big }} {{ .Values.small }} {{ .Values.set }}
  missing: {{ .Values.none }} {{ (lookup "v1" "Secret" .Release.Namespace "none").data }}
  namespaces: {{ len (lookup "v1" "Namespace" "" "").items | gt 1 }}
  kind: {{ lookup "v1" "Strange" .Release.Namespace "x" | quote }}
  tpl: {{ tpl .Values.text . }}
  file: {{ .Files.Get "files/a.txt" }}
  sub: {{ .Values.child.from }} {{ .Values.global.shared }}
  imported: {{ .Values.imported }}
---
{{- range $i, $e := until 3 }}
apiVersion: v1
kind: Secret
metadata: {name: s{{ $i }}}
---
{{- end }}
`

func odd() files {
	return files{
		"Chart.yaml": meta("odd", "1.0.0") + `
kubeVersion: ">=1.28.0-0"
dependencies:
- {name: child, version: 1.0.0, alias: kid, condition: kid.enabled, import-values: [{child: exported, parent: imported}]}
- {name: absent, version: 1.0.0, condition: absent.enabled}
`,
		"values.yaml":                       "big: 1000000\nsmall: 5\nset: 0\nnone: null\ntext: \"{{ .Release.Name }}\"\nchild: {from: parent}\nglobal: {shared: yes}\nkid: {enabled: true}\nabsent: {enabled: false}\n",
		"templates/odd.yaml":                oddities,
		"templates/empty.yaml":              "{{ if false }}x{{ end }}",
		"templates/hook.yaml":               "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hook\n  annotations: {helm.sh/hook: 'pre-install,pre-upgrade', helm.sh/hook-weight: '-5', helm.sh/hook-delete-policy: hook-succeeded}\n",
		"templates/NOTES.txt":               "notes",
		"files/a.txt":                       "content",
		"charts/child/Chart.yaml":           meta("child", "1.0.0"),
		"charts/child/values.yaml":          "exported: 7\nown: x\n",
		"charts/child/templates/child.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-child}\ndata: {own: {{ .Values.own }}, shared: {{ .Values.global.shared | quote }}}\n",
		"charts/child/templates/NOTES.txt":  "more notes",
		"charts/absent/Chart.yaml":          meta("absent", "1.0.0"),
		"charts/absent/templates/bad.yaml":  "{{ fail `not to be rendered` }}",
		"crds/thing.yaml":                   "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.odd.example.com}\n",
	}
}

func TestRenderEqualsHelmOnOddities(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	config := helmsOwn(t, ns)
	target := helm.Target{
		Namespace: ns, Name: "odd", Chart: load(t, odd()),
		Values: map[string]any{"big": 2000000, "kid": map[string]any{"own": "mine"}}, Set: []schema.SetValue{{Path: "set", Value: "1000000"}},
	}
	got := sameAsHelm(t, c, config, target)
	if len(got.Unstable) > 0 {
		t.Errorf("unstable: %+v", got.Unstable)
	}
	var files []string
	for name := range got.Files {
		files = append(files, name)
	}
	slices.Sort(files)
	if diff := cmp.Diff([]string{"charts/kid/templates/child.yaml", "templates/hook.yaml", "templates/odd.yaml"}, files); diff != "" {
		t.Errorf("files:\n%s", diff)
	}
	if len(got.CRDs) != 1 || got.CRDs[0].GetName() != "things.odd.example.com" {
		t.Errorf("CRDs: %v", got.CRDs)
	}
	if len(got.Objects) != 5 {
		t.Errorf("%d objects", len(got.Objects))
	}
	again, err := c.Render(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if again.Manifest() != got.Manifest() {
		t.Error("a second render changed something: the chart is not immutable")
	}
}

func TestUnstableFieldsAreNamed(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	ch := load(t, small.with("templates/more.yaml", `
apiVersion: v1
kind: ConfigMap
metadata:
  name: more
  annotations: {example.com/made: {{ now | date "2006-01-02" | quote }}}
data:
  year: {{ (now).Year | quote }}
  id: {{ uuidv4 }}
  fixed: {{ date "2006" (toDate "2006-01-02" "2020-05-05") | quote }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ randAlpha 6 | lower }}"}
`))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	got, err := c.Render(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, u := range got.Unstable {
		if u.Name != "app-key" && u.Name != "more" {
			u.Name = "(random)"
		}
		line := u.Kind + " " + u.Name + ":"
		for _, p := range u.Paths {
			line += " " + p.String()
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	want := []string{
		"ConfigMap (random):", "ConfigMap (random):",
		`ConfigMap more: data.id data.year metadata.annotations["example.com/made"]`,
		"Secret app-key: stringData.password",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	// Once the Secret is there, its lookup finds it.
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "app-key"}, StringData: map[string]string{"password": "kept"}}
	if _, err := k.Typed().CoreV1().Secrets(ns).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.Forget()
	if got, err = c.Render(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(got.Unstable, func(u helm.Unstable) bool { return u.Kind == "Secret" }); i >= 0 {
		t.Errorf("got %+v", got.Unstable[i])
	}
	if !strings.Contains(got.Manifest(), `password: "kept"`) {
		t.Error("the live Secret was not found")
	}
}

func TestRenderReadsEachThingOnce(t *testing.T) {
	t.Parallel()
	ns := sandboxtest.Namespace(t)
	r, c := record(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	if _, err := c.Render(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	// Version, two of discovery, one lookup; the second render adds nothing.
	if got := r.take(); len(got) > 4 {
		t.Errorf("the first render sent %s", strings.Join(got, "\n"))
	}
	for i := range 5 {
		target.Name = fmt.Sprintf("app%d", i)
		if _, err := c.Render(t.Context(), target); err != nil {
			t.Fatal(err)
		}
	}
	// What they look up is beside what the first one did.
	if got := r.take(); len(got) > 0 {
		t.Errorf("five more sent %s", strings.Join(got, "\n"))
	}
}

func TestRenderErrors(t *testing.T) {
	t.Parallel()
	const canary = "canary-0123456789"
	c, _, ns := connect(t)
	base := files{"Chart.yaml": meta("bad", "1.0.0"), "values.yaml": "secret: x\n"}
	simple := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	for name, test := range map[string]struct {
		files  files
		values map[string]any
		set    []schema.SetValue
		check  func(error) bool
		want   string
	}{
		"template": {
			files: base.with("templates/a.yaml", "a: b\n{{ .Values.secret.deeper.still }}\n"),
			check: is[*helm.TemplateError](func(e *helm.TemplateError) bool { return e.Template == "templates/a.yaml" && e.Line == 2 }),
			want:  ".Values.secret.deeper",
		},
		"helper": {
			files: base.with("templates/a.yaml", `{{ include "x" . }}`, "templates/_h.tpl", "{{- define \"x\" }}\n\n{{ fail (printf \"bad %s\" .Values.secret) }}{{ end }}"),
			check: is[*helm.TemplateError](func(e *helm.TemplateError) bool {
				return e.Template == "templates/a.yaml" && e.Message == "bad (hidden)"
			}),
		},
		"required": {
			files: base.with("templates/a.yaml", `{{ required "wazuh.managerHost is required" .Values.none }}`),
			check: is[*helm.TemplateError](func(e *helm.TemplateError) bool { return e.Message == "wazuh.managerHost is required" && e.Line == 1 }),
		},
		"syntax": {
			files: base.with("templates/a.yaml", "{{ if }}"),
			check: is[*helm.TemplateError](func(e *helm.TemplateError) bool { return e.Template == "templates/a.yaml" && e.Line == 1 }),
		},
		"tpl": {
			files: base.with("templates/a.yaml", "{{ tpl .Values.secret . }}"), values: map[string]any{"secret": "{{ " + canary + " }}"},
			check: is[*helm.TemplateError](nil),
		},
		"yaml": {
			files: base.with("templates/a.yaml", "a: [{{ .Values.secret }}"),
			check: is[*helm.TemplateError](func(e *helm.TemplateError) bool { return e.Template == "templates/a.yaml" }),
			want:  "no YAML",
		},
		"no object": {
			files: base.with("templates/a.yaml", "a: {{ .Values.secret }}"),
			check: is[*helm.TemplateError](nil),
			want:  "no Kubernetes object",
		},
		"subchart": {
			files: base.with("charts/sub/Chart.yaml", meta("sub", "1.0.0"), "charts/sub/templates/b.yaml", "\n\n{{ fail `no` }}"),
			check: is[*helm.TemplateError](func(e *helm.TemplateError) bool { return e.Template == "charts/sub/templates/b.yaml" && e.Line == 3 }),
		},
		"lookup of a version that is not there": {
			files: base.with("templates/a.yaml", `{{ lookup "example.com/v1" "Thing" "" "" }}`),
			check: is[*helm.TemplateError](nil), want: "does not offer example.com/v1",
		},
		"schema": {
			files: base.with("templates/a.yaml", simple, "values.schema.json", `{
				"type": "object", "additionalProperties": false, "required": ["must"],
				"properties": {"secret": {"type": "string", "pattern": "^x$"}, "n": {"type": "integer", "minimum": 10}, "must": {},
					"mode": {"enum": ["a", "b"]}, "alt": {"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}]}}}`),
			values: map[string]any{"extra": canary, "n": 3, "mode": canary, "alt": canary},
			check: is[*helm.SchemaError](func(e *helm.SchemaError) bool {
				return cmp.Diff([]string{
					"alt: meets none of the alternatives: either alt: is of type string, must be integer, or alt: must have at most 2 characters",
					"extra: not allowed, the chart does not know it",
					"mode: must be one of a, b",
					"must: missing",
					"n: must be at least 10",
					"secret: must match the pattern ^x$",
				}, e.Lines) == ""
			}),
		},
		"schema of a subchart": {
			files: base.with("templates/a.yaml", simple, "charts/sub/Chart.yaml", meta("sub", "1.0.0"),
				"charts/sub/values.schema.json", `{"properties": {"a": {"type": "integer"}}}`),
			values: map[string]any{"sub": map[string]any{"a": canary}},
			check:  is[*helm.SchemaError](func(e *helm.SchemaError) bool { return e.Lines[0] == "sub.a: is of type string, must be integer" }),
		},
		"kubernetes version": {
			files: base.with("Chart.yaml", meta("bad", "1.0.0")+"kubeVersion: '>=9.0.0'\n"),
			check: is[*helm.KubeVersionError](func(e *helm.KubeVersionError) bool { return e.Wants == ">=9.0.0" && strings.HasPrefix(e.Has, "v1.") }),
		},
		"missing dependency": {
			files: base.with("Chart.yaml", meta("bad", "1.0.0")+"dependencies: [{name: wazuh, version: 1.0.0, repository: 'file://../wazuh'}]\n"),
			check: is[*helm.DependencyError](func(e *helm.DependencyError) bool { return slices.Equal(e.Missing, []string{"wazuh"}) }),
		},
		"set": {
			files: base.with("templates/a.yaml", simple), set: []schema.SetValue{{Path: "secret.x", Value: "1"}},
			check: is[*helm.SetError](nil),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := helm.MergeValues(map[string]any{"secret": canary}, test.values)
			_, err := c.Render(t.Context(), helm.Target{Namespace: ns, Name: "app", Chart: load(t, test.files), Values: values, Set: test.set})
			if err == nil || !test.check(err) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %#v: %v", err, err)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("a value is in the error: %v", err)
			}
			t.Log(err)
		})
	}
}

func is[E error](more func(E) bool) func(error) bool {
	return func(err error) bool {
		var e E
		return errors.As(err, &e) && (more == nil || more(e))
	}
}

func BenchmarkRenderTenant(b *testing.B) {
	c, _, ns := connect(b)
	ch := loadDir(b, "../../examples/charts/soctalk-tenant/0.2.1")
	target := helm.Target{Namespace: ns, Name: ch.Name, Chart: ch}
	for b.Loop() {
		if _, err := c.Render(b.Context(), target); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSecondRenderIsOfWhatMayDiffer(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	cm := func(name, value string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {v: \"" + value + "\"}\n"
	}
	ch := load(t, files{
		"Chart.yaml":                meta("mixed", "1.0.0"),
		"values.yaml":               "seen: no\n",
		"templates/_helpers.tpl":    `{{ define "calm" }}x{{ end }}{{ define "wild" }}{{ randAlpha 9 }}{{ end }}{{ define "via" }}{{ template "wild" }}{{ end }}`,
		"templates/a-calm.yaml":     cm("calm", `{{ include "calm" . }}`),
		"templates/b-wild.yaml":     cm("wild", `{{ include "via" . }}`),
		"templates/c-sets.yaml":     cm("sets", `{{ $_ := set .Values "seen" "yes" }}{{ .Values.seen }}`),
		"templates/d-sees.yaml":     cm("sees", `{{ .Values.seen }}{{ if false }}{{ uuidv4 }}{{ end }}`),
		"templates/e-computed.yaml": cm("computed", `{{ include (printf "wi%s" "ld") . }}`),
	})
	got, err := c.Render(t.Context(), helm.Target{Namespace: ns, Name: "app", Chart: ch})
	if err != nil {
		t.Fatal(err)
	}
	var unstable, again []string
	for _, u := range got.Unstable {
		unstable = append(unstable, u.Name)
	}
	for _, o := range got.Again {
		again = append(again, o.GetName())
	}
	slices.Sort(unstable)
	slices.Sort(again)
	want := []string{"computed", "wild"}
	if !slices.Equal(unstable, want) || !slices.Equal(again, want) {
		t.Errorf("unstable %v, rendered again %v, want %v", unstable, again, want)
	}
	if len(got.Objects) != 5 {
		t.Errorf("%d objects", len(got.Objects))
	}
}
