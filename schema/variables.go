package schema

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is one input.
type variable struct {
	node      *node
	ty        cty.Type
	defaults  *typeexpr.Defaults
	sensitive bool
	nullable  bool
	untyped   bool // its type is wrong, and reported
	given     *given
	value     cty.Value
}

// given is a value from outside.
type given struct {
	value cty.Value // when it came from a file
	text  string    // when it came as text
	file  bool
	from  string    // for messages: "the environment variable …"
	at    hcl.Range // in a file
}

// EnvPrefix begins the names of environment variables that set input variables.
const EnvPrefix = "SOCTALK_VAR_"

// evalVariables settles every variable's value. Nothing ever prompts.
func (l *loader) evalVariables() {
	l.gatherValues()
	all := map[string]cty.Value{}
	for _, name := range sortedKeys(l.vars) {
		v := l.vars[name]
		l.declareVariable(v)
		v.value = l.settle(name, v)
		if v.sensitive {
			l.secrets.value(v.value)
			l.fleet.SensitiveVariables[name] = true
			v.value = v.value.Mark(sensitive)
		}
		all[name] = v.value
	}
	l.base.Variables["var"] = cty.ObjectVal(all)
}

func (l *loader) declareVariable(v *variable) {
	n := v.node
	l.complete(n, "")
	v.ty, v.nullable = cty.DynamicPseudoType, true
	if a := n.attrs["type"]; a != nil {
		ty, defs, diags := typeexpr.TypeConstraintWithDefaults(a.raw)
		l.sink.add("", diags...)
		if diags.HasErrors() {
			ty, v.untyped = cty.DynamicPseudoType, true
		}
		v.ty, v.defaults = ty, defs
	}
	x := &instance{l: l, literal: true}
	v.sensitive = x.boolean(n, "sensitive")
	v.nullable = x.boolean(n, "nullable")
	x.text(n, "description")
}

// settle returns the variable's value: given, or default, or unknown with an
// error that says how to set it.
func (l *loader) settle(name string, v *variable) cty.Value {
	if v.untyped {
		return cty.DynamicVal
	}
	def, hasDefault := cty.NullVal(cty.DynamicPseudoType), false
	if a := v.node.attrs["default"]; a != nil {
		hasDefault = true
		val, diags := a.expr.Value(nil)
		l.sink.add("", diags...)
		if diags.HasErrors() {
			return cty.DynamicVal
		}
		conv, err := v.convert(val)
		if err != nil {
			l.sink.error("", a.raw.Range(), "Invalid default value for variable", fmt.Sprintf("The default of var.%s does not fit its type: %s.", name, err))
			return cty.DynamicVal
		}
		if conv.IsNull() && !v.nullable {
			l.sink.error("", a.raw.Range(), "Invalid default value for variable", fmt.Sprintf("The default of var.%s is null, and nullable is false.", name))
			return cty.DynamicVal
		}
		def = conv
	}
	if v.given == nil {
		if !hasDefault && l.opts.AllowUnset {
			l.fleet.Unset = append(l.fleet.Unset, name)
			return cty.UnknownVal(v.ty)
		}
		if !hasDefault {
			l.sink.error("", v.node.label, "No value for required variable",
				fmt.Sprintf("The variable %q has no default and was not set. Set it %swith -var %s=VALUE, in a file given with -var-file, in soctalk.vars.hcl or any *.auto.vars.hcl, or as %s%s in the environment.", name, l.prepared(name), name, EnvPrefix, name))
			return cty.DynamicVal
		}
		return def
	}
	val, ok := l.givenValue(name, v)
	if !ok {
		return cty.DynamicVal
	}
	conv, err := v.convert(val)
	at := v.given.at
	if at == (hcl.Range{}) {
		at = v.node.label
	}
	if err != nil {
		l.sink.error("", at, "Invalid value for input variable", fmt.Sprintf("The value of var.%s, from %s, does not fit: %s.", name, v.given.from, err))
		return cty.DynamicVal
	}
	if conv.IsNull() && !v.nullable {
		if !hasDefault {
			l.sink.error("", at, "Required variable not set", fmt.Sprintf("var.%s was set to null by %s, which means its default, and it has none.", name, v.given.from))
			return cty.DynamicVal
		}
		return def
	}
	if err := measure(conv); err != nil {
		l.sink.error("", at, "Invalid value for input variable", fmt.Sprintf("The value of var.%s cannot be used: %s.", name, err))
		return cty.DynamicVal
	}
	return conv
}

// prepared names the line of a file that waits for a variable's value, as
// soctalk import writes it; empty when there is none.
func (l *loader) prepared(name string) string {
	line := regexp.MustCompile(`(?m)^[ \t]*(#|//)?[ \t]*` + regexp.QuoteMeta(name) + `[ \t]*=`)
	for _, file := range l.autoFiles() {
		f := l.files[l.sources.shown(file)]
		if f == nil {
			continue
		}
		if at := line.FindIndex(f.Bytes); at != nil {
			return fmt.Sprintf("in %s (line %d is for it), ", l.sources.shown(file), 1+bytes.Count(f.Bytes[:at[0]], []byte("\n")))
		}
	}
	return ""
}

func (v *variable) convert(val cty.Value) (cty.Value, error) {
	if v.defaults != nil && !val.IsNull() {
		val = v.defaults.Apply(val)
	}
	return convert.Convert(val, v.ty)
}

// givenValue parses a value that came as text: a string for simple types, an
// expression for all others, as in Terraform.
func (l *loader) givenValue(name string, v *variable) (cty.Value, bool) {
	if v.given.file {
		return v.given.value, true
	}
	text := v.given.text
	if v.ty.IsPrimitiveType() || v.ty == cty.DynamicPseudoType {
		return cty.StringVal(text), true
	}
	fail := func(why string) (cty.Value, bool) {
		l.sink.error("", v.node.label, "Invalid value for input variable",
			fmt.Sprintf("The value of var.%s, from %s, must be an expression of type %s, such as [\"a\", \"b\"] or {a = 1}: %s", name, v.given.from, typeexpr.TypeString(v.ty), why))
		return cty.DynamicVal, false
	}
	tokens, _ := hclsyntax.LexExpression([]byte(text), "", hcl.InitialPos)
	if d := checkDepth(tokens); d != nil {
		return fail(d.Detail)
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), v.given.from, hcl.InitialPos)
	if !diags.HasErrors() {
		l.guard(expr)
		var val cty.Value
		val, diags = expr.Value(nil)
		if !diags.HasErrors() {
			return val, true
		}
	}
	if v.sensitive {
		return fail("it could not be read.")
	}
	return fail(diags.Errs()[0].(*hcl.Diagnostic).Detail)
}

// gatherValues finds values from outside, later ones winning: environment,
// soctalk.vars.hcl, *.auto.vars.hcl by name, then -var and -var-file as given.
func (l *loader) gatherValues() {
	for _, kv := range l.opts.Env {
		name, val, _ := strings.Cut(kv, "=")
		if v := l.vars[strings.TrimPrefix(name, EnvPrefix)]; v != nil && strings.HasPrefix(name, EnvPrefix) {
			v.given = &given{text: val, from: "the environment variable " + name}
			l.note("var."+strings.TrimPrefix(name, EnvPrefix), val)
		}
	}
	for _, name := range l.autoFiles() {
		l.varFile(name)
	}
	pairs, files := l.opts.Vars, l.opts.VarFiles
	order := l.opts.Order
	if order == "" {
		order = strings.Repeat("f", len(files)) + strings.Repeat("v", len(pairs))
	}
	for _, k := range order {
		switch {
		case k == 'f' && len(files) > 0:
			l.varFile(files[0])
			files = files[1:]
		case k == 'v' && len(pairs) > 0:
			l.varPair(pairs[0])
			pairs = pairs[1:]
		}
	}
}

// autoFiles returns the files with values that are read without being asked.
func (l *loader) autoFiles() []string {
	entries, err := os.ReadDir(l.root)
	if err != nil {
		return nil
	}
	var auto, first []string
	for _, e := range entries {
		switch name := e.Name(); {
		case l.isFolder(e):
		case name == "soctalk.vars.hcl" || name == "soctalk.vars.hcl.json":
			first = append(first, name)
		case strings.HasPrefix(name, "."):
		case strings.HasSuffix(name, ".auto.vars.hcl") || strings.HasSuffix(name, ".auto.vars.hcl.json"):
			auto = append(auto, name)
		}
	}
	sort.Strings(auto)
	return append(first, auto...)
}

func (l *loader) varPair(kv string) {
	name, val, ok := strings.Cut(kv, "=")
	if !ok {
		l.sink.error("", hcl.Range{}, "Invalid -var option", "The -var option must be written as name=value.")
		return
	}
	name = strings.TrimSpace(name)
	v := l.vars[name]
	if v == nil {
		if l.broken {
			return
		}
		l.sink.error("", hcl.Range{}, "Value for undeclared variable", fmt.Sprintf("A variable named %q was set with -var, but the configuration does not declare it.%s Declare it with a variable block, or leave it out.", name, didYouMean(name, sortedKeys(l.vars))))
		return
	}
	v.given = &given{text: val, from: "the command line (-var " + name + "=…)"}
	l.note("var."+name, val)
}

func (l *loader) varFile(name string) {
	f := l.parseFile(name)
	if f == nil {
		return
	}
	attrs, diags := f.Body.JustAttributes()
	l.sink.add("", diags...)
	for _, key := range sortedKeys(attrs) {
		a := attrs[key]
		v := l.vars[key]
		if v == nil {
			if !l.broken {
				l.sink.warn("", a.NameRange, "Value for undeclared variable", fmt.Sprintf("The configuration declares no variable named %q.%s Values that only some configurations have a variable for can be set as %s%s in the environment.", key, didYouMean(key, sortedKeys(l.vars)), EnvPrefix, key))
			}
			continue
		}
		prepared := l.attribute(a, &attribute{name: key, kind: kindAny})
		val, diags := prepared.expr.Value(nil)
		l.sink.add("", diags...)
		if diags.HasErrors() || prepared.bad {
			val = cty.DynamicVal
		}
		v.given = &given{value: val, file: true, from: l.sources.shown(name), at: a.Expr.Range()}
		delete(l.notes, "var."+key)
	}
}

// validateVariables runs the validation blocks, once locals are known too.
func (l *loader) validateVariables() {
	for _, name := range sortedKeys(l.vars) {
		v := l.vars[name]
		for _, n := range v.node.blocks["validation"] {
			if !v.value.IsKnown() {
				continue
			}
			refersTo := false
			if a := n.attrs["condition"]; a != nil {
				for _, t := range a.expr.Variables() {
					if !t.IsRelative() && t.RootName() == "var" && len(t) > 1 {
						if s, ok := t[1].(hcl.TraverseAttr); ok && s.Name == name {
							refersTo = true
						}
					}
				}
				if !refersTo && !a.bad {
					l.sink.error("", a.raw.Range(), "Invalid variable validation condition", fmt.Sprintf("The condition must refer to var.%s, otherwise it validates something else.", name))
					continue
				}
			}
			x := &instance{l: l}
			x.condition(n, "Invalid value for variable", "var."+name)
		}
	}
}

// warnUnused reports variables that nothing uses. Among errors it says
// nothing: the use may be what is misspelt.
func (l *loader) warnUnused() {
	if l.broken || l.sink.errs > 0 {
		return
	}
	for _, name := range sortedKeys(l.vars) {
		if !l.used[name] {
			l.sink.warn("", l.vars[name].node.label, "Unused variable", fmt.Sprintf("Nothing uses var.%s. Remove the variable, or use it.", name))
		}
	}
}
