package schema

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within fails when f takes longer or leaves more memory behind than an
// honest configuration of that size could.
func within(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	runtime.ReadMemStats(&after)
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it took %s", d)
	}
	if grown := int64(after.TotalAlloc-before.TotalAlloc) >> 20; grown > 4096 {
		t.Errorf("%d MiB were allocated", grown)
	}
}

// TestHostile gives inputs that would exhaust a naive reader; each has to be
// answered with a diagnostic.
func TestHostile(t *testing.T) {
	if raceDetector {
		t.Skip("about cost, and nothing in it is concurrent")
	}
	deep := func(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	doubling := func(first, next string) string {
		s := "locals {\n  a0 = " + first + "\n"
		for i := 1; i < 60; i++ {
			s += fmt.Sprintf("  a%d = %s\n", i, strings.ReplaceAll(next, "@", fmt.Sprintf("local.a%d", i-1)))
		}
		return s + "}\n"
	}
	for name, c := range map[string]struct{ text, want string }{
		"deep brackets":           {base + "locals {\n  a = " + deep("[", "]", 100_000) + "\n}\n", "too deep"},
		"deep parentheses":        {base + "locals {\n  a = " + deep("(", ")", 100_000) + "\n}\n", "too deep"},
		"deep blocks":             {deep("a {\n", "}\n", 50_000), "too deep"},
		"deep interpolation":      {base + "locals {\n  a = " + deep(`"${`, `}"`, 20_000) + "\n}\n", "too deep"},
		"many negations":          {base + "locals {\n  a = " + strings.Repeat("!", 1_000_000) + "true\n}\n", "too deep"},
		"long sum":                {base + "locals {\n  a = 1" + strings.Repeat(" + 1", 500_000) + "\n}\n", "too deep"},
		"long sum over lines":     {base + "locals {\n  a = (1" + strings.Repeat("\n+ 1", 500_000) + ")\n}\n", "too deep"},
		"long conditional":        {base + "locals {\n  a = " + strings.Repeat("true ? 1 : ", 200_000) + "2\n}\n", "too deep"},
		"long index":              {base + "locals {\n  b = {}\n  a = local.b" + strings.Repeat("[local.b]", 100_000) + "\n}\n", "too deep"},
		"doubling text":           {base + doubling(`"xxxxxxxxxxxxxxxx"`, `"${@}${@}"`), "larger than 64 MiB"},
		"doubling joined text":    {base + doubling(`"xxxxxxxxxxxxxxxx"`, `join("", [@, @])`), "MiB"},
		"doubling formatted":      {base + doubling(`"xxxxxxxxxxxxxxxx"`, `format("%[1]s%[1]s", @)`), "MiB"},
		"doubling list":           {base + doubling("[1]", "[@, @]"), "2000000 elements"},
		"doubling concat":         {base + doubling("[1, 2, 3, 4]", "concat(@, @)"), "500000 elements"},
		"doubling object":         {base + doubling("{}", "{ a = @, b = @ }"), "2000000 elements"},
		"squaring number":         {base + doubling("10", "@ * @ * @ * @"), "too large"},
		"nested loops":            {base + "locals {\n  r = range(1000)\n  a = [for a in local.r : [for b in local.r : [for c in local.r : [for d in local.r : 1]]]]\n}\n", "turns"},
		"nested loops in JSON":    {"-- a.hcl --\n" + base + "-- b.hcl.json --\n" + `{"locals": {"r": "${range(1000)}", "a": "${[for a in local.r : [for b in local.r : [for c in local.r : 1]]]}"}}`, "turns"},
		"product":                 {base + "locals {\n  r = range(1000)\n  a = setproduct(local.r, local.r, local.r, local.r)\n}\n", "product would have more"},
		"wide format":             {base + "locals {\n  a = format(\"%99999999d\", 1)\n}\n", "width"},
		"wide format with zeros":  {base + "locals {\n  a = format(\"%.99999999f\", 1)\n}\n", "width"},
		"wide indent":             {base + "locals {\n  a = indent(1000000000, \"a\\nb\")\n}\n", "elements or"},
		"long range":              {base + "locals {\n  a = range(1000000000)\n}\n", "1024"},
		"huge number":             {base + "locals {\n  a = \"${1e999999999}\"\n}\n", "too large"},
		"huge number in JSON":     {base + "locals {\n  a = jsondecode(\"[1e999999999]\")\n}\n", "too large"},
		"huge number in YAML":     {base + "locals {\n  a = yamldecode(\"a: 1e999999999\")\n}\n", "too large"},
		"huge number from text":   {base + "locals {\n  a = \"${tonumber(\"1e999999999\")}\"\n}\n", "too large"},
		"replace explodes":        {base + "locals {\n  a = join(\"\", [for i in range(1000) : \"aaaaaaaaaa\"])\n  b = replace(local.a, \"a\", local.a)\n}\n", "MiB"},
		"regex replace explodes":  {base + "locals {\n  a = join(\"\", [for i in range(1000) : \"aaaaaaaaaa\"])\n  b = replace(local.a, \"/a/\", local.a)\n}\n", "MiB"},
		"YAML bomb":               {"-- a.hcl --\n" + base + "locals {\n  a = yamldecode(file(\"b.yaml\"))\n}\n-- b.yaml --\n" + bomb, "YAML bomb"},
		"YAML bomb as values":     {"-- a.hcl --\n" + strings.Replace(base, "}", "values = [file(\"b.yaml\")]\n}", 1) + "-- b.yaml --\n" + bomb, "YAML bomb"},
		"YAML bomb as matrix":     {"-- a.hcl --\n" + base + "compatibility {\n  matrix = file(\"b.yaml\")\n}\n-- b.yaml --\n" + bomb, "YAML bomb"},
		"deep YAML":               {"-- a.hcl --\n" + base + "locals {\n  a = yamldecode(file(\"b.yaml\"))\n}\n-- b.yaml --\n" + deep("[", "]", 1_000_000), "levels deep"},
		"deep YAML by dashes":     {"-- a.hcl --\n" + base + "locals {\n  a = yamldecode(file(\"b.yaml\"))\n}\n-- b.yaml --\n" + strings.Repeat("- ", 1_000_000), "levels deep"},
		"deep JSON text":          {"-- a.hcl --\n" + base + "locals {\n  a = jsondecode(file(\"b.json\"))\n}\n-- b.json --\n" + deep("[", "]", 1_000_000), "levels deep"},
		"deep JSON file":          {"-- a.hcl.json --\n" + deep("[", "]", 1_000_000), "levels deep"},
		"deep JSON file, broken":  {"-- a.hcl.json --\n" + strings.Repeat(`{"a":`, 1_000_000), "levels deep"},
		"deep template in JSON":   {"-- a.hcl.json --\n" + `{"locals": {"a": "` + strings.Repeat("${(", 10_000) + `"}}`, "deep"},
		"deep template file":      {"-- a.hcl --\n" + base + "locals {\n  a = templatefile(\"t\", {})\n}\n-- t --\n" + strings.Repeat("%{ if true }", 10_000), "operators"},
		"template calls itself":   {"-- a.hcl --\n" + base + "locals {\n  a = templatefile(\"t\", {})\n}\n-- t --\n${templatefile(\"t\", {})}", "a template cannot call templatefile"},
		"loops in a template":     {"-- a.hcl --\n" + base + "locals {\n  a = templatefile(\"t\", { r = range(1000) })\n}\n-- t --\n%{ for a in r }%{ for b in r }%{ for c in r }xxxxxxxx%{ endfor }%{ endfor }%{ endfor }", "turns"},
		"long chain of locals":    {base + "locals {\n  a0 = 1\n" + chain(100_000) + "}\n", "depend on each other in a row"},
		"file of a device":        {base + "locals {\n  a = file(\"/dev/zero\")\n}\n", "not a regular file"},
		"file of a folder":        {base + "locals {\n  a = file(\".\")\n}\n", "it is a folder"},
		"file with NUL":           {base + "locals {\n  a = file(\"a\\u0000b\")\n}\n", "NUL"},
		"fileset of everything":   {base + "locals {\n  a = fileset(\"/\", \"**/**/**/**/*\")\n}\n", "too complex"},
		"fileset above":           {base + "locals {\n  a = fileset(\".\", \"../**\")\n}\n", "must stay within"},
		"every key the same word": {base + strings.Repeat("locals {\n  a = 1\n}\n", 2000), "already defined"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.text)
			within(t, func() {
				_, diags := Load(dir, Options{})
				got := messages(diags)
				if !diags.HasErrors() || !strings.Contains(got, c.want) {
					t.Errorf("want %q, got %.2000s", c.want, got)
				}
			})
		})
	}
}

func chain(n int) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  a%d = local.a%d\n", i, i-1)
	}
	return b.String()
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t, "-- a.hcl --\n"+base)
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write("latin1.hcl", []byte("# caf\xe9\n"))
	write("utf16.hcl", []byte{0xff, 0xfe, 'a', 0})
	write("huge.hcl", bytes.Repeat([]byte("#\n"), maxFile/2+1))
	link("loop2.hcl", "loop.hcl")
	link("loop.hcl", "loop2.hcl")
	link("/dev/zero", "zero.hcl")
	link("nowhere", "dangling.hcl")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.hcl"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, diags := Load(dir, Options{})
	has(t, messages(diags),
		"latin1.hcl:1,6-6: Not UTF-8", "utf16.hcl:1,1-1: Not UTF-8", "Cannot read huge.hcl: it has 32 MiB", "loop.hcl: its symbolic links form a loop",
		"zero.hcl: it is not a regular file", "dangling.hcl: no such file", "pipe.hcl: it is not a regular file")
	if _, diags := Load(filepath.Join(dir, "missing"), Options{}); !diags.HasErrors() {
		t.Error("a missing folder is no error")
	}
}

// TestOutside reads a file that is not in the folder: allowed, and recorded.
func TestOutside(t *testing.T) {
	t.Parallel()
	dir := folder(t, "-- common.yaml --\na: 1\n-- fleet/main.hcl --\n"+strings.Replace(base, "}", "values = [file(\"../common.yaml\")]\n}", 1))
	f, diags := Load(filepath.Join(dir, "fleet"), Options{})
	if diags.HasErrors() {
		t.Fatal(messages(diags))
	}
	if string(f.Inputs["../common.yaml"]) != "a: 1\n" {
		t.Errorf("%v", f.Inputs)
	}
}

// TestSameFilesSameFleet expects the folder's place to leave no trace.
func TestSameFilesSameFleet(t *testing.T) {
	t.Parallel()
	for _, example := range []string{"../examples/complete", "testdata/contract"} {
		other := t.TempDir()
		if err := os.CopyFS(other, os.DirFS(example)); err != nil {
			t.Fatal(err)
		}
		a, _ := Load(example, Options{Vars: []string{"target=0.2.1"}})
		b, _ := Load(other, Options{Vars: []string{"target=0.2.1"}})
		for name, data := range a.Inputs {
			if !bytes.Equal(b.Inputs[name], data) {
				t.Errorf("%s differs", name)
			}
		}
		if len(a.Inputs) != len(b.Inputs) || len(a.Inputs) == 0 {
			t.Error(len(a.Inputs), len(b.Inputs))
		}
	}
}
