package schema

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// harmlessText is what may be put into a query wherever it stands there: it ends
// no literal and begins no comment or statement.
var harmlessText = regexp.MustCompile(`^[\p{L}\p{N} ._+:/@-]*$`)

// sqlProbe reads a query. It is one statement, so that it stays in the
// transaction that can only read.
func (x *instance) sqlProbe(n *node) *SQLProbe {
	p := &SQLProbe{Query: x.text(n, "query"), Equals: x.text(n, "equals")}
	a := n.attrs["query"]
	if a == nil || !x.clean(a) {
		return p
	}
	switch text := strings.TrimRight(p.Query, "; \t\r\n"); {
	case text == "":
		x.fail(a, "Empty value", "The query must be a statement that returns one value.")
	case strings.Contains(text, ";"):
		x.fail(a, "Several statements", "The query must be one statement. A semicolon within a text can be written as chr(59).")
	}
	return p
}

// harmless refuses names and labels that would be more than a text or a number
// where the query has them.
func (x *instance) harmless(a *attr, self map[string]cty.Value) {
	if a == nil {
		return
	}
	for _, name := range a.selves {
		used := map[string]cty.Value{name: self[name]}
		if name == "*" {
			used = self
		}
		for name, v := range used {
			leaves(v, func(text string) {
				if !harmlessText.MatchString(text) || strings.Contains(text, "--") || strings.Contains(text, "/*") {
					x.fail(a, "Unsafe text in a query", fmt.Sprintf("self.%s is %q. Only letters, digits, blanks and . _ + : / @ - may be put into a query, and no \"--\", so that nobody's name is taken for a part of the statement.", name, text))
				}
			})
		}
	}
}

// leaves calls f for every text in a value.
func leaves(v cty.Value, f func(string)) {
	if v == cty.NilVal || !v.IsWhollyKnown() || v.IsNull() {
		return
	}
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v, _ := v.Unmark(); v.Type() == cty.String && !v.IsNull() {
			f(v.AsString())
		}
		return true, nil
	})
}
