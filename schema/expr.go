package schema

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// attribute prepares a written attribute for evaluation.
func (l *loader) attribute(a *hcl.Attribute, spec *attribute) *attr {
	out := &attr{spec: spec, name: a.Name, at: a.NameRange, raw: a.Expr, expr: a.Expr}
	if spec.kind == kindType {
		return out
	}
	if _, native := a.Expr.(hclsyntax.Expression); !native {
		expr, diags := lower(a.Expr)
		l.sink.add("", diags...)
		out.bad = diags.HasErrors()
		out.expr = expr
	}
	if spec.kind != kindAddress {
		out.bad = !l.guard(out.expr) || out.bad
	}
	return out
}

// lower turns an expression of HCL's JSON syntax into a native one, so that
// everything after treats both alike.
func lower(e hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	rng := e.Range()
	if items, diags := hcl.ExprList(e); !diags.HasErrors() {
		out := &hclsyntax.TupleConsExpr{SrcRange: rng, OpenRange: e.StartRange()}
		var all hcl.Diagnostics
		for _, it := range items {
			x, d := lower(it)
			all = append(all, d...)
			out.Exprs = append(out.Exprs, x)
		}
		return out, all
	}
	if pairs, diags := hcl.ExprMap(e); !diags.HasErrors() {
		out := &hclsyntax.ObjectConsExpr{SrcRange: rng, OpenRange: e.StartRange()}
		var all hcl.Diagnostics
		for _, p := range pairs {
			k, d := lower(p.Key)
			all = append(all, d...)
			v, d := lower(p.Value)
			all = append(all, d...)
			out.Items = append(out.Items, hclsyntax.ObjectConsItem{KeyExpr: k, ValueExpr: v})
		}
		return out, all
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() {
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: rng}, diags
	}
	if v.Type() == cty.String && !v.IsNull() && strings.ContainsAny(v.AsString(), "$%") {
		start := rng.Start
		start.Column++
		start.Byte++
		x, diags := hclsyntax.ParseTemplate([]byte(v.AsString()), rng.Filename, start)
		if diags.HasErrors() {
			return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: rng}, diags
		}
		return x, nil
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: rng}, nil
}

// scope says what expressions at one place may refer to.
type scope struct {
	each bool
	// noEach is why each is not available, as a sentence.
	noEach string
	self   []string // attributes of self; nil: no self
	noSelf string
}

// selfNames are the attributes of self, in order of evaluation where they do
// not refer to each other.
var selfNames = []string{"slug", "cluster", "namespace", "version", "release", "labels"}

// checkRefs reports references of the block that can never resolve, and notes
// which attributes depend on the instance.
func (l *loader) checkRefs(n *node, sc scope) {
	here := sc
	if !n.spec.each && here.each {
		here.each, here.noEach = false, fmt.Sprintf("The each object is not available in a %s block.", n.spec.name)
	}
	if !n.spec.self {
		here.self, here.noSelf = nil, "The self object is only available inside releases, checks and preconditions."
	}
	for _, name := range n.attrNames() {
		a := n.attrs[name]
		if a.spec.kind == kindType || a.spec.kind == kindAddress {
			continue
		}
		ac := here
		if name == "for_each" {
			ac = scope{noEach: "The for_each argument makes each, so it cannot use it.", noSelf: "The for_each argument cannot depend on a single tenant."}
		}
		l.checkExpr(a, ac)
	}
	for _, c := range n.spec.blocks {
		for _, b := range n.blocks[c.name] {
			l.checkRefs(b, here)
		}
	}
}

func (n *node) attrNames() []string {
	names := make([]string, 0, len(n.attrs))
	for name := range n.attrs {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (l *loader) checkExpr(a *attr, sc scope) {
	for _, t := range a.expr.Variables() {
		ok := true
		switch root := t.RootName(); root {
		case "each":
			a.each = true
			ok = l.checkEach(t, sc)
		case "self":
			a.self = true
			ok = l.checkSelf(a, t, sc)
		default:
			ok = l.checkRoot(t)
		}
		if !ok {
			a.bad = true
		}
	}
	l.checkCalls(a)
}

func (l *loader) checkEach(t hcl.Traversal, sc scope) bool {
	if !sc.each {
		why := sc.noEach
		if why == "" {
			why = "The each object is only available in a tenant block with for_each."
		}
		l.sink.error("", t.SourceRange(), `Reference to "each" in context without for_each`, why)
		return false
	}
	if len(t) > 1 {
		if step, ok := t[1].(hcl.TraverseAttr); ok && step.Name != "key" && step.Name != "value" {
			l.sink.error("", t.SourceRange(), `Invalid "each" attribute`, fmt.Sprintf("The each object has key and value, and no %q.%s", step.Name, didYouMean(step.Name, []string{"key", "value"})))
			return false
		}
	}
	return true
}

func (l *loader) checkSelf(a *attr, t hcl.Traversal, sc scope) bool {
	if sc.self == nil {
		why := sc.noSelf
		if why == "" {
			why = "The self object is only available inside releases, checks and preconditions."
		}
		l.sink.error("", t.SourceRange(), `Invalid "self" reference`, why)
		return false
	}
	if len(t) > 1 {
		if step, ok := t[1].(hcl.TraverseAttr); ok {
			for _, name := range sc.self {
				if name == step.Name {
					a.selves = append(a.selves, name)
					return true
				}
			}
			l.sink.error("", t.SourceRange(), `Invalid "self" attribute`, fmt.Sprintf("The self object has no %q here; it has %s.%s", step.Name, strings.Join(sc.self, ", "), didYouMean(step.Name, sc.self)))
			return false
		}
	}
	a.selves = append(a.selves, "*")
	return true
}

// checkRoot holds a reference against what is declared.
func (l *loader) checkRoot(t hcl.Traversal) bool {
	root := t.RootName()
	var step string
	if len(t) > 1 {
		switch s := t[1].(type) {
		case hcl.TraverseAttr:
			step = s.Name
		case hcl.TraverseIndex:
			if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
				step = s.Key.AsString()
			}
		}
	}
	switch root {
	case "var", "local":
		if len(t) < 2 || step == "" {
			l.sink.error("", t.SourceRange(), fmt.Sprintf("Invalid %q reference", root), fmt.Sprintf("The %q object cannot be used as a whole; write %s.NAME.", root, root))
			return false
		}
	case "cluster", "window", "check":
		if step == "" {
			return true
		}
	case "path":
		if len(t) < 2 || step != "root" {
			l.sink.error("", t.SourceRange(), `Invalid "path" attribute`, `The path object has only "root", the folder of the configuration.`)
			return false
		}
		return true
	case "tenant", "system", "wave":
		l.sink.error("", t.SourceRange(), "Reference to a release", fmt.Sprintf("Expressions cannot use the attributes of another block; put what both need into a local value, or use self inside the block. (%s)", traversalText(t)))
		return false
	default:
		known := []string{"var", "local", "each", "self", "cluster", "window", "check", "path"}
		hint := didYouMean(root, known)
		if hint == "" && len(t) == 1 {
			hint = fmt.Sprintf(` If this was meant as a string, put it in quotes: "%s".`, root)
		}
		l.sink.error("", t.SourceRange(), "Reference to unknown object", fmt.Sprintf("There is no %q. Expressions can use %s.%s", root, strings.Join(known, ".*, ")+".*", hint))
		return false
	}
	names := l.names(root)
	if names[step] {
		if root == "var" {
			l.used[step] = true
		}
		return true
	}
	if l.broken {
		return false
	}
	what := map[string]string{"var": "input variable", "local": "local value"}[root]
	if what == "" {
		what = root
	}
	var known []string
	if len(names) <= maxSuggested {
		known = sortedKeys(names)
	}
	hint := didYouMean(step, known)
	if hint == "" {
		switch {
		case root == "var":
			hint = fmt.Sprintf(` Declare it with: variable %q {}.`, step)
		case root == "local":
			hint = ` Declare it in a locals block.`
		case len(known) > 0:
			hint = fmt.Sprintf(" There are: %s.", strings.Join(known, ", "))
		default:
			hint = fmt.Sprintf(" Declare it with: %s %q { … }.", root, step)
		}
	}
	l.sink.error("", t.SourceRange(), "Reference to undeclared "+what, fmt.Sprintf("There is no %s named %q.%s", what, step, hint))
	return false
}

func traversalText(t hcl.Traversal) string {
	s := t.RootName()
	for _, step := range t[1:] {
		switch x := step.(type) {
		case hcl.TraverseAttr:
			s += "." + x.Name
		case hcl.TraverseIndex:
			s += "[…]"
		}
	}
	return s
}

// checkCalls reports calls of functions that do not exist, wherever they are.
func (l *loader) checkCalls(a *attr) {
	n, ok := a.expr.(hclsyntax.Node)
	if !ok {
		return
	}
	hclsyntax.VisitAll(n, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok {
			return nil
		}
		if f, known := l.base.Functions[call.Name]; known {
			if n, want := len(call.Args), len(f.Params()); !call.ExpandFinal && (n < want || n > want && f.VarParam() == nil) {
				l.sink.error("", call.Range(), "Wrong number of arguments", fmt.Sprintf("The function %q takes %s, and was given %d.", call.Name, signature(f), n))
				a.bad = true
			}
			return nil
		}
		hint := didYouMean(call.Name, sortedKeys(l.base.Functions))
		switch call.Name {
		case "timestamp", "plantimestamp", "uuid", "bcrypt", "env", "getenv", "pathexpand", "abspath":
			hint = " Functions read neither clock nor environment, nor are they random, so that the same files always mean the same."
		}
		l.sink.error("", call.NameRange, "Call to unknown function", fmt.Sprintf("There is no function named %q.%s", call.Name, hint))
		a.bad = true
		return nil
	})
}

// signature names a function's parameters.
func signature(f function.Function) string {
	var names []string
	for _, p := range f.Params() {
		names = append(names, p.Name)
	}
	if v := f.VarParam(); v != nil {
		names = append(names, v.Name+"…")
	}
	if len(names) == 0 {
		return "no arguments"
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
