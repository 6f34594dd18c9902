package schema

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// seeds adds the configuration files of the examples.
func seeds(f *testing.F, add func(name string, data []byte)) {
	for _, pattern := range []string{"../examples/minimal/*", "../examples/complete/*", "testdata/contract/*", "../internal/view/testdata/mistakes/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				continue // a folder
			}
			if filepath.Ext(path) == ".txtar" {
				for _, file := range txtar.Parse(data).Files {
					add(file.Name, file.Data)
				}
				continue
			}
			add(filepath.Base(path), data)
		}
	}
}

// loadBytes loads one file of that name, with others for file() to find.
func loadBytes(t testing.TB, name string, data []byte) {
	dir := t.TempDir()
	for n, d := range map[string][]byte{name: data, "tenants.yaml": []byte("a: {version: 1.0.0, labels: {}, values: {}}\n"), "t.tpl": []byte("${a}")} {
		if err := os.WriteFile(filepath.Join(dir, n), d, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fleet, diags := Load(dir, Options{Vars: []string{"target=0.2.1"}, ToolVersion: "0.1.0"})
	if fleet == nil {
		t.Fatal("no fleet")
	}
	for _, d := range diags {
		if d.Summary == "" {
			t.Errorf("a message without summary: %v", d)
		}
	}
	if diags.HasErrors() {
		return
	}
	// What is valid is complete.
	if fleet.System == nil || fleet.System.Version == nil || fleet.Rollout == nil || fleet.Compatibility == nil {
		t.Error("valid, and incomplete")
	}
	inWaves := 0
	for _, w := range fleet.Rollout.Waves {
		inWaves += len(w.Tenants)
	}
	if inWaves != len(fleet.Tenants) {
		t.Errorf("%d tenants, %d in waves", len(fleet.Tenants), inWaves)
	}
	for _, tn := range fleet.Tenants {
		if tn.Version == nil || tn.Cluster == "" || tn.Namespace == "" || tn.Name == "" || tn.Chart.Ref == "" || tn.Values == nil {
			t.Errorf("valid, and incomplete: %+v", tn)
		}
	}
}

func FuzzNative(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if strings.HasSuffix(name, ".hcl") {
			f.Add(data)
		}
	})
	f.Fuzz(func(t *testing.T, data []byte) { loadBytes(t, "main.hcl", data) })
}

func FuzzJSON(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if strings.HasSuffix(name, ".json") {
			f.Add(data)
		}
	})
	f.Add([]byte(`{"system": {"chart": "oci://a/b", "version": "1.0.0", "values": [{"a": "${self.release}"}]}, "tenant": {"a": [{"chart": "oci://a/b", "version": "1.0.0"}]}}`))
	f.Add([]byte(`[{"locals": {"//": "x", "a": [null, true, 1e3]}}, {"moved": {"from": "tenant.a", "to": "tenant.b[\"c\"]"}}]`))
	f.Fuzz(func(t *testing.T, data []byte) { loadBytes(t, "main.hcl.json", data) })
}

// FuzzExpression tries whatever can be written as a value.
func FuzzExpression(f *testing.F) {
	for _, g := range functionDocs {
		for _, fn := range g.list {
			name, _, _ := strings.Cut(fn.call, "(")
			f.Add(name + `("1.2.3", 2)`)
			f.Add(name + `(var.target)`)
			f.Add(name + `(["a", null], { b = 1 })`)
		}
	}
	for _, s := range []string{`[for k, v in { a = 1 } : "${k}=${v}"...]`, `"%{ for x in [1, 2] ~}${x}%{ endfor }"`, `sensitive("abcd")`, "<<EOT\n${1e5}\nEOT\n", `1e9999999`, `[1][*].a`, `try(self.a, each.value, 1)`, `{ (var.target) = null }`, `!-1 ? 1/0 : 1%0`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		loadBytes(t, "main.hcl", []byte(base+"variable \"target\" {}\nlocals {\n  x = "+expr+"\n}\ntenant \"a\" {\n  chart = \"oci://h/t\"\n  version = \"1.0.0\"\n  values = [{ a = local.x }, local.x]\n  labels = local.x\n  set = "+expr+"\n}\n"))
	})
}

func FuzzValues(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if strings.HasSuffix(name, ".yaml") {
			f.Add(data)
		}
	})
	f.Add([]byte("a: &a [1]\nb: *a\n<<: {c: 1}\non: yes\n1: 0x10\n? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := decodeValues(string(data))
		if err == nil && values == nil {
			t.Error("neither values nor an error")
		}
	})
}

func FuzzFormat(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if strings.HasSuffix(name, ".hcl") {
			f.Add(data)
		}
	})
	f.Add([]byte("a b {\n}\nx=\"${y}\"\nz = \"${\"${a}\"}\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, diags := Format(data, "x.hcl")
		if diags.HasErrors() {
			return
		}
		twice, diags := Format(once, "x.hcl")
		if diags.HasErrors() {
			t.Fatalf("the result cannot be parsed: %s\n%q\n%q", diags, data, once)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("not the same twice:\n%q\n%q\n%q", data, once, twice)
		}
	})
}
