package plan

import (
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
)

// valueAt returns what stands at a path of map keys; nil when there is nothing.
func valueAt(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func textAt(v any, path ...string) string {
	s, _ := valueAt(v, path...).(string)
	return s
}

// mapsAt returns the maps of a list.
func mapsAt(v any, path ...string) []map[string]any {
	list, _ := valueAt(v, path...).([]any)
	out := make([]map[string]any, 0, len(list))
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// parseQuantity reads a Kubernetes quantity, as "500m", 2 or 0.5.
func parseQuantity(v any) (resource.Quantity, bool) {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	}
	q, err := resource.ParseQuantity(text)
	return q, err == nil
}

// quantityOf is a quantity, or zero.
func quantityOf(v any) resource.Quantity {
	q, _ := parseQuantity(v)
	return q
}
