package schema

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/zclconf/go-cty/cty"
)

// Options is what a configuration depends on beside its own files.
type Options struct {
	// Vars are "name=value" pairs, VarFiles paths of files with values; Order
	// says how they were mixed on the command line. Paths are relative to the
	// configuration's folder.
	Vars     []string
	VarFiles []string
	// Order interleaves Vars and VarFiles: each element is 'v' or 'f' and
	// takes the next of its kind. Empty: all files, then all pairs.
	Order string
	// Env is the environment as "NAME=value"; SOCTALK_VAR_* and HOME are used.
	Env []string
	// AllowUnset takes required variables without a value for unknown, as
	// Terraform's validate does: all that depends on none of them is checked.
	// See [Fleet.Unset].
	AllowUnset bool
	// ToolVersion is held against required_version; empty skips that.
	ToolVersion string
	// CheckSet checks one Helm --set assignment; nil accepts every one.
	CheckSet func(path, value string) error
}

// loader is the state of one Load.
type loader struct {
	opts    Options
	root    string
	sources *sources
	files   map[string]*hcl.File
	notes   map[string]string
	sink    *sink
	secrets *secrets
	budget  budget

	// broken is true when a file could not be parsed, so that what seems
	// undeclared may only be unread.
	broken bool
	top    *node
	vars   map[string]*variable
	locals map[string]*local
	used   map[string]bool // variables that something refers to
	// missing are the addresses of tenant blocks of which not every tenant is
	// known, and unsure says that anything is not: what is not there may only
	// be unknown then.
	missing map[string]bool
	unsure  bool
	known   map[string]map[string]bool
	base    *hcl.EvalContext
	layers  layerCache
	fleet   *Fleet
}

// Load reads every *.hcl and *.hcl.json file of a folder as one configuration
// and returns it resolved and validated. The Fleet is never nil; when the
// diagnostics hold an error only its Root, Inputs, Files and Sensitive may be
// used. Diagnostics are ordered by file and line, and name files relative to
// the folder; those about one tenant carry an [Addressed].
func Load(dir string, o Options) (*Fleet, hcl.Diagnostics) {
	root, err := filepath.Abs(dir)
	if err != nil {
		root = dir
	}
	l := &loader{
		opts: o, root: root, sources: newSources(root), files: map[string]*hcl.File{}, notes: map[string]string{},
		sink: newSink(), secrets: newSecrets(), vars: map[string]*variable{}, locals: map[string]*local{}, used: map[string]bool{}, missing: map[string]bool{}, known: map[string]map[string]bool{},
		layers: newLayerCache(),
	}
	l.fleet = &Fleet{Root: root, Files: l.files, SensitiveVariables: map[string]bool{}, Clusters: map[string]*Cluster{}, Registries: map[string]*Registry{},
		Windows: map[string]*Window{}, Checks: map[string]*Check{}}
	l.load()
	l.settleSecrets(l.fleet)
	l.fleet.Sensitive = l.secrets.list()
	l.fleet.Inputs = l.inputs()
	return l.fleet, l.diagnostics()
}

// incomplete says that what nothing refers to may yet be referred to.
func (l *loader) incomplete() bool { return l.sink.errs > 0 || l.unsure || len(l.missing) > 0 }

func (l *loader) diagnostics() hcl.Diagnostics {
	diags := l.sink.diagnostics()
	for i, d := range diags {
		diags[i] = hush(d)
	}
	return diags
}

func (l *loader) load() {
	bodies := l.parse()
	if bodies == nil {
		return
	}
	if !l.checkToolVersion(bodies) {
		return
	}
	l.base = &hcl.EvalContext{Functions: l.functions()}
	l.base.Variables = map[string]cty.Value{"path": cty.ObjectVal(map[string]cty.Value{"root": cty.StringVal(".")})}
	l.top = l.decode(hcl.MergeBodies(bodies), language, nil, hcl.Range{}, hcl.Range{})
	l.declare()
	l.static()
	l.evalVariables()
	l.evalLocals()
	l.resolve()
}

// static does everything that needs no values.
func (l *loader) static() {
	for _, spec := range l.top.spec.blocks {
		for _, n := range l.top.blocks[spec.name] {
			sc := scope{self: selfNames}
			switch spec.name {
			case "tenant":
				sc.each = n.attrs["for_each"] != nil
				if !sc.each {
					sc.noEach = `This tenant block has no for_each; the each object is not available in it.`
				}
			case "tenant_defaults":
				sc.noEach = "Not every tenant has for_each, so tenant_defaults cannot use each. Use self, as in self.slug."
			case "system":
				sc.self = []string{"cluster", "namespace", "version", "release"}
				sc.noEach = "There is only one system; each is not available in it."
			case "check":
				sc.self = append(append([]string{}, selfNames...), "name")
				sc.noEach = "A check runs for many tenants; use self, as in self.slug."
			}
			usedElsewhere := l.used[n.name()]
			l.checkRefs(n, sc)
			if spec.name == "variable" && !usedElsewhere {
				delete(l.used, n.name()) // its own validation is no use of it
			}
		}
	}
}

// skip reports files that are not part of the configuration: hidden ones,
// editors' backups, and files with values of variables.
func skip(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") ||
		strings.HasSuffix(name, ".vars.hcl") || strings.HasSuffix(name, ".vars.hcl.json")
}

// isFolder reports folders, and links to them, which are no files of the
// configuration whatever they are called.
func (l *loader) isFolder(e os.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(l.root, e.Name()))
	return err == nil && info.IsDir()
}

// parse reads the files of the folder. It returns nil when nothing can follow.
func (l *loader) parse() []hcl.Body {
	entries, err := os.ReadDir(l.root)
	if err != nil {
		l.sink.error("", hcl.Range{}, "Cannot read the configuration", fmt.Sprintf("The folder cannot be listed: %s. Use -chdir to name another.", reason(err)))
		return nil
	}
	var bodies []hcl.Body
	found := false
	for _, e := range entries {
		name := e.Name()
		if skip(name) || l.isFolder(e) || !strings.HasSuffix(name, ".hcl") && !strings.HasSuffix(name, ".hcl.json") {
			continue
		}
		found = true
		f := l.parseFile(name)
		if f == nil {
			l.broken = true
			continue
		}
		bodies = append(bodies, f.Body)
	}
	if !found {
		l.sink.error("", hcl.Range{}, "No configuration files", "The folder has no *.hcl or *.hcl.json file. Change into the folder of a fleet, or name it: soctalk -chdir=DIR …")
		return nil
	}
	if bodies == nil {
		return nil
	}
	return bodies
}

// parseFile parses one file; nil when that failed, which is then reported.
func (l *loader) parseFile(name string) *hcl.File {
	src, err := l.sources.file(name)
	at := hcl.Range{Filename: l.sources.shown(name), Start: hcl.InitialPos, End: hcl.InitialPos}
	if err != nil {
		l.sink.error("", hcl.Range{}, "Cannot read a file", prose.Capital(err.Error())+".")
		return nil
	}
	name = at.Filename
	l.files[name] = &hcl.File{Bytes: src}
	if !utf8.Valid(src) {
		line, col := invalidByte(src)
		at.Start = hcl.Pos{Line: line, Column: col, Byte: 0}
		at.End = at.Start
		l.files[name] = &hcl.File{}
		l.sink.error("", at, "Not UTF-8", fmt.Sprintf("The file holds a byte at line %d that is not UTF-8 text. Save it as UTF-8.", line))
		return nil
	}
	var f *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(name, ".json") {
		// HCL passes over a byte order mark in its native syntax alone.
		src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
		if err := checkJSONDepth(src); err != nil {
			l.sink.error("", at, "Nested too deep", prose.Capital(err.Error())+".")
			return nil
		}
		f, diags = json.Parse(src, name)
	} else {
		tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
		if d := checkDepth(tokens); d != nil {
			l.sink.add("", d)
			return nil
		}
		f, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
		unclosed(diags, tokens)
	}
	l.sink.add("", unquoted(diags, src)...)
	if diags.HasErrors() || f == nil {
		return nil
	}
	l.files[name] = f
	return f
}

// unclosed points what HCL misses at the end of a file to the bracket that the
// file ends within.
func unclosed(diags hcl.Diagnostics, tokens hclsyntax.Tokens) {
	var open hclsyntax.Tokens
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open = append(open, t)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			open = open[:max(0, len(open)-1)]
		}
	}
	if len(open) == 0 {
		return
	}
	inner, end := open[len(open)-1], tokens[len(tokens)-1].Range.Start.Byte
	for _, d := range diags {
		if d.Summary == "Missing expression" && d.Subject != nil && d.Subject.Start.Byte >= end {
			at := inner.Range
			d.Subject, d.Context = &at, nil
			d.Detail = fmt.Sprintf("The %q here is not closed before the end of the file.", inner.Bytes)
		}
	}
}

var numbersAndDots = regexp.MustCompile(`^[0-9]+(\.[0-9]+){2,}$`)

// unquoted says what to do of a version that is not in quotes, which HCL takes
// for a number gone wrong.
func unquoted(diags hcl.Diagnostics, src []byte) hcl.Diagnostics {
	for _, d := range diags {
		if d.Summary != "Invalid number literal" || d.Subject == nil || !d.Subject.CanSliceBytes(src) {
			continue
		}
		if text := d.Subject.SliceBytes(src); numbersAndDots.Match(text) {
			d.Detail = fmt.Sprintf("%s is no number. A version is a text, written in quotes: \"%s\".", text, text)
		}
	}
	return diags
}

func invalidByte(src []byte) (line, col int) {
	line, col = 1, 1
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		if r == utf8.RuneError && n == 1 {
			return line, col
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
		src = src[n:]
	}
	return line, col
}

// checkToolVersion looks at required_version alone, before anything that a
// newer language may have added is held against this one.
func (l *loader) checkToolVersion(bodies []hcl.Body) bool {
	if l.opts.ToolVersion == "" {
		return true
	}
	tool, err := semver.NewVersion(l.opts.ToolVersion)
	if err != nil {
		return true
	}
	fine := true
	for _, body := range bodies {
		content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "soctalk"}}})
		for _, b := range content.Blocks {
			inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "required_version"}}})
			a := inner.Attributes["required_version"]
			if a == nil {
				continue
			}
			v, diags := a.Expr.Value(nil)
			if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
				continue
			}
			c, err := semver.NewConstraint(v.AsString())
			if err != nil {
				continue
			}
			// A development build counts as the version it leads to.
			core, _ := tool.SetPrerelease("")
			if !c.Check(tool) && !c.Check(&core) {
				if fine {
					l.sink = newSink()
				}
				fine = false
				l.sink.error("", a.Expr.Range(), "Unsupported version of soctalk", fmt.Sprintf("These files need soctalk %s; this is %s. Use another version of soctalk, or change required_version.", v.AsString(), tool))
			}
		}
	}
	return fine
}

// declare registers the names that expressions may use.
func (l *loader) declare() {
	refs := func(kind string, extra ...string) {
		m := map[string]cty.Value{}
		for _, name := range extra {
			m[name] = reference(kind, name)
		}
		for _, n := range l.top.blocks[kind] {
			m[n.name()] = reference(kind, n.name())
		}
		l.base.Variables[kind] = cty.ObjectVal(m)
	}
	if len(l.top.blocks["cluster"]) == 0 {
		refs("cluster", DefaultCluster)
	} else {
		refs("cluster")
	}
	refs("window")
	refs("check", builtinNames()...)
	for _, n := range l.top.blocks["variable"] {
		l.vars[n.name()] = &variable{node: n}
	}
	for _, n := range l.top.blocks["locals"] {
		for _, name := range n.attrNames() {
			a := n.attrs[name]
			if first, dup := l.locals[name]; dup {
				l.sink.error("", a.at, "Duplicate local value", fmt.Sprintf("A local value named %q was already defined at %s:%d.", name, first.attr.at.Filename, first.attr.at.Start.Line))
				continue
			}
			l.locals[name] = &local{attr: a}
		}
	}
}

// reference is what cluster.NAME and its like evaluate to.
func reference(kind, name string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"address": cty.StringVal(kind + "." + name), "name": cty.StringVal(name)})
}

// names returns what is declared under a root of references.
func (l *loader) names(root string) map[string]bool {
	if names, ok := l.known[root]; ok {
		return names
	}
	names := map[string]bool{}
	l.known[root] = names
	switch root {
	case "var":
		for n := range l.vars {
			names[n] = true
		}
	case "local":
		for n := range l.locals {
			names[n] = true
		}
	default:
		for n := range l.base.Variables[root].Type().AttributeTypes() {
			names[n] = true
		}
	}
	return names
}

// note records something read that is no file.
func (l *loader) note(key, value string) { l.notes[key] = value }

// inputs returns every byte that the configuration was made of.
func (l *loader) inputs() map[string][]byte {
	in := make(map[string][]byte, len(l.sources.read)+len(l.notes))
	for name, src := range l.sources.read {
		if src.err == nil {
			in[name] = src.data
		}
	}
	for k, v := range l.notes {
		in[k] = []byte(v)
	}
	return in
}

// eval evaluates an expression for address, which may be empty.
func (l *loader) eval(address string, e hcl.Expression, ctx *hcl.EvalContext) cty.Value {
	l.budget = budget{}
	v, diags := e.Value(ctx)
	l.sink.add(address, diags...)
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

// Functions returns the names of the functions that expressions may call,
// sorted.
func Functions() []string {
	l := &loader{}
	return sortedKeys(l.functions())
}
