package adopt

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

var bareKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// quote writes a text as HCL does, with nothing in it interpolated.
func quote(s string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
}

// key writes the name of an attribute.
func key(name string) string {
	if !bareKey.MatchString(name) || name == "for" {
		return quote(name)
	}
	return name
}

// literal writes a value as HCL, a hole as its expression.
func literal(v any) string {
	switch x := v.(type) {
	case *hole:
		return x.expr
	case nil:
		return "null"
	case string:
		return quote(x)
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case []any:
		if len(x) == 0 {
			return "[]"
		}
		var items []string
		short := true
		for _, e := range x {
			items = append(items, literal(e))
			_, isMap := e.(map[string]any)
			short = short && !isMap
		}
		if line := "[" + strings.Join(items, ", ") + "]"; short && len(line) < 100 && !strings.Contains(line, "\n") {
			return line
		}
		return "[\n" + strings.Join(items, ",\n") + ",\n]"
	case map[string]any:
		if len(x) == 0 {
			return "{}"
		}
		var b strings.Builder
		b.WriteString("{\n")
		for _, k := range sortedKeys(x) {
			b.WriteString(key(k) + " = " + literal(x[k]) + "\n")
		}
		return b.String() + "}"
	}
	return quote(fmt.Sprint(v))
}
