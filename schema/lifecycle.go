package schema

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// lifecycle resolves removed and moved blocks, and holds them against the
// tenants that there are.
func (l *loader) lifecycle() {
	byAddress := map[string]*Tenant{}
	slugs := map[string]*Tenant{}
	blocks := map[string][]*Tenant{}
	for _, t := range l.fleet.Tenants {
		byAddress[t.Address], slugs[t.Slug] = t, t
		if base, _, ok := strings.Cut(t.Address, "["); ok {
			blocks[base] = append(blocks[base], t)
		}
	}
	left := map[string]hcl.Range{}
	for _, n := range l.top.blocks["removed"] {
		r := l.removed(n)
		if r == nil {
			continue
		}
		at := r.Source.At("from")
		t := byAddress[r.From]
		if t == nil {
			t = slugs[r.From]
		}
		if t != nil {
			l.sink.error(t.Address, at, "Removed tenant is still declared", fmt.Sprintf("%s is removed here, and still declared at %s:%d. Delete one of the two.", r.From, t.Source.Block.Filename, t.Source.Block.Start.Line))
		}
		if first, dup := left[r.From]; dup {
			l.sink.error("", at, "Removed twice", fmt.Sprintf("%s is already removed at %s:%d.", r.From, first.Filename, first.Start.Line))
		}
		left[r.From] = at
		l.fleet.Removed = append(l.fleet.Removed, r)
	}
	movedTo := map[string]hcl.Range{}
	for _, n := range l.top.blocks["moved"] {
		from, to := l.address(n, "from", false), l.address(n, "to", false)
		if from == "" || to == "" {
			continue
		}
		src := n.source()
		var pairs [][2]string
		switch {
		case byAddress[to] != nil:
			pairs = append(pairs, [2]string{from, to})
		case len(blocks[to]) > 0 && !strings.Contains(from, "["):
			for _, t := range blocks[to] {
				pairs = append(pairs, [2]string{from + strings.TrimPrefix(t.Address, to), t.Address})
			}
		case l.missing[baseAddress(to)]:
			continue // it may be there
		default:
			l.sink.error("", src.At("to"), "Moved to nowhere", fmt.Sprintf("There is no %s.%s", to, didYouMean(to, sortedKeys(byAddress))))
			continue
		}
		for _, p := range pairs {
			if p[0] == p[1] {
				l.sink.error("", src.At("from"), "Moved onto itself", fmt.Sprintf("%s is where it was. Delete this block.", p[0]))
				break
			}
			if t := byAddress[p[0]]; t != nil {
				l.sink.error(t.Address, src.At("from"), "Moved tenant is still declared", fmt.Sprintf("%s is moved here, and still declared at %s:%d.", p[0], t.Source.Block.Filename, t.Source.Block.Start.Line))
				continue
			}
			if first, dup := left[p[0]]; dup {
				l.sink.error("", src.At("from"), "Moved twice", fmt.Sprintf("%s is already moved or removed at %s:%d.", p[0], first.Filename, first.Start.Line))
				continue
			}
			if first, dup := movedTo[p[1]]; dup {
				l.sink.error("", src.At("to"), "Moved twice", fmt.Sprintf("Something else was already moved to %s, at %s:%d.", p[1], first.Filename, first.Start.Line))
				continue
			}
			left[p[0]], movedTo[p[1]] = src.At("from"), src.At("to")
			l.fleet.Moved = append(l.fleet.Moved, &Moved{From: p[0], To: p[1], Source: src})
		}
	}
}

// baseAddress is the address of a tenant's block.
func baseAddress(tenant string) string {
	base, _, _ := strings.Cut(tenant, "[")
	return base
}

// address reads a tenant's address: a reference, or the same as a string. A
// bare slug is one too where slugs are allowed.
func (l *loader) address(n *node, name string, slug bool) string {
	a := n.attrs[name]
	if a == nil {
		return ""
	}
	t, diags := hcl.AbsTraversalForExpr(a.raw)
	if diags.HasErrors() || t.RootName() != "tenant" {
		if !diags.HasErrors() && len(t) == 1 {
			if _, native := a.raw.(hclsyntax.Expression); !native && slug {
				return t.RootName() // "beta" in JSON syntax
			}
		}
		v, diags := a.expr.Value(nil)
		if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
			l.badAddress(a, slug)
			return ""
		}
		s := v.AsString()
		if slug && isLabel(s) {
			return s
		}
		if t, diags = hclsyntax.ParseTraversalAbs([]byte(s), "", hcl.InitialPos); diags.HasErrors() {
			l.badAddress(a, slug)
			return ""
		}
	}
	if t.RootName() != "tenant" || len(t) < 2 || len(t) > 3 {
		l.badAddress(a, slug)
		return ""
	}
	step, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		l.badAddress(a, slug)
		return ""
	}
	addr := "tenant." + step.Name
	if len(t) == 3 {
		key, ok := t[2].(hcl.TraverseIndex)
		if !ok || key.Key.Type() != cty.String {
			l.badAddress(a, slug)
			return ""
		}
		addr += "[" + quoteKey(key.Key.AsString()) + "]"
	}
	return addr
}

func (l *loader) badAddress(a *attr, slug bool) {
	forms := `tenant.NAME or tenant.NAME["KEY"]`
	if slug {
		forms += `, or the slug as a string`
	}
	l.sink.error("", a.raw.Range(), "Invalid tenant address", fmt.Sprintf("The %s must be written as %s.", a.name, forms))
}
