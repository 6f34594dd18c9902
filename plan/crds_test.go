package plan

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func crdOf(t *testing.T, spec string) Object {
	t.Helper()
	o := Object{"kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "things.example.com"}}
	var s map[string]any
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		t.Fatalf("%v in %s", err, spec)
	}
	o["spec"] = s
	return o
}

// schemaSpec is a definition with one version.
func schemaSpec(schema string) string {
	return `{"scope": "Namespaced", "names": {"kind": "Thing"}, "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": ` + schema + `}}]}`
}

func TestCRDChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		live, want string
		same       bool
		breaking   []string
	}{
		"what the server fills in": {
			live: `{"scope": "Namespaced", "names": {"kind": "Thing", "singular": "thing", "listKind": "ThingList"}, "conversion": {"strategy": "None"}, "versions": []}`,
			want: `{"scope": "Namespaced", "names": {"kind": "Thing"}, "versions": []}`, same: true,
		},
		"a certificate that somebody puts in": {
			live: `{"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"caBundle": "x", "service": {"name": "a", "port": 443}}}}, "names": {"kind": "Thing", "singular": "thing", "listKind": "ThingList"}}`,
			want: `{"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {"name": "a"}}}}, "names": {"kind": "Thing"}}`, same: true,
		},
		"scope and kind": {
			live: `{"scope": "Namespaced", "names": {"kind": "Thing"}}`, want: `{"scope": "Cluster", "names": {"kind": "Object"}}`,
			breaking: []string{"its scope changes from Namespaced to Cluster, which Kubernetes refuses", "its kind changes from Thing to Object, which Kubernetes refuses"},
		},
		"versions": {
			live: `{"names": {"kind": "T"}, "versions": [{"name": "v1", "served": true, "storage": true}, {"name": "v2", "served": true}, {"name": "v3", "served": true}]}`,
			want: `{"names": {"kind": "T"}, "conversion": {"strategy": "Webhook"}, "versions": [{"name": "v1", "served": true}, {"name": "v2", "served": false, "storage": true}]}`,
			breaking: []string{"conversion between versions changes from None to Webhook", "objects are stored as v2 from now on, not as v1",
				"version v2 is no longer served", "version v3 is removed"},
		},
		"a version more": {
			live: `{"names": {"kind": "T"}, "versions": [{"name": "v1", "served": true, "storage": true}]}`,
			want: `{"names": {"kind": "T"}, "versions": [{"name": "v1", "served": true, "storage": true}, {"name": "v2", "served": true}]}`,
		},
		"fields": {
			live: schemaSpec(`{"type": "object", "properties": {"gone": {"type": "string"}, "n": {"type": "string"}, "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}}, "map": {"type": "object", "additionalProperties": {"type": "string", "enum": ["a", "b"]}}}}`),
			want: schemaSpec(`{"type": "object", "required": ["n", "filled"], "properties": {"n": {"type": "integer"}, "filled": {"type": "string", "default": "x"}, "list": {"type": "array", "items": {"type": "object", "required": ["x"], "properties": {"x": {"type": "string", "pattern": "a"}}}}, "map": {"type": "object", "additionalProperties": {"type": "string", "enum": ["a"]}}}}`),
			breaking: []string{
				"v1: n is required from now on",
				"v1: gone is removed: what objects have there is lost when they are written next",
				"v1: list[].x is required from now on",
				"v1: list[].x is held to other rules: pattern",
				"v1: map[*] no longer takes b",
				"v1: n changes its type from string to integer",
			},
		},
		"free fields": {
			live:     schemaSpec(`{"type": "object", "x-kubernetes-preserve-unknown-fields": true}`),
			want:     schemaSpec(`{"type": "object", "properties": {"a": {"type": "string"}}}`),
			breaking: []string{"v1: the object no longer keeps fields that the definition does not name"},
		},
		"a description": {live: schemaSpec(`{"type": "object", "description": "a"}`), want: schemaSpec(`{"type": "object", "description": "b"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live, want := []Object{crdOf(t, test.live)}, []Object{crdOf(t, test.want)}
			var expected []CRDChange
			if !test.same {
				expected = []CRDChange{{Name: "things.example.com", Action: Change, Breaking: test.breaking}}
			}
			for _, installing := range []bool{false, true} {
				if diff := cmp.Diff(expected, CRDChanges(live, want, installing)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
	missing := []Object{crdOf(t, `{}`)}
	if got := CRDChanges(nil, missing, false); len(got) != 1 || got[0].Action != Create {
		t.Errorf("got %+v", got)
	}
	if got := CRDChanges(nil, missing, true); len(got) != 0 {
		t.Errorf("got %+v: Helm makes it", got)
	}
}
