package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const published = "../../docs/schema/plan.schema.json"

func TestPublishedSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := planSchema("../../plan/document.go", "Document")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("make docs writes it anew (-want +got):\n%s", diff)
	}
}

func TestDocumentsAreValid(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	paths, err := filepath.Glob("../view/testdata/plans/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no documents", err)
	}
	for _, path := range paths {
		err := schema.Validate(read(t, path))
		// That one has kinds of step that there are not.
		if bad := filepath.Base(path) == "hostile.json"; (err != nil) != bad {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	for name, spoil := range map[string]func(doc map[string]any){
		"no plan id":         func(doc map[string]any) { delete(doc, "plan_id") },
		"no list":            func(doc map[string]any) { doc["steps"] = nil },
		"count as text":      func(doc map[string]any) { doc["summary"].(map[string]any)["install"] = "1" },
		"no date":            func(doc map[string]any) { doc["created"] = "yesterday" },
		"unknown action":     func(doc map[string]any) { release(doc)["action"] = "upset" },
		"release of no kind": func(doc map[string]any) { doc["releases"].([]any)[0] = "tenant.acme" },
	} {
		doc := read(t, "../view/testdata/plans/install.json").(map[string]any)
		spoil(doc)
		if schema.Validate(doc) == nil {
			t.Errorf("%s is valid", name)
		}
	}
	// What a later minor version adds is ignored.
	doc := read(t, "../view/testdata/plans/install.json").(map[string]any)
	doc["added"], release(doc)["added"] = 1, 1
	if err := schema.Validate(doc); err != nil {
		t.Errorf("an added field is refused: %v", err)
	}
}

func release(doc map[string]any) map[string]any {
	return doc["releases"].([]any)[0].(map[string]any)
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(published)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func read(t *testing.T, path string) any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return doc
}
