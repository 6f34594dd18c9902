package schema

import (
	"fmt"
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// layerCache holds decoded YAML texts, so that ten thousand tenants that share
// a file decode it once.
type layerCache struct{ byText map[string]decoded }

type decoded struct {
	values map[string]any
	err    error
}

func newLayerCache() layerCache { return layerCache{byText: map[string]decoded{}} }

func (c layerCache) decode(text string) (map[string]any, error) {
	if d, ok := c.byText[text]; ok {
		return d.values, d.err
	}
	m, err := decodeValues(text)
	c.byText[text] = decoded{m, err}
	return m, err
}

// values returns the merged layers of a release. The result may share parts
// with other releases.
func (x *instance) values(n *node) map[string]any {
	a := x.written(n, "values")
	if a == nil {
		return map[string]any{}
	}
	if m, ok := a.memo.(map[string]any); ok && a.shared() {
		return m
	}
	merged := map[string]any{}
	before := x.unsure
	x.unsure = false
	v, ok := x.raw(a)
	switch {
	case !ok:
		x.notKnown()
	case !v.IsNull():
		merged = x.mergeLayers(a, v)
	}
	if a.shared() && !x.unsure {
		a.memo = merged
	}
	x.unsure = x.unsure || before
	return merged
}

func (x *instance) mergeLayers(a *attr, v cty.Value) map[string]any {
	merged := map[string]any{}
	v, marks := v.Unmark()
	ty := v.Type()
	if !ty.IsTupleType() && !ty.IsListType() {
		x.fail(a, "Incorrect attribute value type", "The values must be a list of YAML texts and objects; put square brackets around a single one.")
		return merged
	}
	i := 0
	for it := v.ElementIterator(); it.Next(); i++ {
		_, e := it.Element()
		layer, ok := x.layer(a, i, e.WithMarks(marks))
		if !ok {
			continue
		}
		if len(merged) == 0 {
			merged = layer
		} else {
			merged = mergeMaps(merged, layer)
		}
	}
	return merged
}

// layer returns one element of values.
func (x *instance) layer(a *attr, i int, e cty.Value) (map[string]any, bool) {
	secret := e.IsMarked()
	v := e
	if containsMarked(e) {
		v, _ = e.UnmarkDeep()
		// Of a text, the strings in it are looked at one by one.
		if v.Type() != cty.String {
			x.l.secrets.marked(e)
		}
	}
	ty := v.Type()
	switch {
	case !v.IsWhollyKnown():
		x.notKnown()
		return nil, false
	case v.IsNull():
		return nil, false
	case ty == cty.String:
		m, err := x.l.layers.decode(v.AsString())
		if err != nil {
			where := fmt.Sprintf("Layer %d of values", i+1)
			if from, ok := x.l.sources.byText[v.AsString()]; ok {
				where += " (" + from + ")"
			}
			why := err.Error()
			if secret {
				why = "it is no YAML mapping (the reason is not shown, because the text is sensitive)"
			}
			x.failLayer(a, i, fmt.Sprintf("%s cannot be used: %s.", where, why))
			return nil, false
		}
		if secret {
			x.l.secrets.leaves(m)
		}
		return m, true
	case ty.IsObjectType() || ty.IsMapType():
		g, err := goValue(v)
		if err != nil {
			x.failLayer(a, i, fmt.Sprintf("Layer %d of values cannot be used: %s.", i+1, err))
			return nil, false
		}
		return g.(map[string]any), true
	}
	x.failLayer(a, i, fmt.Sprintf("Layer %d of values is %s; each layer must be a YAML text or an object.", i+1, article(ty.FriendlyName())))
	return nil, false
}

// failLayer reports an error at one element of values.
func (x *instance) failLayer(a *attr, i int, detail string) {
	r := a.raw.Range()
	if t, ok := a.expr.(*hclsyntax.TupleConsExpr); ok && i < len(t.Exprs) {
		r = t.Exprs[i].Range()
	}
	x.l.sink.add(x.address, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Invalid values", Detail: detail, Subject: &r, Expression: a.expr, EvalContext: x.context(a)})
}

// leaves notes the texts of values that were made from a sensitive text.
func (s *secrets) leaves(v any) {
	switch x := v.(type) {
	case map[string]any:
		for _, e := range x {
			s.leaves(e)
		}
	case []any:
		for _, e := range x {
			s.leaves(e)
		}
	case string:
		if len(x) >= minSecret {
			s.vague[x] = true
		}
	}
}

// mergeMaps merges as Helm merges values files. Neither argument is changed.
func mergeMaps(a, b map[string]any) map[string]any {
	out := make(map[string]any, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		if vm, ok := v.(map[string]any); ok {
			if am, ok := out[k].(map[string]any); ok {
				out[k] = mergeMaps(am, vm)
				continue
			}
		}
		out[k] = v
	}
	return out
}

// goValue brings a known, unmarked value to the types of JSON: whole numbers
// as int64 where they fit.
func goValue(v cty.Value) (any, error) {
	if v.IsNull() {
		return nil, nil
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		return v.AsString(), nil
	case ty == cty.Bool:
		return v.True(), nil
	case ty == cty.Number:
		f := v.AsBigFloat()
		if i, acc := f.Int64(); acc == big.Exact {
			return i, nil
		}
		n, _ := f.Float64()
		if f.IsInf() {
			return nil, fmt.Errorf("infinite numbers cannot be passed to a chart")
		}
		return n, nil
	case ty.IsObjectType(), ty.IsMapType():
		m := make(map[string]any, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			g, err := goValue(e)
			if err != nil {
				return nil, err
			}
			m[k.AsString()] = g
		}
		return m, nil
	case ty.IsTupleType(), ty.IsListType(), ty.IsSetType():
		l := make([]any, 0, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			g, err := goValue(e)
			if err != nil {
				return nil, err
			}
			l = append(l, g)
		}
		return l, nil
	}
	return nil, fmt.Errorf("a value of type %s cannot be passed to a chart", ty.FriendlyName())
}

// plainText writes a number or boolean as text.
func plainText(v cty.Value) string {
	if hugeNumber(v) {
		return ""
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() || !s.IsKnown() {
		return ""
	}
	return s.AsString()
}
