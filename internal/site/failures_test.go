package site

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/prose"
)

// Whatever the program can end with has an entry on the pages about failures:
// the summaries of all diagnostics, and the errors that come with advice.
func TestEveryFailureIsExplained(t *testing.T) {
	t.Parallel()
	told := explained(t)
	ends := endsOf(t)
	if len(ends) < 200 {
		t.Fatalf("only %d ends were found in the code", len(ends))
	}
	for end, at := range ends {
		if !told[end] && !told[prose.Capital(end)] {
			t.Errorf("%s: `%s` stands on no page of docs/failures", at, end)
		}
	}
}

var codeSpan = regexp.MustCompile("`([^`\n]+)`")

// explained is what stands in code on the pages about failures.
func explained(t *testing.T) map[string]bool {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs/failures/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, page := range append(pages, filepath.Join(root, "docs/failures.md")) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codeSpan.FindAllStringSubmatch(string(data), -1) {
			told[m[1]] = true
		}
	}
	return told
}

// endsOf finds what the code can end with, and where. What is only known when
// it runs is … in it.
func endsOf(t *testing.T) map[string]string {
	t.Helper()
	packages := map[string][]*ast.File{}
	files := token.NewFileSet()
	for _, dir := range []string{"plan", "schema", "apply", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"sandbox", "bench", "testdata"}, d.Name()):
				return filepath.SkipDir
			case d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ends := map[string]string{}
	for _, p := range packages {
		f := finder{files: files, constants: map[string]string{}, summaryOf: map[signature]int{}, ends: ends}
		for _, file := range p {
			ast.Inspect(file, f.declared)
		}
		for _, file := range p {
			ast.Inspect(file, f.used)
		}
	}
	return ends
}

// signature tells functions of a package apart, as far as that is needed.
type signature struct {
	name       string
	parameters int
}

// finder looks through a package.
type finder struct {
	files     *token.FileSet
	constants map[string]string
	// summaryOf is the parameter that a function calls summary.
	summaryOf map[signature]int
	ends      map[string]string
}

func (f *finder) declared(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		f.function(n.Name.Name, n.Type)
	case *ast.AssignStmt:
		if function, ok := n.Rhs[0].(*ast.FuncLit); ok {
			if name, ok := n.Lhs[0].(*ast.Ident); ok {
				f.function(name.Name, function.Type)
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) {
				if text, ok := f.text(n.Values[i]); ok {
					f.constants[name.Name] = text
				}
			}
		}
	}
	return true
}

func (f *finder) function(name string, typ *ast.FuncType) {
	at, summary := 0, -1
	for _, field := range typ.Params.List {
		for _, parameter := range field.Names {
			if parameter.Name == "summary" {
				summary = at
			}
			at++
		}
	}
	if summary >= 0 {
		f.summaryOf[signature{name, at}] = summary
	}
}

func (f *finder) used(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if isSummary(n.Key) {
			f.end(n.Value)
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if isSummary(to) && len(n.Lhs) == len(n.Rhs) {
				f.end(n.Rhs[i])
			}
		}
	case *ast.CallExpr:
		name := nameOf(n.Fun)
		if at, ok := f.summaryOf[signature{name, len(n.Args)}]; ok {
			f.end(n.Args[at])
		}
		if name == "advise" {
			if err, ok := n.Args[0].(*ast.CallExpr); ok && len(err.Args) > 0 {
				f.end(err.Args[0])
			}
		}
	}
	return true
}

func isSummary(n ast.Expr) bool {
	name := nameOf(n)
	return name == "Summary" || name == "summary"
}

func nameOf(n ast.Expr) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return n.Sel.Name
	}
	return ""
}

func (f *finder) end(n ast.Expr) {
	if text, ok := f.text(n); ok && strings.Trim(text, "…, ") != "" {
		f.ends[text] = f.files.Position(n.Pos()).String()
	}
}

var verb = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z]`)

// text is what an expression comes to, as far as the code says.
func (f *finder) text(n ast.Expr) (string, bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(n.Value)
		if err != nil || n.Kind != token.STRING {
			return "", false
		}
		return strings.ReplaceAll(verb.ReplaceAllString(text, "…"), "%%", "%"), true
	case *ast.Ident:
		text, ok := f.constants[n.Name]
		return text, ok
	case *ast.BinaryExpr:
		left, ok := f.text(n.X)
		if !ok {
			left = "…"
		}
		right, also := f.text(n.Y)
		if !also {
			right = "…"
		}
		return left + right, ok || also
	case *ast.CallExpr:
		if nameOf(n.Fun) == "Sprintf" {
			return f.text(n.Args[0])
		}
	}
	return "", false
}
