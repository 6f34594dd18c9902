package helm

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

func TestTemplatesAreSplitAsHelmDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"---", "--", "-", "\n", "\n---\n", " ", "\t", "\r\n", "a: b", "x", "#", "\v", "\u00a0", "|\n  ---\n"})).Draw(t, "pieces"), "")
		want := releaseutil.SplitManifests(text)
		names := slices.Collect(maps.Keys(want))
		slices.SortFunc(names, func(a, b string) int {
			if releaseutil.BySplitManifestsOrder([]string{a, b}).Less(0, 1) {
				return -1
			}
			return 1
		})
		var docs []string
		for _, n := range names {
			docs = append(docs, want[n])
		}
		if diff := cmp.Diff(docs, splitTemplate(text)); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	})
}

func TestYAMLIsReadAsJSONWouldBe(t *testing.T) {
	t.Parallel()
	scalars := []string{
		"a", "1", "-7", "0x1f", "0o17", "017", "1_000", "1.5", "1.0", "1e3", "1e21", ".inf", ".nan", "9223372036854775807", "18446744073709551615",
		"99999999999999999999", "true", "yes", "on", "null", "~", "''", `"\x80"`, `"\u2028<&>"`, "2001-12-14", "2001-12-14t21:59:43.10-05:00", "!!binary aGk=",
		"!!str 1", "!!float 1", "!!timestamp 2001-12-14", "[1, a]", "{x: 1}", "{1: x}", "{true: x, null: y}", "[]", "{}", "[[1.0]]", "=", "<<",
	}
	for _, v := range scalars {
		for _, doc := range []string{
			"kind: K\nv: " + v, "kind: K\nv: " + v + "\nv: last", "kind: K\n? " + v + "\n: x", "kind: " + v, v, "kind: K\nitems: [" + v + "]",
			"kind: K\nbase: &b {v: " + v + "}\nmerged: {<<: *b, w: 1}", "kind: K\nblock: |\n  " + v,
		} {
			want, wantErr := byJSON(doc)
			got, err := parseYAML(doc)
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%q: got error %v, want %v", doc, err, wantErr)
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q:\n%s", doc, diff)
			}
		}
	}
}

// byJSON is how the API server reads a document.
func byJSON(doc string) (map[string]any, error) {
	raw, err := yaml.YAMLToJSON([]byte(doc + "\n"))
	if err != nil || bytes.Equal(raw, []byte("null")) {
		return nil, err
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	return o.Object, nil
}

func TestDocumentsAreSortedAsHelmDoes(t *testing.T) {
	t.Parallel()
	kinds := append([]string{"Alpha", "Zeta", "alpha", ""}, releaseutil.InstallOrder...)
	annotations := []string{
		"", "{a: b}", "{a: 1}", "null", "[]", "{helm.sh/hook: pre-upgrade}", "{helm.sh/hook: 'post-install,pre-install', helm.sh/hook-weight: '3'}",
		"{helm.sh/hook: never}", `{"helm.sh/ho\x6fk": test}`,
	}
	rapid.Check(t, func(t *rapid.T) {
		files := map[string]string{}
		for i := range rapid.IntRange(1, 4).Draw(t, "files") {
			var docs []string
			for j := range rapid.IntRange(0, 5).Draw(t, "documents") {
				doc := fmt.Sprintf("apiVersion: v1\nkind: %s\nmetadata:\n  name: n%d-%d\n", rapid.SampledFrom(kinds).Draw(t, "kind"), i, j)
				if a := rapid.SampledFrom(annotations).Draw(t, "annotations"); a != "" {
					doc += "  annotations: " + a + "\n"
				}
				docs = append(docs, doc)
			}
			files[rapid.SampledFrom([]string{"a", "b", "_c", "d/e"}).Draw(t, "name")] = strings.Join(docs, "---\n")
		}
		wantHooks, manifests, wantErr := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
		hooks, documents, err := sortFiles(files)
		if wantErr != nil && err == nil {
			t.Fatalf("no error, Helm says %v", wantErr)
		}
		if err != nil {
			return // also what Helm refuses later: documents that are no objects
		}
		var want, got []string
		for _, h := range wantHooks {
			want = append(want, fmt.Sprint("hook ", h))
		}
		for _, m := range manifests {
			want = append(want, m.Name+"\n"+m.Content)
		}
		for _, h := range hooks {
			got = append(got, fmt.Sprint("hook ", h))
		}
		for _, d := range documents {
			got = append(got, d.source+"\n"+d.text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
