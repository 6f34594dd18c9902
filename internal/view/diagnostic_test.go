package view

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"golang.org/x/tools/txtar"
)

var updateMistakes = flag.Bool("update-mistakes", false, "write what is printed now into testdata/mistakes")

// TestMistakes holds what a person reads of each mistake against the comment
// of its archive.
func TestMistakes(t *testing.T) {
	paths, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no archives", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			diags := loadArchive(t, a)
			var b strings.Builder
			if err := DiagnosticsText(&b, diags, "", Style{Width: 78}); err != nil {
				t.Fatal(err)
			}
			if *updateMistakes {
				a.Comment = []byte(b.String())
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(a.Comment), b.String()); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(b.String(), "canary") {
				t.Error("a secret is shown")
			}
			data, err := json.Marshal(diags)
			if err != nil || strings.Contains(string(data), "canary") {
				t.Errorf("%v: a secret is in the JSON form: %s", err, data)
			}
		})
	}
}

func loadArchive(t *testing.T, a *txtar.Archive) []plan.Diagnostic {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, diags := schema.Load(dir, schema.Options{ToolVersion: "0.1.0"})
	return Diagnostics(diags, f.Files, f.Sensitive)
}

func TestTextIsSafeAndBounded(t *testing.T) {
	t.Parallel()
	d := plan.Diagnostic{Severity: plan.Error, Summary: "bad \x1b[31mred\nline", Detail: strings.Repeat("word ", 100) + "\n\n  kept as it is",
		Range:   &plan.Range{Filename: "a.hcl", Start: plan.Pos{Line: 3, Column: 5}},
		Snippet: &plan.Snippet{Code: strings.Repeat("x", 5000) + "\tMARK" + strings.Repeat("y", 5000), StartLine: 3, HighlightStart: 5001, HighlightEnd: 5005}}
	var b strings.Builder
	if err := DiagnosticsText(&b, []plan.Diagnostic{d}, "some/dir", Style{Width: 60}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.Contains(got, "\x1b") {
		t.Error("an escape sequence of the input reached the terminal")
	}
	for _, want := range []string{"Error: bad ?[31mred line", "on some/dir/a.hcl line 3", "MARK", "^^^^", "  kept as it is"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	for _, line := range strings.Split(got, "\n") {
		if n := len([]rune(line)); n > 140 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestSnippetOutOfRange(t *testing.T) {
	t.Parallel()
	// A document read from disk may say anything.
	for _, s := range []plan.Snippet{{Code: "abc", HighlightStart: 7, HighlightEnd: 2}, {Code: "äö", HighlightStart: 1, HighlightEnd: 99}, {Code: "", HighlightStart: -1}} {
		var b strings.Builder
		if err := DiagnosticsText(&b, []plan.Diagnostic{{Summary: "x", Range: &plan.Range{}, Snippet: &s}}, "", Style{Width: 78}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestColour(t *testing.T) {
	t.Parallel()
	var plain, coloured strings.Builder
	diags := []plan.Diagnostic{{Severity: plan.Warning, Summary: "s", Detail: "d"}}
	_ = DiagnosticsText(&plain, diags, "", Style{Width: 78})
	_ = DiagnosticsText(&coloured, diags, "", Style{Color: true})
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b") {
		t.Errorf("%q %q", plain.String(), coloured.String())
	}
}

// What is the same of several releases at one line of the files is told once.
func TestAlikeDiagnosticsAreMerged(t *testing.T) {
	t.Parallel()
	at := func(line int) *plan.Range { return &plan.Range{Filename: "tenants.hcl", Start: plan.Pos{Line: line}} }
	var diags []plan.Diagnostic
	for i := range 9 {
		address := fmt.Sprintf(`tenant.fleet["t%d"]`, i)
		describe := fmt.Sprintf("%s (release t%d in namespace n%d): ", address, i, i)
		diags = append(diags,
			plan.Diagnostic{Severity: plan.Error, Summary: "Chart not found", Detail: "Chart oci://x/app has no version 9.", Address: address, Range: at(4)},
			plan.Diagnostic{Severity: plan.Error, Summary: "Downgrade refused", Detail: fmt.Sprintf("%slive is 0.2.%d.", describe, i%2), Address: address, Range: at(5)})
	}
	diags = append(diags, plan.Diagnostic{Severity: plan.Error, Summary: "Chart not found", Detail: "Chart oci://x/app has no version 9.", Address: "tenant.z", Range: at(40)})
	var b strings.Builder
	if err := DiagnosticsText(&b, diags, "", Style{}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"╷": 4, "Error: Chart not found\n": 2, "Error: Downgrade refused\n": 2,
		"│ This is about tenant.fleet[\"t0\"]; 8 more have the same: tenant.fleet[\"t1\"], tenant.fleet[\"t2\"], tenant.fleet[\"t3\"], tenant.fleet[\"t4\"], tenant.fleet[\"t5\"] and 3 more.\n": 1,
		"│ This is about tenant.fleet[\"t1\"]; 3 more have the same: tenant.fleet[\"t3\"], tenant.fleet[\"t5\"], tenant.fleet[\"t7\"].\n":                                                        1,
	} {
		if n := strings.Count(b.String(), text); n != want {
			t.Errorf("%q is there %d times, want %d:\n%s", text, n, want, b.String())
		}
	}
	if diags[0].Detail != "Chart oci://x/app has no version 9." {
		t.Error("the diagnostics themselves were changed")
	}
}

// A diagnostic without a detail ends with its place.
func TestDiagnosticWithoutDetail(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, d := range []plan.Diagnostic{{Summary: "One"}, {Summary: "Two", Range: &plan.Range{Filename: "a.hcl", Start: plan.Pos{Line: 1}}}, {Summary: "Three", Address: "system"}} {
		b.WriteString(diagnosticText(d, "", Style{}))
	}
	if want := "╷\n│ Warning: One\n╵\n╷\n│ Warning: Two\n│\n│   on a.hcl line 1:\n╵\n╷\n│ Warning: Three\n│\n│   for system:\n╵\n"; strings.ReplaceAll(b.String(), "Error", "Warning") != want {
		t.Errorf("%s", b.String())
	}
}

// Of a thousand diagnostics of one kind some are shown, and how many more there
// are; errors come last, and what is rare is never folded.
func TestManyDiagnosticsAreFolded(t *testing.T) {
	t.Parallel()
	var diags []plan.Diagnostic
	for i := range 1000 {
		diags = append(diags, plan.Diagnostic{Severity: plan.Warning, Summary: "Stale image pin", Detail: "It is old.", Address: fmt.Sprintf("tenant.t%d", i)})
		if i%400 == 0 {
			diags = append(diags, plan.Diagnostic{Severity: plan.Error, Summary: "Release is broken", Address: fmt.Sprintf("tenant.t%d", i)})
		}
	}
	var b strings.Builder
	if err := DiagnosticsText(&b, diags, "", Style{}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for text, want := range map[string]int{
		"Warning: Stale image pin\n": mostAlikeText, "Error: Release is broken\n": 3,
		"Warning: Stale image pin, 980 times more\n": 1,
		"For tenant.t20, tenant.t21, tenant.t22, tenant.t23, tenant.t24, tenant.t25, tenant.t26, tenant.t27 and 972 more. With -json, every one is shown.\n": 1,
	} {
		if n := strings.Count(got, text); n != want {
			t.Errorf("%q is there %d times, want %d", text, n, want)
		}
	}
	if strings.LastIndex(got, "Warning:") > strings.Index(got, "Error:") {
		t.Error("a warning stands after an error")
	}
	if n := strings.Count(got, "\n"); n > 300 {
		t.Errorf("%d lines", n)
	}
}
