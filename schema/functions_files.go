package schema

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var errNotText = errors.New("the file is not UTF-8 text; filebase64 reads any bytes")

// fileFunc reads a file, once however often it is called.
func (l *loader) fileFunc(encode bool) function.Function {
	memo := map[string]cty.Value{}
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("path")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			if v, ok := memo[name]; ok {
				return v, nil
			}
			data, err := l.sources.file(name)
			if err != nil {
				return cty.DynamicVal, err
			}
			var v cty.Value
			if encode {
				v = cty.StringVal(base64.StdEncoding.EncodeToString(data))
			} else {
				if !utf8.Valid(data) {
					return cty.DynamicVal, fmt.Errorf("cannot use %s: %w", l.sources.shown(name), errNotText)
				}
				v = cty.StringVal(string(data))
				l.sources.byText[v.AsString()] = l.sources.shown(name)
			}
			memo[name] = v
			return v, nil
		},
	})
}

// fileHashFunc hashes any file's bytes.
func (l *loader) fileHashFunc(name string) function.Function {
	return textFunc(func(path string) (string, error) {
		data, err := l.sources.file(path)
		if err != nil {
			return "", err
		}
		return hashes[name](data), nil
	})
}

func (l *loader) fileExistsFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("path")},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			info, err := os.Stat(l.sources.absolute(name))
			switch {
			case errors.Is(err, os.ErrNotExist):
				l.note("fileexists("+l.sources.shown(name)+")", "false")
				return cty.False, nil
			case err != nil:
				return cty.DynamicVal, fmt.Errorf("cannot look at %s: %w", l.sources.shown(name), reason(err))
			case !info.Mode().IsRegular():
				return cty.DynamicVal, fmt.Errorf("%s is not a regular file", l.sources.shown(name))
			}
			l.note("fileexists("+l.sources.shown(name)+")", "true")
			return cty.True, nil
		},
	})
}

func (l *loader) filesetFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("path"), stringParam("pattern")},
		Type:   function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			dir, pattern := l.sources.absolute(args[0].AsString()), args[1].AsString()
			if len(pattern) > 1000 || strings.Count(pattern, "**") > 3 || strings.Count(pattern, "{") > 10 {
				return cty.DynamicVal, function.NewArgErrorf(1, "the pattern is too complex")
			}
			pattern = filepath.ToSlash(filepath.Clean(pattern))
			if strings.HasPrefix(pattern, "../") || strings.HasPrefix(pattern, "/") {
				return cty.DynamicVal, function.NewArgErrorf(1, "the pattern must stay within the folder; put the way there into the first argument")
			}
			left := maxListed
			names, err := doublestar.Glob(countedFS{os.DirFS(dir), &left}, pattern, doublestar.WithNoFollow(), doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
			if err != nil {
				return cty.DynamicVal, fmt.Errorf("cannot list %s: %w", l.sources.shown(args[0].AsString()), reason(err))
			}
			sort.Strings(names)
			l.note(fmt.Sprintf("fileset(%s, %s)", l.sources.shown(args[0].AsString()), pattern), strings.Join(names, "\n"))
			if len(names) == 0 {
				return cty.SetValEmpty(cty.String), nil
			}
			vals := make([]cty.Value, len(names))
			for i, n := range names {
				vals[i] = cty.StringVal(n)
			}
			return cty.SetVal(vals), nil
		},
	})
}

// template is a parsed template file.
type template struct {
	expr hclsyntax.Expression
	err  error
}

func (l *loader) templateFileFunc(inner map[string]function.Function) function.Function {
	memo := map[string]*template{}
	parse := func(name string) *template {
		if t, ok := memo[name]; ok {
			return t
		}
		t := &template{}
		memo[name] = t
		data, err := l.sources.file(name)
		switch {
		case err != nil:
			t.err = err
		case !utf8.Valid(data):
			t.err = fmt.Errorf("cannot use %s: %w", l.sources.shown(name), errNotText)
		default:
			shown := l.sources.shown(name)
			if t.err = checkTemplateDepth(data); t.err != nil {
				t.err = fmt.Errorf("%s: %w", shown, t.err)
				break
			}
			l.files[shown] = &hcl.File{Bytes: data}
			expr, diags := hclsyntax.ParseTemplate(data, shown, hcl.InitialPos)
			if diags.HasErrors() {
				t.err = templateError(diags)
				break
			}
			if !l.guard(expr) {
				t.err = fmt.Errorf("%s holds a number that is out of range", shown)
			}
			t.expr = expr
		}
		return t
	}
	render := func(args []cty.Value) (cty.Value, error) {
		path, pathMarks := args[0].Unmark()
		vars, varMarks := args[1].Unmark()
		if !path.IsKnown() || !vars.IsKnown() {
			return cty.UnknownVal(cty.String), nil
		}
		if vars.IsNull() || !vars.Type().IsObjectType() && !vars.Type().IsMapType() {
			return cty.DynamicVal, function.NewArgErrorf(1, "must be a map or an object")
		}
		t := parse(path.AsString())
		if t.err != nil {
			return cty.DynamicVal, function.NewArgError(0, t.err)
		}
		ctx := &hcl.EvalContext{Variables: vars.AsValueMap(), Functions: inner}
		for _, ref := range t.expr.Variables() {
			if _, ok := ctx.Variables[ref.RootName()]; !ok {
				return cty.DynamicVal, function.NewArgErrorf(1, "the template uses %q (%s:%d), which is not among the variables given", ref.RootName(), l.sources.shown(path.AsString()), ref.SourceRange().Start.Line)
			}
		}
		v, diags := t.expr.Value(ctx)
		if diags.HasErrors() {
			return cty.DynamicVal, templateError(diags)
		}
		u, marks := v.Unmark()
		if u.IsKnown() && !u.IsNull() && u.Type() != cty.String {
			if u.Type() != cty.Number && u.Type() != cty.Bool {
				return cty.DynamicVal, function.NewArgErrorf(0, "the template's result is no text")
			}
			u = cty.StringVal(plainText(u))
		}
		if u.IsNull() {
			return cty.DynamicVal, function.NewArgErrorf(0, "the template's result is null")
		}
		return u.WithMarks(marks, pathMarks, varMarks), nil
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "path", Type: cty.String, AllowMarked: true},
			{Name: "vars", Type: cty.DynamicPseudoType, AllowMarked: true},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return render(args) },
	})
}

func templateError(diags hcl.Diagnostics) error {
	d := diags.Errs()[0].(*hcl.Diagnostic)
	at := ""
	if d.Subject != nil {
		at = fmt.Sprintf("%s:%d: ", d.Subject.Filename, d.Subject.Start.Line)
	}
	return fmt.Errorf("%s%s; %s", at, d.Summary, d.Detail)
}

// yamlDecodeFunc decodes a text once however often it is asked.
func (l *loader) yamlDecodeFunc() function.Function {
	type answer struct {
		v   cty.Value
		err error
	}
	memo := map[string]answer{}
	decode := func(arg cty.Value) (cty.Value, error) {
		text := arg.AsString()
		if a, ok := memo[text]; ok {
			return a.v, a.err
		}
		var a answer
		if a.err = checkYAML(text); a.err == nil {
			a.err = checkKeys(text)
		}
		if a.err == nil {
			// Asked for any type, the text is parsed once, not once more to
			// find out its type.
			a.v, a.err = ctyyaml.Unmarshal([]byte(text), cty.DynamicPseudoType)
		}
		if a.err == nil {
			a.err = measure(a.v)
		}
		if a.err != nil {
			a.v = cty.DynamicVal
			if from, ok := l.sources.byText[text]; ok {
				a.err = fmt.Errorf("%s: %w", from, a.err)
			}
		}
		memo[text] = a
		return a.v, a.err
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("src")},
		// The exact type would be compared with the value's, which costs more
		// than it finds.
		Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return decode(args[0]) },
	})
}
