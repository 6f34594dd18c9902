package view

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/schema"
	"github.com/zclconf/go-cty/cty"
)

// values describes the variables of the failing expression, as in
// "var.x is 3".
func values(d *hcl.Diagnostic, mask mask) []string {
	if d.Expression == nil || d.EvalContext == nil {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for _, t := range d.Expression.Variables() {
		for len(t) > 1 {
			v, diags := t.TraverseAbs(d.EvalContext)
			if diags.HasErrors() {
				t = t[:len(t)-1]
				continue
			}
			name := traversal(t)
			if !seen[name] {
				seen[name] = true
				if is := describe(v); is != "" {
					out = append(out, mask.text(name+" "+is))
				}
			}
			break
		}
	}
	sort.Strings(out)
	return out
}

func traversal(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(s.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			b.WriteString("[" + literal(s.Key) + "]")
		}
	}
	return b.String()
}

func describe(v cty.Value) string {
	if schema.IsSensitive(v) {
		return "has a sensitive value"
	}
	switch ty := v.Type(); {
	case !v.IsKnown():
		return ""
	case v.IsNull():
		return "is null"
	case ty == cty.String || ty == cty.Number || ty == cty.Bool:
		return "is " + literal(v)
	case ty.IsObjectType():
		if n := len(ty.AttributeTypes()); n != 1 {
			return fmt.Sprintf("is an object with %d attributes", n)
		}
		for name := range ty.AttributeTypes() {
			return fmt.Sprintf("is an object with 1 attribute %q", name)
		}
	case ty.IsMapType(), ty.IsListType(), ty.IsSetType(), ty.IsTupleType():
		n := v.LengthInt()
		if n == 0 {
			return "is an empty " + kind(ty)
		}
		if n == 1 {
			return fmt.Sprintf("is a %s with 1 element", kind(ty))
		}
		return fmt.Sprintf("is a %s with %d elements", kind(ty), n)
	}
	return "is " + v.Type().FriendlyName()
}

func kind(ty cty.Type) string {
	if ty.IsTupleType() {
		return "tuple"
	}
	name, _, _ := strings.Cut(ty.FriendlyName(), " ")
	return name
}

func literal(v cty.Value) string {
	if schema.IsSensitive(v) || !v.IsKnown() || v.IsNull() {
		return "…"
	}
	switch v.Type() {
	case cty.String:
		s := v.AsString()
		if r := []rune(s); len(r) > 60 {
			s = string(r[:60]) + "…"
		}
		return fmt.Sprintf("%q", s)
	case cty.Number:
		return v.AsBigFloat().Text('g', 15)
	case cty.Bool:
		return fmt.Sprint(v.True())
	}
	return "…"
}
