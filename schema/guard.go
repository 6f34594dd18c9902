package schema

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Bounds of one evaluation and of one value. They are far above what a fleet
// of 10,000 tenants needs and keep hostile input from taking all memory.
const (
	maxSteps    = 5_000_000 // turns of for expressions
	maxText     = 64 << 20  // bytes put together by templates
	maxElements = 5_000_000 // leaves and branches of one value
	maxExponent = 10_000    // decimal digits before or after the point, about
)

// The functions that count what an expression costs; their names are what an
// error calls them.
const (
	countTurns = "for"
	countText  = "template"
)

// budget is what the current evaluation has used.
type budget struct {
	steps, text int
	spent       bool
}

// guard wires counters into an expression: HCL itself evaluates nested loops
// and templates without bound. It reports whether the expression may be used.
func (l *loader) guard(e hcl.Expression) bool {
	n, ok := e.(hclsyntax.Node)
	if !ok {
		return true
	}
	fine := true
	hclsyntax.VisitAll(n, func(n hclsyntax.Node) hcl.Diagnostics {
		switch x := n.(type) {
		case *hclsyntax.ForExpr:
			x.ValExpr = counted(countTurns, x.ValExpr)
		case *hclsyntax.TemplateExpr:
			if len(x.Parts) < 2 {
				break
			}
			for i, p := range x.Parts {
				if _, lit := p.(*hclsyntax.LiteralValueExpr); !lit {
					x.Parts[i] = counted(countText, p)
				}
			}
		case *hclsyntax.LiteralValueExpr:
			if hugeNumber(x.Val) {
				l.sink.error("", x.SrcRange, "Number out of range", "This number is too large or too small to be written out.")
				fine = false
			}
		}
		return nil
	})
	return fine
}

func counted(name string, e hclsyntax.Expression) hclsyntax.Expression {
	if c, ok := e.(*hclsyntax.FunctionCallExpr); ok && c.Name == name {
		return e
	}
	r := e.Range()
	return &hclsyntax.FunctionCallExpr{Name: name, Args: []hclsyntax.Expression{e}, NameRange: r, OpenParenRange: r, CloseParenRange: r}
}

// counters returns the functions that guard calls.
func (l *loader) counters() map[string]function.Function {
	pass := func(count func(cty.Value) error) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
			Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				if err := count(args[0]); err != nil {
					return cty.DynamicVal, err
				}
				return args[0], nil
			},
		})
	}
	return map[string]function.Function{
		countTurns: pass(func(cty.Value) error { return l.spend(1, 0) }),
		countText: pass(func(v cty.Value) error {
			u, _ := v.Unmark()
			if u.IsKnown() && !u.IsNull() && u.Type() == cty.String {
				return l.spend(0, len(u.AsString()))
			}
			if hugeNumber(u) {
				return errors.New("the number is too large or too small to be written out")
			}
			return nil
		}),
	}
}

func (l *loader) spend(steps, text int) error {
	l.budget.steps += steps
	l.budget.text += text
	if l.budget.spent {
		return nil
	}
	switch {
	case l.budget.steps > maxSteps:
		l.budget.spent = true
		return fmt.Errorf("the loops of this expression take more than %d turns", maxSteps)
	case l.budget.text > maxText:
		l.budget.spent = true
		return fmt.Errorf("the text would be larger than %d MiB", maxText>>20)
	}
	return nil
}

func hugeNumber(v cty.Value) bool {
	if v.Type() != cty.Number || !v.IsKnown() || v.IsNull() || v.IsMarked() {
		return false
	}
	f := v.AsBigFloat()
	if f.IsInf() || f.Sign() == 0 {
		return false
	}
	e := new(big.Float).Copy(f).MantExp(nil)
	return e > maxExponent*10/3 || e < -maxExponent*10/3
}

// measure returns an error when a value is larger than any honest one. Values
// share their parts, so a small expression can make a value that takes years
// to walk.
func measure(v cty.Value) error {
	m := meter{}
	return m.walk(v)
}

type meter struct{ elements, text int }

var errTooLarge = fmt.Errorf("the value has more than %d elements or %d MiB of text", maxElements, maxText>>20)

func (m *meter) walk(v cty.Value) error {
	if m.elements++; m.elements > maxElements {
		return errTooLarge
	}
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return nil
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		if m.text += len(v.AsString()); m.text > maxText {
			return errTooLarge
		}
	case ty == cty.Number:
		if hugeNumber(v) {
			return errors.New("it holds a number that is too large or too small to be written out")
		}
	case ty.IsObjectType():
		for name := range ty.AttributeTypes() {
			m.text += len(name)
			if err := m.walk(v.GetAttr(name)); err != nil {
				return err
			}
		}
	case ty.IsTupleType(), ty.IsCollectionType():
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if k.Type() == cty.String && k.IsKnown() && !k.IsMarked() {
				m.text += len(k.AsString())
			}
			if err := m.walk(e); err != nil {
				return err
			}
		}
	}
	return nil
}
