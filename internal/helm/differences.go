package helm

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// stride is one step into an object: a field of a map, or an element of a list.
type stride struct {
	field string
	// element is set for an element of a list; label is how people know it.
	element any
	label   string
}

// trail leads to a field of a live object.
type trail []stride

// String is the path as people write it: spec.containers[main].image.
func (t trail) String() string {
	var b strings.Builder
	for _, s := range t {
		switch {
		case s.label != "":
			b.WriteString("[" + s.label + "]")
		case !plainKey.MatchString(s.field):
			fmt.Fprintf(&b, "[%q]", s.field)
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.field)
		}
	}
	return b.String()
}

// differences are the fields of want that live has not, or has otherwise. What
// live has beside them does not count, except in lists that are not merged.
func differences(want, live map[string]any, schema strategicpatch.LookupPatchMeta) []trail {
	d := &differ{}
	d.maps(nil, want, live, schema)
	return d.all
}

type differ struct{ all []trail }

func (d *differ) add(t trail) { d.all = append(d.all, slices.Clone(t)) }

func (d *differ) maps(at trail, want, live map[string]any, schema strategicpatch.LookupPatchMeta) {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		v, has := live[k]
		here := append(at, stride{field: k})
		switch w := want[k].(type) {
		case nil:
		case notTrue:
			if v == true {
				d.add(here)
			}
		case map[string]any:
			l, ok := v.(map[string]any)
			switch {
			case ok || !has && len(w) > 0:
				d.maps(here, w, l, fieldSchema(schema, k))
			case has || schema != nil:
				d.add(here)
			}
		case []any:
			l, ok := v.([]any)
			if has && !ok {
				d.add(here)
				continue
			}
			d.lists(here, w, l, schema, k)
		default:
			if !has || !sameScalar(w, v) {
				d.add(here)
			}
		}
	}
}

func fieldSchema(schema strategicpatch.LookupPatchMeta, k string) strategicpatch.LookupPatchMeta {
	if schema == nil {
		return nil
	}
	// Maps of texts have none.
	sub, _, err := schema.LookupPatchMetadataForStruct(k)
	if err != nil {
		return nil
	}
	return sub
}

func (d *differ) lists(at trail, want, live []any, schema strategicpatch.LookupPatchMeta, k string) {
	var elements strategicpatch.LookupPatchMeta
	key, merged := "", false
	if schema != nil {
		if sub, how, err := schema.LookupPatchMetadataForSlice(k); err == nil {
			elements, key, merged = sub, how.GetPatchMergeKey(), slices.Contains(how.GetPatchStrategies(), "merge")
		}
	}
	switch {
	case merged && key == "":
		for _, w := range want {
			if !slices.ContainsFunc(live, func(l any) bool { return sameScalar(w, l) }) {
				d.add(append(at, stride{element: w, label: fmt.Sprint(w)}))
			}
		}
	case merged && distinct(want, key) && distinct(live, key):
		for _, w := range want {
			name := w.(map[string]any)[key]
			here := append(at, stride{element: w, label: fmt.Sprint(name)})
			i := slices.IndexFunc(live, func(l any) bool { return sameScalar(l.(map[string]any)[key], name) })
			if i < 0 {
				d.add(here)
				continue
			}
			here[len(at)].element = live[i]
			d.maps(here, w.(map[string]any), live[i].(map[string]any), elements)
		}
	case len(want) != len(live):
		d.add(at)
	default:
		for i, w := range want {
			here := append(at, stride{element: live[i], label: strconv.Itoa(i)})
			wm, ok := w.(map[string]any)
			lm, also := live[i].(map[string]any)
			switch {
			case ok && also:
				d.maps(here, wm, lm, elements)
			case !sameScalar(w, live[i]):
				d.add(here)
			}
		}
	}
}

// distinct says whether all elements are maps that the key tells apart.
func distinct(list []any, key string) bool {
	seen := map[string]bool{}
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok || m[key] == nil || seen[fmt.Sprint(m[key])] {
			return false
		}
		seen[fmt.Sprint(m[key])] = true
	}
	return true
}

// sameScalar tolerates the two forms that numbers are decoded into.
func sameScalar(a, b any) bool {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return x == y
		}
	}
	return reflect.DeepEqual(a, b)
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
