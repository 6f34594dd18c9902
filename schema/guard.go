package schema

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Bounds of one evaluation and of one value. They are far above what a fleet
// of 10,000 tenants needs and keep hostile input from taking all memory.
const (
	maxSteps    = 2_000_000 // turns of for expressions
	maxText     = 64 << 20  // bytes put together by templates
	maxElements = 2_000_000 // leaves and branches of one value
	maxExponent = 10_000    // decimal digits before or after the point, about
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
			x.ValExpr = l.counted(x.ValExpr)
		case *hclsyntax.TemplateExpr:
			if len(x.Parts) < 2 {
				break
			}
			for i, p := range x.Parts {
				if _, lit := p.(*hclsyntax.LiteralValueExpr); !lit {
					x.Parts[i] = l.counted(p)
				}
			}
		case *hclsyntax.BinaryOpExpr:
			switch x.Op {
			case hclsyntax.OpDivide:
				x.Op = divide
			case hclsyntax.OpModulo:
				x.Op = modulo
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

// HCL divides by zero and goes on with infinity, which is complained about
// where it ends up, as a number too large.
var (
	divide = &hclsyntax.Operation{Impl: dividing(stdlib.DivideFunc), Type: cty.Number}
	modulo = &hclsyntax.Operation{Impl: dividing(stdlib.ModuloFunc), Type: cty.Number}
)

func dividing(f function.Function) function.Function {
	check := func(args []cty.Value) error {
		if by, _ := args[1].Unmark(); by.Type() == cty.Number && by.IsKnown() && !by.IsNull() && by.AsBigFloat().Sign() == 0 {
			return errors.New("division by zero; where the divisor may be zero, ask first: n == 0 ? 0 : 1 / n")
		}
		return nil
	}
	return rewrap(f, func(args []cty.Value) (cty.Value, error) { return f.Call(args) }, check)
}

// meteredExpr counts each time that it is evaluated. It looks like parentheses,
// so that walks over the tree find what is inside.
type meteredExpr struct {
	*hclsyntax.ParenthesesExpr
	l *loader
}

func (l *loader) counted(e hclsyntax.Expression) hclsyntax.Expression {
	if _, already := e.(*meteredExpr); already {
		return e
	}
	return &meteredExpr{&hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}, l}
}

// Value evaluates unless the budget is spent, which is said once.
func (e *meteredExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	b := &e.l.budget
	if b.spent {
		return cty.DynamicVal, nil
	}
	if b.steps++; b.steps > maxSteps {
		return e.exhausted(fmt.Sprintf("The loops of this expression take more than %d turns.", maxSteps))
	}
	v, diags := e.Expression.Value(ctx)
	u, _ := v.Unmark()
	if u.IsKnown() && !u.IsNull() && u.Type() == cty.String {
		if b.text += len(u.AsString()); b.text > maxText {
			return e.exhausted(fmt.Sprintf("The text would be larger than %d MiB.", maxText>>20))
		}
	}
	if hugeNumber(u) {
		return e.exhausted("A number is too large or too small to be written out.")
	}
	return v, diags
}

func (e *meteredExpr) exhausted(why string) (cty.Value, hcl.Diagnostics) {
	e.l.budget.spent = true
	r := e.Range()
	return cty.DynamicVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Expression too large", Detail: why, Subject: &r}}
}

func hugeNumber(v cty.Value) bool {
	if v.Type() != cty.Number || !v.IsKnown() || v.IsNull() || v.IsMarked() {
		return false
	}
	f := v.AsBigFloat()
	if f.IsInf() || f.Sign() == 0 {
		return f.IsInf()
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
