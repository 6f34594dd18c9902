package schema

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGenerated fails when the page or the JSON Schema is older than the table.
func TestGenerated(t *testing.T) {
	for path, want := range map[string][]byte{
		"../docs/language.md":              []byte(Page()),
		"../docs/schema/fleet.schema.json": JSONSchema(),
	} {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale; run: go generate ./schema", path)
		}
	}
}

// TestPageExamples holds the page's own fleets against the code.
func TestPageExamples(t *testing.T) {
	fleets := regexp.MustCompile("(?s)```hcl fleet\n(.*?)```").FindAllStringSubmatch(Page(), -1)
	if len(fleets) < 2 {
		t.Fatalf("%d fleets on the page", len(fleets))
	}
	for _, m := range fleets {
		if got := mistakes(t, m[1], Options{}); got != "" {
			t.Errorf("%s\n%s", got, m[1])
		}
		formatted, diags := Format([]byte(m[1]), "")
		if diags.HasErrors() || string(formatted) != m[1] {
			t.Errorf("not in canonical form:\n%s", m[1])
		}
	}
}

func TestEveryFunctionIsDescribed(t *testing.T) {
	var described []string
	for _, g := range functionDocs {
		for _, f := range g.list {
			name, _, _ := strings.Cut(f.call, "(")
			described = append(described, name)
			if f.doc == "" {
				t.Errorf("%s has no description", name)
			}
		}
	}
	slices.Sort(described)
	if have := Functions(); !slices.Equal(have, described) {
		t.Errorf("there are %v\ndescribed are %v", have, described)
	}
}

func TestTableIsComplete(t *testing.T) {
	var walk func(b *block, path string)
	walk = func(b *block, path string) {
		seen := map[string]bool{}
		for _, a := range b.attrs {
			if a.doc == "" || a.kind == "" || seen[a.name] {
				t.Errorf("%s.%s: doc %q, kind %q, twice %v", path, a.name, a.doc, a.kind, seen[a.name])
			}
			if (a.kind == kindRef || a.kind == kindRefs) && a.refs == "" {
				t.Errorf("%s.%s refers to nothing", path, a.name)
			}
			seen[a.name] = true
		}
		for _, name := range b.oneOf {
			if b.attr(name) == nil && b.block(name) == nil {
				t.Errorf("%s: oneOf names %s", path, name)
			}
		}
		for _, c := range b.blocks {
			if c.doc == "" {
				t.Errorf("%s.%s has no description", path, c.name)
			}
			walk(c, path+"."+c.name)
		}
	}
	walk(language, "")
}
