package schema

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"
)

// folder writes the files of a txtar archive and returns where.
func folder(t testing.TB, archive string) string {
	t.Helper()
	dir := t.TempDir()
	a := txtar.Parse([]byte(archive))
	if len(a.Files) == 0 {
		a.Files = []txtar.File{{Name: "main.hcl", Data: []byte(archive)}}
	}
	for _, f := range a.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// base is a system that a test adds to.
const base = `
system {
  chart   = "oci://h/system"
  version = "0.2.1"
}
`

// tenants is what most tests need beside it.
const acme = `
tenant "acme" {
  chart   = "oci://h/tenant"
  version = "0.2.1"
}
`

// load loads a fleet that has no mistakes.
func load(t testing.TB, archive string, o Options) *Fleet {
	t.Helper()
	f, diags := Load(folder(t, archive), o)
	if diags.HasErrors() {
		t.Fatal(messages(diags))
	}
	return f
}

// mistakes loads a fleet and returns its messages, one a line.
func mistakes(t testing.TB, archive string, o Options) string {
	t.Helper()
	_, diags := Load(folder(t, archive), o)
	return messages(diags)
}

func messages(diags hcl.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		sev := "error"
		if d.Severity == hcl.DiagWarning {
			sev = "warning"
		}
		at := ""
		if d.Subject != nil {
			at = d.Subject.String() + ": "
		}
		b.WriteString(sev + ": " + at + d.Summary + "; " + d.Detail + "\n")
	}
	return b.String()
}

// has fails unless each part is in s.
func has(t testing.TB, s string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(s, p) {
			t.Errorf("%q is not in:\n%s", p, s)
		}
	}
}

func tenant(t testing.TB, f *Fleet, slug string) *Tenant {
	t.Helper()
	for _, tn := range f.Tenants {
		if tn.Slug == slug {
			return tn
		}
	}
	t.Fatalf("no tenant %q", slug)
	return nil
}

func addresses(f *Fleet) []string {
	var out []string
	for _, t := range f.Tenants {
		out = append(out, t.Address)
	}
	sort.Strings(out)
	return out
}
