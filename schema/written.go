package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/zclconf/go-cty/cty"
)

// written returns the attribute that counts: as in Terraform, null is as good
// as nothing, so that what tenant_defaults has comes through. What cannot be
// evaluated counts as written.
func (x *instance) written(n *node, name string) *attr {
	a := n.attrs[name]
	for a != nil && a.mayBeNull() {
		v, ok := x.raw(a)
		if !ok || !v.IsNull() || v.IsMarked() && !a.spec.secret {
			break
		}
		a = a.under
	}
	return a
}

// surely says whether one of some attributes is written with a value that is
// known.
func (x *instance) surely(n *node, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		is, sure := x.chooses(n, name)
		return is && sure
	})
}

// identity returns a name, or its default where it is not written; nothing
// where what is written cannot be used or is not known.
func (x *instance) identity(n *node, name, def string) string {
	if x.written(n, name) == nil {
		return def
	}
	if _, _, ok := x.value(n, name, cty.String); !ok {
		return ""
	}
	return x.text(n, name)
}

// called is a name as it is in self; what is not known is nothing in Go.
func called(name string) cty.Value {
	if name == "" {
		return cty.UnknownVal(cty.String)
	}
	return cty.StringVal(name)
}

// mayBeNull is false of what can be seen to be no null without evaluating it.
func (a *attr) mayBeNull() bool {
	switch e := a.expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return e.Val.IsNull()
	case *hclsyntax.TemplateExpr, *hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr:
		return false
	}
	return true
}

// exactlyOne reports a block in which not exactly one of its oneOf is written.
func (x *instance) exactlyOne(n *node) {
	if len(n.spec.oneOf) == 0 {
		return
	}
	var written []string
	unsure := false
	for _, name := range n.spec.oneOf {
		is, sure := x.chooses(n, name)
		if is && sure {
			written = append(written, name)
		}
		unsure = unsure || !sure
	}
	said := "none is written"
	switch {
	case len(written) > 1:
		said = strings.Join(written, " and ") + " are written"
	case len(written) == 1 || unsure:
		return
	}
	x.l.sink.error(x.address, n.header, "Exactly one is needed", fmt.Sprintf("%s block needs exactly one of %s; %s.", prose.Capital(article(n.spec.name)), strings.Join(n.spec.oneOf, ", "), said))
}

// chooses says whether a block has an attribute or a block of a name. It is not
// sure of an attribute whose value is not known, or not before the instance is.
func (x *instance) chooses(n *node, name string) (is, sure bool) {
	if n.meant[name] || len(n.blocks[name]) > 0 {
		return true, true
	}
	a := n.attrs[name]
	if a == nil || !a.mayBeNull() {
		return a != nil, true
	}
	if x.ctx == nil && !a.shared() {
		return true, false
	}
	if a = x.written(n, name); a == nil {
		return false, true
	}
	_, ok := x.raw(a)
	return true, ok || !a.mayBeNull()
}

// dynamicChoice says that what of the block's oneOf is written depends on the
// instance.
func (n *node) dynamicChoice() bool {
	return slices.ContainsFunc(n.spec.oneOf, func(name string) bool {
		a := n.attrs[name]
		return a != nil && a.mayBeNull() && !a.shared()
	})
}

// chosen is what of the block's oneOf is written, the last where that is
// several; empty when nothing is.
func (x *instance) chosen(n *node) string {
	for _, name := range slices.Backward(n.spec.oneOf) {
		if is, _ := x.chooses(n, name); is {
			return name
		}
	}
	return ""
}
