package helm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/schema"
)

func TestCheckSet(t *testing.T) {
	t.Parallel()
	for _, good := range [][2]string{{"image.tag", "1.2"}, {"list[0].a", "x"}, {"list", "{a,b}"}, {`annotations.a\.b/c`, "x"}, {"empty", ""}} {
		if err := helm.CheckSet(good[0], good[1]); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range [][2]string{{"", "x"}, {"a[x]", "1"}, {"a[", "1"}, {"a[-1]", "1"}, {"a", "{canary-value,b"}, {"a", "canary-value,b"}} {
		err := helm.CheckSet(bad[0], bad[1])
		var set *helm.SetError
		if !errors.As(err, &set) || set.Path != bad[0] {
			t.Errorf("%s: got %v", bad, err)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v shows the value", bad, err)
		}
	}
}

func TestMergeValues(t *testing.T) {
	t.Parallel()
	base := map[string]any{"a": map[string]any{"x": 1, "y": 2}, "list": []any{1, 2}, "gone": "x", "scalar": 1}
	over := map[string]any{"a": map[string]any{"y": 3, "z": 4}, "list": []any{3}, "gone": nil, "scalar": map[string]any{"k": 1}}
	want := map[string]any{"a": map[string]any{"x": 1, "y": 3, "z": 4}, "list": []any{3}, "gone": nil, "scalar": map[string]any{"k": 1}}
	if diff := cmp.Diff(want, helm.MergeValues(base, over)); diff != "" {
		t.Error(diff)
	}
	if len(base["a"].(map[string]any)) != 2 || base["gone"] != "x" {
		t.Errorf("the base was modified: %v", base)
	}
}

func TestEffectiveValues(t *testing.T) {
	t.Parallel()
	values := map[string]any{"image": map[string]any{"tag": "1"}, "replicas": 3, "deep": map[string]any{"list": []any{map[string]any{"n": int64(1)}}}}
	got, err := helm.EffectiveValues(values, []schema.SetValue{{Path: "image.tag", Value: "2"}, {Path: "new.port", Value: "80"}, {Path: "image.pull", Value: "null"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"image": map[string]any{"tag": int64(2), "pull": nil}, "replicas": 3.0,
		"deep": map[string]any{"list": []any{map[string]any{"n": 1.0}}}, "new": map[string]any{"port": int64(80)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if values["image"].(map[string]any)["tag"] != "1" {
		t.Error("the values were modified")
	}
	if _, err := helm.EffectiveValues(map[string]any{"a": "text"}, []schema.SetValue{{Path: "a.b", Value: "x"}}); err == nil {
		t.Error("a path through a text was accepted")
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("ab", 32)
	if got := helm.DigestLabel(digest); len(got) != 63 || !strings.HasPrefix(got, "sha256-abab") {
		t.Errorf("got %q", got)
	}
	if got := helm.LabelValue("tenant.acme"); got != "tenant.acme" {
		t.Errorf("got %q", got)
	}
	seen := map[string]bool{}
	for _, odd := range []string{`tenant.fleet["k"]/1/upgrade`, `tenant.fleet["l"]/1/upgrade`, strings.Repeat("x", 70), "é", "-"} {
		got := helm.LabelValue(odd)
		if helm.LabelValue(got) != got || seen[got] || got == "" {
			t.Errorf("%s: got %q", odd, got)
		}
		seen[got] = true
	}
}

func TestParseManifest(t *testing.T) {
	t.Parallel()
	objs, err := helm.ParseManifest(`---
# Source: a/templates/x.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  labels: {app: first, app: last}
  generation: 3
data: {text: "---", block: "--- no"}
---
# only a comment
--- # another
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: b}}
- {apiVersion: v1, kind: Secret, metadata: {name: c}}
---

`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range objs {
		names = append(names, o.GetKind()+"/"+o.GetName())
	}
	if diff := cmp.Diff([]string{"ConfigMap/a", "Secret/b", "Secret/c"}, names); diff != "" {
		t.Fatal(diff)
	}
	if got := objs[0].GetLabels()["app"]; got != "last" {
		t.Errorf("of two equal keys got %q", got)
	}
	if objs[0].GetGeneration() != 3 {
		t.Error("whole numbers are no integers")
	}
	for text, want := range map[string]string{
		"# Source: a/templates/x.yaml\na: [canary-value": "a/templates/x.yaml",
		"just: canary-value":                             "no Kubernetes object",
	} {
		_, err := helm.ParseManifest(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
