package schema

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// mark is the one mark of the language: the value must not be shown.
type mark string

const sensitive = mark("sensitive")

// IsSensitive reports whether a value, or anything in it, must not be shown.
func IsSensitive(v cty.Value) bool { return v.HasMark(sensitive) || v.ContainsMarked() }

// minSecret is the length in bytes of the shortest text that is masked
// wherever it shows up: masking "a" or "prod" would make output unreadable
// and hide nothing.
const minSecret = 4

// secrets collects the texts that no output may contain.
type secrets struct {
	texts map[string]bool
	// vague are texts of which it is not known whether a secret went into
	// them: leaves of YAML made from a template with a secret in it.
	vague map[string]bool
}

func newSecrets() *secrets {
	return &secrets{texts: map[string]bool{}, vague: map[string]bool{}}
}

// value adds every leaf of a value, marked or not.
func (s *secrets) value(v cty.Value) {
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		v, _ = v.Unmark()
		if v.IsKnown() && !v.IsNull() {
			switch v.Type() {
			case cty.String:
				s.text(v.AsString())
			case cty.Number:
				s.text(plainText(v))
			}
		}
		return true, nil
	})
}

// marked adds the leaves of the parts of a value that are sensitive.
func (s *secrets) marked(v cty.Value) {
	if !v.ContainsMarked() {
		return
	}
	if v.IsMarked() {
		s.value(v)
		return
	}
	if v.IsKnown() && !v.IsNull() && v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			s.marked(e)
		}
	}
}

// text adds one secret with the forms in which it commonly travels.
func (s *secrets) text(t string) {
	if len(t) < minSecret || s.texts[t] {
		return
	}
	s.texts[t] = true
	trimmed := strings.TrimSpace(t)
	for _, form := range []string{
		trimmed,
		base64.StdEncoding.EncodeToString([]byte(t)),
		url.QueryEscape(t),
		url.PathEscape(t),
	} {
		if len(form) >= minSecret {
			s.texts[form] = true
		}
	}
	if strings.Contains(t, "\n") {
		for _, line := range strings.Split(t, "\n") {
			if line = strings.TrimSpace(line); len(line) >= 2*minSecret {
				s.texts[line] = true
			}
		}
	}
	if u, err := url.Parse(trimmed); err == nil && u.User != nil {
		if p, ok := u.User.Password(); ok && len(p) >= minSecret {
			s.texts[p] = true
		}
	}
}

// list returns everything collected, longest first.
func (s *secrets) list() []string {
	if len(s.texts) == 0 {
		return nil
	}
	out := sortedKeys(s.texts)
	sort.SliceStable(out, func(i, j int) bool { return len(out[i]) > len(out[j]) })
	return out
}

// settle decides about the vague texts: what stands in the clear in a
// template or is the name of something is no secret.
func (l *loader) settleSecrets(f *Fleet) {
	public := map[string]bool{}
	note := func(r *Release) {
		for _, s := range []string{r.Name, r.Namespace, r.Cluster, r.Address, r.Chart.Ref, r.Chart.Name, r.Version.String(), r.Version.Original()} {
			public[s] = true
		}
	}
	if f.System != nil && f.System.Version != nil {
		note(&f.System.Release)
	}
	for _, t := range f.Tenants {
		note(&t.Release)
		public[t.Slug] = true
		for k, v := range t.Labels {
			public[k], public[v] = true, true
		}
	}
	for t := range l.secrets.vague {
		if public[t] || l.inTheClear(t) {
			continue
		}
		l.secrets.text(t)
	}
}

// inTheClear reports whether a text stands in a configuration file or template.
func (l *loader) inTheClear(t string) bool {
	for _, file := range l.files {
		if file != nil && strings.Contains(string(file.Bytes), t) {
			return true
		}
	}
	return false
}

func (l *loader) sensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if err := measure(args[0]); err != nil {
				return cty.DynamicVal, err
			}
			l.secrets.value(args[0])
			return args[0].Mark(sensitive), nil
		},
	})
}

var nonsensitiveFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
	Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, _ := args[0].Unmark()
		return v, nil
	},
})

var isSensitiveFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
	Type:   function.StaticReturnType(cty.Bool),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return cty.BoolVal(args[0].HasMark(sensitive)), nil
	},
})

// hush takes the reason out of a failed function call whose arguments are
// sensitive, and the key out of a repeated one: both are quoted.
func hush(d *hcl.Diagnostic) *hcl.Diagnostic {
	if d.Expression == nil || d.EvalContext == nil {
		return d
	}
	detail := ""
	if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok && call.FunctionCallError() != nil {
		detail = fmt.Sprintf("Call to function %q failed. The reason is not shown, because sensitive values are involved.", call.CalledFunctionName())
	} else if d.Summary == "Duplicate object key" {
		detail = "Two items produced the same key. It is not shown, because sensitive values are involved."
	} else {
		return d
	}
	for _, t := range d.Expression.Variables() {
		v, diags := t.TraverseAbs(d.EvalContext)
		if !diags.HasErrors() && v.ContainsMarked() {
			c := *d
			c.Detail = detail
			return &c
		}
	}
	return d
}
