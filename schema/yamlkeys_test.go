package schema

import (
	"strings"
	"testing"
)

// TestKeysThatStandTwice appends a line to each kind of YAML text: the last one
// must not win without a word.
func TestKeysThatStandTwice(t *testing.T) {
	t.Parallel()
	each := base + "tenant \"f\" {\n  for_each = yamldecode(file(\"t.yaml\"))\n  chart    = \"oci://h/tenant\"\n  version  = \"0.2.1\"\n  values   = [each.value]\n}\n-- t.yaml --\n"
	values := func(list string) string {
		return strings.Replace(base, "}", "  values = ["+list+"]\n}", 1)
	}
	matrix := "-- a.hcl --\n" + base + "compatibility {\n  matrix = file(\"m.yaml\")\n}\n-- m.yaml --\n"
	for name, c := range map[string]struct{ text, want string }{
		"tenants":         {"-- a.hcl --\n" + each + "acme: {}\nbeta: {}\nacme: {}\n", `t.yaml: the key "acme" stands twice, on lines 1 and 3`},
		"deeper":          {"-- a.hcl --\n" + each + "acme:\n  a:\n    - b: 1\n      c: 2\n      b: 3\n", `the key "b" stands twice, on lines 3 and 5`},
		"values":          {"-- a.hcl --\n" + values(`file("v.yaml")`) + "-- v.yaml --\nllm: {a: 1}\nx: 1\nllm:\n  a: 2\n", `Layer 1 of values (v.yaml) cannot be used: the key "llm" stands twice, on lines 1 and 3`},
		"three times":     {values(`"a: 1\nb: 2\na: 3\na: 4"`), `the key "a" stands 3 times, on lines 1, 3 and 4`},
		"several":         {values(`"{a: 1, a: 2, b: 1, b: 2, c: 1, c: 2, d: 1, d: 2}"`), `the key "a" stands twice, on line 1; the key "b" stands twice, on line 1; the key "c" stands twice, on line 1; 1 more likewise;`},
		"number and text": {values(`"1: a\n'1': b"`), `the key "1" stands twice, on lines 1 and 2`},
		"JSON values":     {values(`"{\"a\": 1,\n\"a\": 2}"`), `the key "a" stands twice, on lines 1 and 2`},
		"jsondecode":      {base + `locals { a = jsondecode("{\"a\": 1, \"a\": 2}") }`, `the key "a" stands twice, on line 1`},
		"under an anchor": {values(`"a: &x {b: 1, b: 2}\nc: *x"`), `the key "b" stands twice, on line 1; only`},
		"matrix":          {matrix + "- system: \"0.2.1\"\n  tenant: []\n  tenant: []\n", `m.yaml:3,3-9: Invalid compatibility matrix; The key "tenant" stands twice, on lines 2 and 3`},
	} {
		if got := mistakes(t, c.text, Options{}); strings.Count(got, "error:") != 1 || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestKeysThatMayStandTwice holds what is no mistake: merge keys, in all their
// forms, bring keys that are written beside them.
func TestKeysThatMayStandTwice(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"base: &b {x: 1, y: 2}\na:\n  <<: *b\n  x: 3\n",
		"base: &b {x: 1}\nc: &c {x: 2}\na:\n  <<: [*b, *c]\n",
		"base: &b {x: 1}\nc: &c {y: 2}\na:\n  <<: *b\n  <<: *c\n",
		"a: {x: 1}\nb: {x: 1}\n", "[{x: 1}, {x: 1}]", "", "# nothing",
	} {
		if err := checkKeys(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := checkKeys("\"<<\": 1\n\"<<\": 2\n"); err == nil {
		t.Error("a quoted << is a key like any other")
	}
}
