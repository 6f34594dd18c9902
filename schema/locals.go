package schema

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// local is one local value.
type local struct {
	attr  *attr
	state int // untouched, underWay or settled
	value cty.Value
}

const (
	untouched = iota
	underWay
	settled
)

// evalLocals evaluates every local value once, in order of need.
func (l *loader) evalLocals() {
	all := make(map[string]cty.Value, len(l.locals))
	for _, name := range sortedKeys(l.locals) {
		l.evalLocal(name, nil)
	}
	for name, lo := range l.locals {
		all[name] = lo.value
	}
	l.base.Variables["local"] = cty.ObjectVal(all)
}

func (l *loader) evalLocal(name string, path []string) cty.Value {
	lo := l.locals[name]
	switch lo.state {
	case settled:
		return lo.value
	case underWay:
		l.reportCycle(append(path, name))
		return cty.DynamicVal
	}
	if len(path) > maxChain {
		l.sink.error("", lo.attr.at, "Chain of local values too long", fmt.Sprintf("More than %d local values depend on each other in a row.", maxChain))
		return cty.DynamicVal
	}
	lo.state = underWay
	lo.value = cty.DynamicVal
	path = append(path, name)
	needed := map[string]cty.Value{}
	if !lo.attr.bad {
		for _, t := range lo.attr.expr.Variables() {
			if t.RootName() != "local" {
				continue
			}
			if dep := stepName(t); dep != "" && l.locals[dep] != nil {
				needed[dep] = l.evalLocal(dep, path)
			}
		}
	}
	if !lo.attr.bad {
		ctx := l.base.NewChild()
		ctx.Variables = map[string]cty.Value{"local": cty.ObjectVal(needed)}
		lo.value = l.eval("", lo.attr.expr, ctx)
		if err := measure(lo.value); err != nil {
			l.sink.error("", lo.attr.raw.Range(), "Value too large", fmt.Sprintf("The value of local.%s cannot be used: %s.", name, err))
			lo.value = cty.DynamicVal
		}
	}
	lo.state = settled
	return lo.value
}

// stepName returns the first name after the root of a reference.
func stepName(t hcl.Traversal) string {
	if len(t) < 2 {
		return ""
	}
	switch s := t[1].(type) {
	case hcl.TraverseAttr:
		return s.Name
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString()
		}
	}
	return ""
}

// reportCycle names the circle that ends with its own beginning.
func (l *loader) reportCycle(path []string) {
	last := path[len(path)-1]
	start := 0
	for path[start] != last {
		start++
	}
	circle := path[start:]
	names := make([]string, len(circle))
	for i, n := range circle {
		names[i] = "local." + n
		l.locals[n].attr.bad = true
	}
	l.sink.error("", l.locals[last].attr.at, "Cycle in local values", fmt.Sprintf("These depend on each other in a circle: %s. Break it by giving one of them a value of its own.", strings.Join(names, " → ")))
}
