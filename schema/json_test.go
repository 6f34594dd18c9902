package schema

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// examples are the fleets that both syntaxes have to mean the same in.
func examples(t *testing.T) map[string]Options {
	return map[string]Options{
		"../examples/minimal":  {},
		"../examples/complete": {},
		"../examples/thousand": {},
		"testdata/contract":    {Vars: []string{"target=0.2.1"}},
	}
}

// TestJSONSyntax turns every example into the JSON syntax and expects the same
// fleet, and that the JSON Schema accepts it.
func TestJSONSyntax(t *testing.T) {
	schema := compileSchema(t)
	for dir, o := range examples(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			want, diags := Load(dir, o)
			if diags.HasErrors() {
				t.Fatal(messages(diags))
			}
			twin := t.TempDir()
			if err := os.CopyFS(twin, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(twin, "*.hcl"))
			for _, path := range files {
				src, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				vars := strings.HasSuffix(path, ".vars.hcl")
				doc := toJSON(t, src, vars)
				if !vars {
					validateSchema(t, schema, doc)
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path+".json", doc, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, diags := Load(twin, o)
			if diags.HasErrors() {
				t.Fatal(messages(diags))
			}
			if diff := cmp.Diff(plainFleet(want, dir), plainFleet(got, twin), compareFleets...); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var compareFleets = cmp.Options{
	cmpopts.IgnoreFields(Fleet{}, "Root", "Inputs", "Files"),
	cmpopts.IgnoreTypes(Source{}),
	cmpopts.IgnoreUnexported(Check{}),
	cmp.Comparer(func(a, b *semver.Version) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b *semver.Constraints) bool {
		return (a == nil) == (b == nil) && (a == nil || a.String() == b.String())
	}),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
	cmpopts.EquateEmpty(),
}

// plainFleet takes the folder out of paths.
func plainFleet(f *Fleet, dir string) *Fleet {
	abs, _ := filepath.Abs(dir)
	rel := func(s string) string { return strings.Replace(s, abs, "ROOT", 1) }
	for _, c := range f.Clusters {
		c.Kubeconfig = rel(c.Kubeconfig)
	}
	for _, r := range f.Registries {
		r.CAFile = rel(r.CAFile)
	}
	return f
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(JSONSchema())))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("fleet.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("fleet.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validateSchema(t *testing.T, s *jsonschema.Schema, doc []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(doc)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("the schema refuses\n%s\n%v", doc, err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compileSchema(t)
	for _, doc := range []string{
		`{"sytem": {}}`,
		`{"system": {"chart": "oci://a/b"}}`,
		`{"system": {"chart": "oci://a/b", "version": "1.0.0", "on_failure": "explode"}}`,
		`{"system": {"chart": "oci://a/b", "version": "1.0.0", "timeout": "soon"}}`,
		`{"rollout": {"max_parallel": 0}}`,
		`{"check": {"c": {"http": {"service": "a", "url": "b"}}}}`,
		`{"tenant": {"a": {"snapshot": {"s": {"driver": "magic"}}}}}`,
		`{"locals": {"not a name": 1}}`,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(v) == nil {
			t.Errorf("the schema accepts %s", doc)
		}
	}
}

// toJSON writes a file of the native syntax in the JSON syntax.
func toJSON(t *testing.T, src []byte, vars bool) []byte {
	t.Helper()
	f, diags := hclsyntax.ParseConfig(src, "", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	out, err := json.MarshalIndent(jsonBody(t, f.Body.(*hclsyntax.Body), src, vars), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// asWritten are attributes whose JSON form is the native source in a string.
var asWritten = regexp.MustCompile(`^(type|from|to)$`)

func jsonBody(t *testing.T, body *hclsyntax.Body, src []byte, vars bool) map[string]any {
	out := map[string]any{}
	for name, a := range body.Attributes {
		text := string(a.Expr.Range().SliceBytes(src))
		v, diags := a.Expr.Value(nil)
		switch {
		case asWritten.MatchString(name) && !vars:
			out[name] = strings.Trim(text, `"`)
		case !diags.HasErrors() && v.IsWhollyKnown():
			out[name] = escape(plainJSON(t, v))
		default:
			out[name] = "${" + text + "}"
		}
	}
	for _, b := range body.Blocks {
		inner := any(jsonBody(t, b.Body, src, vars))
		for i := len(b.Labels) - 1; i >= 0; i-- {
			inner = map[string]any{b.Labels[i]: inner}
		}
		list, _ := out[b.Type].([]any)
		out[b.Type] = append(list, inner)
	}
	return out
}

func plainJSON(t *testing.T, v cty.Value) any {
	data, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func escape(v any) any {
	switch x := v.(type) {
	case string:
		return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(x)
	case []any:
		for i := range x {
			x[i] = escape(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = escape(x[k])
		}
	}
	return v
}
