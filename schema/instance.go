package schema

import (
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// instance reads the attributes of one block, or of one element of a block's
// for_each. Its getters report what is wrong and then return the default, so
// that one pass finds every mistake.
type instance struct {
	l       *loader
	address string
	ctx     *hcl.EvalContext // nil: nothing but what all blocks see
	// literal forbids references and function calls.
	literal bool
	// usesSelf is false when nothing in the block refers to self, which then
	// need not be made.
	usesSelf bool
	// trial evaluates a block without elements, for its mistakes alone.
	trial bool
	// unsure is true once a value was not known.
	unsure bool
	// last is what was evaluated last for this instance: whether an attribute
	// is null is often asked right before its value.
	last struct {
		of    *attr
		value cty.Value
	}
}

func (x *instance) context(a *attr) *hcl.EvalContext {
	switch {
	case x.literal:
		return nil
	case x.ctx != nil && (a.each || a.self):
		return x.ctx
	}
	return x.l.base
}

// raw evaluates an attribute; ok is false when its value cannot be used,
// which is then reported already.
func (x *instance) raw(a *attr) (cty.Value, bool) {
	if a.bad {
		return cty.DynamicVal, false
	}
	same := !a.each && !a.self
	if same && a.value != nil {
		return *a.value, a.value.IsKnown() || a.value.IsNull()
	}
	if x.last.of == a {
		return x.last.value, x.last.value.IsKnown()
	}
	v := x.l.eval(x.address, a.expr, x.context(a))
	if same {
		a.value = &v
	} else {
		x.last.of, x.last.value = a, v
	}
	return v, v.IsKnown()
}

// value evaluates the named attribute and converts it. ok is false where it
// is not written, null, or unusable.
func (x *instance) value(n *node, name string, want cty.Type) (v cty.Value, a *attr, ok bool) {
	a = x.written(n, name)
	if a == nil {
		if null := n.attrs[name]; null != nil && n.row(name).required {
			x.fail(null, "Missing required argument", fmt.Sprintf("The argument %q is required, but its value is null.", name))
		}
		return cty.DynamicVal, nil, false
	}
	if v, ok = x.raw(a); !ok {
		x.notKnown()
		return v, a, false
	}
	marked := containsMarked(v)
	if marked && !a.spec.secret {
		x.fail(a, "Sensitive value not allowed", fmt.Sprintf("The %s is shown in plans and logs, so it cannot be made from a sensitive value. If it is no secret, use nonsensitive(…).", name))
		return v, a, false
	}
	if want != cty.DynamicPseudoType {
		c, err := convert.Convert(v, want)
		if err != nil {
			x.fail(a, "Incorrect attribute value type", fmt.Sprintf("Inappropriate value for attribute %q: it must be %s%s.", name, article(string(a.spec.kind)), unlike(v, want, err)))
			x.notKnown()
			return v, a, false
		}
		v = c
	}
	if !v.IsKnown() || !v.Type().IsPrimitiveType() && !v.IsWhollyKnown() {
		x.notKnown()
		return v, a, false
	}
	if marked {
		x.l.secrets.marked(v)
		v, _ = v.UnmarkDeep()
	}
	return v, a, true
}

// unlike says why a value is not of the type that is wanted: what it is instead,
// or, where it is something of the kind, what of it does not fit.
func unlike(v cty.Value, want cty.Type, err error) string {
	is, wanted := shape(v.Type()), shape(want)
	switch {
	case is != wanted:
		return ", not " + article(is)
	case want.IsPrimitiveType():
		return "" // "a number is required" says no more
	}
	return "; " + err.Error()
}

// shape is what people call values of a type.
func shape(ty cty.Type) string {
	switch {
	case ty.IsPrimitiveType():
		return ty.FriendlyName()
	case ty.IsObjectType() || ty.IsMapType():
		return "map"
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return "list"
	}
	return ty.FriendlyName()
}

// notKnown notes that a value is not known, be it for a mistake in it, which
// is reported, or for a variable without a value.
func (x *instance) notKnown() {
	if !x.trial {
		x.unsure, x.l.unsure = true, true
	}
}

// containsMarked is quick about simple values, which nearly all are.
func containsMarked(v cty.Value) bool {
	return v.IsMarked() || !v.Type().IsPrimitiveType() && v.ContainsMarked()
}

// shared reports that an attribute is the same for all instances, so that what
// is made of it can be kept.
func (a *attr) shared() bool {
	return a != nil && !a.each && !a.self && (a.under == nil || a.under.shared())
}

// article puts an article before a word, as the word is spoken.
func article(what string) string {
	if strings.ContainsAny(what[:1], "aeiou") || what == "http" || what == "sql" {
		return "an " + what
	}
	return "a " + what
}

// fail reports an error at an attribute's value.
func (x *instance) fail(a *attr, summary, detail string) { x.report(hcl.DiagError, a, summary, detail) }

func (x *instance) warn(a *attr, summary, detail string) {
	x.report(hcl.DiagWarning, a, summary, detail)
}

func (x *instance) report(sev hcl.DiagnosticSeverity, a *attr, summary, detail string) {
	r := a.raw.Range()
	x.l.sink.add(x.address, &hcl.Diagnostic{Severity: sev, Summary: summary, Detail: detail, Subject: &r, Expression: a.expr, EvalContext: x.context(a)})
}

// row returns the row of the table for an attribute.
func (n *node) row(name string) *attribute { return n.spec.attr(name) }

// literalDefault returns the default of an attribute where the table gives it
// as a literal.
func (s *attribute) literalDefault() string {
	if strings.HasPrefix(s.def, `"`) {
		t, _ := strconv.Unquote(s.def)
		return t
	}
	return s.def
}

func quoteAll(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = strconv.Quote(s)
	}
	return strings.Join(q, ", ")
}

// text returns a string attribute, its default when that is a literal, or "".
func (x *instance) text(n *node, name string) string {
	spec := n.row(name)
	v, a, ok := x.value(n, name, cty.String)
	if !ok {
		if strings.HasPrefix(spec.def, `"`) {
			return spec.literalDefault()
		}
		return ""
	}
	s := v.AsString()
	if len(spec.enum) > 0 && !contains(spec.enum, s) {
		x.fail(a, "Invalid value for "+name, fmt.Sprintf("The %s must be one of %s, not %q.%s", name, quoteAll(spec.enum), s, didYouMean(s, spec.enum)))
		return spec.literalDefault()
	}
	if (spec.required || spec.filled) && s == "" && len(spec.enum) == 0 {
		detail := fmt.Sprintf("The %s must not be empty.", name)
		if spec.def != "" {
			detail += " Leave it out for the default."
		}
		x.fail(a, "Empty value", detail)
	}
	return s
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func (x *instance) boolean(n *node, name string) bool {
	v, _, ok := x.value(n, name, cty.Bool)
	if !ok {
		return n.row(name).def == "true"
	}
	return v.True()
}

// integer returns a bounded whole number, or the default.
func (x *instance) integer(n *node, name string) int {
	spec := n.row(name)
	def, _ := strconv.Atoi(spec.def)
	v, a, ok := x.value(n, name, cty.Number)
	if !ok {
		return def
	}
	i, exact := wholeNumber(v)
	if !exact {
		x.fail(a, "Invalid value for "+name, fmt.Sprintf("The %s must be a whole number.", name))
		return def
	}
	if !x.inBounds(a, float64(i)) {
		return def
	}
	return i
}

func (x *instance) inBounds(a *attr, f float64) bool {
	s := a.spec
	if !s.bounded || f >= float64(s.min) && (s.max == 0 || f <= float64(s.max)) {
		return true
	}
	if s.max == 0 {
		x.fail(a, "Invalid value for "+s.name, fmt.Sprintf("The %s must be at least %d.", s.name, s.min))
	} else {
		x.fail(a, "Invalid value for "+s.name, fmt.Sprintf("The %s must be between %d and %d.", s.name, s.min, s.max))
	}
	return false
}

func wholeNumber(v cty.Value) (int, bool) {
	i, acc := v.AsBigFloat().Int64()
	return int(i), acc == big.Exact && int64(int(i)) == i
}

// number returns a number, nil where it is not written.
func (x *instance) number(n *node, name string) *float64 {
	v, a, ok := x.value(n, name, cty.Number)
	if !ok {
		return nil
	}
	f, _ := v.AsBigFloat().Float64()
	if !x.inBounds(a, f) {
		return nil
	}
	return &f
}

func (x *instance) strings(n *node, name string) []string {
	v, a, ok := x.value(n, name, cty.List(cty.String))
	if !ok {
		return nil
	}
	var out []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() {
			x.fail(a, "Invalid value for "+name, fmt.Sprintf("The %s must not hold null.", name))
			return nil
		}
		out = append(out, e.AsString())
	}
	if a.spec.filled && (len(out) == 0 || contains(out, "")) {
		x.fail(a, "Empty value", fmt.Sprintf("The %s must not be empty, nor hold an empty text.", name))
	}
	return out
}

func (x *instance) stringMap(n *node, name string) map[string]string {
	if a := n.attrs[name]; a.shared() && a.memo != nil {
		return a.memo.(map[string]string)
	}
	v, a, ok := x.value(n, name, cty.Map(cty.String))
	if !ok {
		return nil
	}
	m := make(map[string]string, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if e.IsNull() {
			x.fail(a, "Invalid value for "+name, fmt.Sprintf("The %s has null for %q; leave the key out instead.", name, k.AsString()))
			continue
		}
		m[k.AsString()] = e.AsString()
	}
	if a.shared() {
		a.memo = m
	}
	return m
}

// duration returns a positive duration, or the default.
func (x *instance) duration(n *node, name string) time.Duration {
	spec := n.row(name)
	def, _ := time.ParseDuration(spec.literalDefault())
	v, a, ok := x.value(n, name, cty.String)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(v.AsString())
	if err != nil {
		x.fail(a, "Invalid duration", fmt.Sprintf("%q is no duration; write a number with a unit, such as \"90s\", \"10m\" or \"1h30m\".", v.AsString()))
		return def
	}
	zero := name == "settle" || name == "soak"
	if d < 0 || d == 0 && !zero {
		x.fail(a, "Invalid duration", fmt.Sprintf("The %s must be more than nothing.", name))
		return def
	}
	return d
}

var exactVersion = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+`)

// version returns an exact version, or nil.
func (x *instance) version(n *node, name string) *semver.Version {
	if a := n.attrs[name]; a.shared() && a.memo != nil {
		return a.memo.(*semver.Version)
	}
	v, a, ok := x.value(n, name, cty.String)
	if !ok {
		return nil
	}
	s := v.AsString()
	sv, err := semver.NewVersion(s)
	if err != nil || !exactVersion.MatchString(s) {
		why := "a version is written in full, such as \"0.2.1\""
		if _, cerr := semver.NewConstraint(s); cerr == nil && err != nil {
			why = "this is a range; write the exact version, so that a plan means the same tomorrow"
		}
		x.fail(a, "Invalid version", fmt.Sprintf("%q cannot be used: %s.", s, why))
		return nil
	}
	if a.shared() {
		a.memo = sv
	}
	return sv
}

// constraint returns a version constraint and its text.
func (x *instance) constraint(n *node, name string) (*semver.Constraints, string) {
	v, a, ok := x.value(n, name, cty.String)
	if !ok {
		return nil, ""
	}
	c, err := semver.NewConstraint(v.AsString())
	if err != nil {
		x.fail(a, "Invalid version constraint", fmt.Sprintf("%q is no constraint; write for example \">=0.2.0 <0.3.0\" or \"~0.2.1\".", v.AsString()))
		return nil, v.AsString()
	}
	return c, v.AsString()
}

// path returns an absolute path, with a leading ~/ resolved.
func (x *instance) path(n *node, name string) string {
	v, _, ok := x.value(n, name, cty.String)
	if !ok || v.AsString() == "" {
		return ""
	}
	p := v.AsString()
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		for _, kv := range x.l.opts.Env {
			if home, ok := strings.CutPrefix(kv, "HOME="); ok {
				return filepath.Join(home, rest)
			}
		}
	}
	return x.l.sources.absolute(p)
}

// ref returns the name that a reference such as window.low_traffic stands
// for, or "".
func (x *instance) ref(n *node, name string) string {
	v, a, ok := x.value(n, name, cty.DynamicPseudoType)
	if !ok {
		return ""
	}
	return x.refName(a, v)
}

func (x *instance) refs(n *node, name string) []string {
	v, a, ok := x.value(n, name, cty.DynamicPseudoType)
	if !ok {
		return nil
	}
	if !v.CanIterateElements() || v.Type().IsMapType() || v.Type().IsObjectType() {
		x.fail(a, "Incorrect attribute value type", fmt.Sprintf("The %s must be a list, such as [%s.NAME].", name, a.spec.refs))
		return nil
	}
	var out []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if s := x.refName(a, e); s != "" && !contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (x *instance) refName(a *attr, v cty.Value) string {
	root := a.spec.refs
	var name string
	switch ty := v.Type(); {
	case v.IsNull():
	case ty == cty.String:
		name = strings.TrimPrefix(v.AsString(), root+".")
	case ty.IsObjectType() && ty.HasAttribute("address") && ty.HasAttribute("name"):
		addr := v.GetAttr("address")
		if addr.Type() == cty.String && !addr.IsNull() && strings.HasPrefix(addr.AsString(), root+".") {
			name = strings.TrimPrefix(addr.AsString(), root+".")
		}
	}
	if name == "" {
		x.fail(a, "Invalid reference", fmt.Sprintf("The %s must be written as %s.NAME.", a.name, root))
		return ""
	}
	known := x.l.names(root)
	if !known[name] {
		if !x.l.broken {
			x.fail(a, "Reference to undeclared "+root, fmt.Sprintf("There is no %s named %q.%s", root, name, didYouMean(name, sortedKeys(known))))
		}
		return ""
	}
	return name
}

// condition evaluates a block's condition and error_message.
func (x *instance) condition(n *node, summary, about string) {
	v, a, ok := x.value(n, "condition", cty.Bool)
	msg, msgAttr, msgOK := x.value(n, "error_message", cty.String)
	if !ok || v.True() || x.trial {
		return
	}
	detail := "The condition does not hold."
	if msgOK && msg.AsString() != "" {
		detail = msg.AsString()
	}
	if msgAttr != nil {
		detail += fmt.Sprintf("\n\nThis was checked by the rule at %s:%d.", n.header.Filename, n.header.Start.Line)
	}
	if about != "" {
		summary += " " + about
	}
	x.fail(a, summary, detail)
}

// chart returns the chart of a release.
func (x *instance) chart(n *node) Chart {
	a, name := n.attrs["chart"], n.attrs["chart_name"]
	if !a.shared() || name != nil && !name.shared() {
		return x.readChart(n)
	}
	// The key is the name's attribute: tenant_defaults may give the chart to
	// tenants that have names of their own.
	if m, ok := a.memo.(sharedChart); ok && m.name == name {
		return m.chart
	}
	c := x.readChart(n)
	if c.Ref != "" {
		a.memo = sharedChart{c, name}
	}
	return c
}

type sharedChart struct {
	chart Chart
	name  *attr
}

func (x *instance) readChart(n *node) Chart {
	v, a, ok := x.value(n, "chart", cty.String)
	if !ok {
		x.text(n, "chart_name")
		return Chart{}
	}
	ref := v.AsString()
	name := x.text(n, "chart_name")
	nameAttr := x.written(n, "chart_name")
	scheme, rest, hasScheme := strings.Cut(ref, "://")
	if name != "" && scheme != "https" && scheme != "http" {
		x.fail(nameAttr, "Unexpected chart_name", "A chart_name belongs to an https:// repository only; an oci:// reference or a path names the chart itself.")
	}
	switch {
	case ref == "":
		x.fail(a, "Empty value", "The chart must not be empty.")
	case scheme == "oci" && hasScheme:
		last := rest[strings.LastIndex(rest, "/")+1:]
		switch {
		case !strings.Contains(rest, "/") || last == "":
			x.fail(a, "Invalid chart reference", "An oci:// reference names registry and chart: \"oci://HOST/PATH/CHART\".")
		case strings.ContainsAny(last, ":@"):
			x.fail(a, "Version in chart reference", "The chart reference must not carry a version or digest; write the version into version. Digests are locked by soctalk init.")
		}
		return Chart{Ref: ref}
	case hasScheme && (scheme == "https" || scheme == "http"):
		if u, err := url.Parse(ref); err != nil || u.Host == "" {
			x.fail(a, "Invalid chart reference", fmt.Sprintf("%q is no valid URL.", ref))
		}
		if name == "" && nameAttr == nil {
			x.fail(a, "Missing chart_name", "A repository holds many charts; say which one with chart_name.")
		}
		return Chart{Ref: ref, Name: name}
	case hasScheme:
		x.fail(a, "Invalid chart reference", fmt.Sprintf("The scheme %q is not known; use oci://, https:// or a path.", scheme))
	default:
		abs := x.l.sources.absolute(ref)
		if _, err := os.Stat(abs); err != nil && !x.trial {
			x.fail(a, "Chart not found", fmt.Sprintf("There is no folder or archive at %q: %s. Paths are relative to the folder of the configuration.", ref, reason(err)))
		}
		return Chart{Ref: abs}
	}
	return Chart{}
}

// set returns --set assignments, sorted by path.
func (x *instance) set(n *node) []SetValue {
	a := n.attrs["set"]
	if a == nil {
		return nil
	}
	if m, ok := a.memo.([]SetValue); ok && a.shared() {
		return m
	}
	v, a, ok := x.value(n, "set", cty.Map(cty.String))
	if !ok {
		return nil
	}
	var out []SetValue
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		s := SetValue{Path: k.AsString()}
		if e.IsNull() {
			s.Value = "null"
		} else {
			s.Value = e.AsString()
		}
		if x.l.opts.CheckSet != nil {
			if err := x.l.opts.CheckSet(s.Path, s.Value); err != nil {
				x.fail(a, "Invalid set", fmt.Sprintf("The path %q is not as Helm's --set wants it: %s.", s.Path, err))
				continue
			}
		}
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	if a.shared() {
		a.memo = out
	}
	return out
}
