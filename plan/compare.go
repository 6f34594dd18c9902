package plan

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
)

// change is one leaf that differs between two trees; one side may be absent.
type change struct {
	path          []string
	before, after any
	hasBefore     bool
	hasAfter      bool
}

// compare returns the leaves that differ, in path order. Lists of named maps
// (containers, volumes, ports, environment) are matched by name, others by
// position. A subtree that only one side has is one change.
func compare(before, after any) []change {
	var out []change
	walk(nil, before, after, true, true, &out)
	return out
}

func walk(path []string, before, after any, hasBefore, hasAfter bool, out *[]change) {
	if hasBefore && hasAfter {
		if identical(before, after) {
			return
		}
		switch b := before.(type) {
		case map[string]any:
			if a, ok := after.(map[string]any); ok {
				walkMaps(path, b, a, out)
				return
			}
		case []any:
			if a, ok := after.([]any); ok {
				walkLists(path, b, a, out)
				return
			}
		}
	}
	*out = append(*out, change{slices.Clone(path), before, after, hasBefore, hasAfter})
}

// identical sees at little cost that there is nothing to find in most of a
// manifest. Lists in another order are not identical, and may yet be the same.
func identical(before, after any) bool {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range b {
			if w, has := a[k]; !has || !identical(v, w) {
				return false
			}
		}
		return true
	case []any:
		a, ok := after.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range b {
			if !identical(b[i], a[i]) {
				return false
			}
		}
		return true
	case string:
		return b == after
	}
	return reflect.DeepEqual(before, after) || sameNumber(before, after)
}

func walkMaps(path []string, before, after map[string]any, out *[]change) {
	keys := slices.Collect(maps.Keys(before))
	for k := range after {
		if _, both := before[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		b, hasB := before[k]
		a, hasA := after[k]
		walk(append(path, fieldKey(k)), b, a, hasB, hasA, out)
	}
}

func walkLists(path []string, before, after []any, out *[]change) {
	b, okB := byName(before)
	a, okA := byName(after)
	if okB && okA {
		for _, n := range b.names {
			v, has := a.items[n]
			walk(append(path, "["+n+"]"), b.items[n], v, true, has, out)
		}
		for _, n := range a.names {
			if _, both := b.items[n]; !both {
				walk(append(path, "["+n+"]"), nil, a.items[n], false, true, out)
			}
		}
		return
	}
	for i := range max(len(before), len(after)) {
		var b, a any
		if i < len(before) {
			b = before[i]
		}
		if i < len(after) {
			a = after[i]
		}
		walk(append(path, "["+strconv.Itoa(i)+"]"), b, a, i < len(before), i < len(after), out)
	}
}

type named struct {
	names []string
	items map[string]any
}

// byName indexes a list of maps that all have a distinct name. An empty list
// counts as named, so that a list which gains its first item is matched too.
func byName(list []any) (named, bool) {
	n := named{items: make(map[string]any, len(list))}
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return named{}, false
		}
		name, ok := m["name"].(string)
		if _, dup := n.items[name]; !ok || dup {
			return named{}, false
		}
		n.names = append(n.names, name)
		n.items[name] = m
	}
	return n, true
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// fieldKey renders a map key as a path element: .name or ["app.kubernetes.io/name"].
func fieldKey(k string) string {
	if plainKey.MatchString(k) {
		return "." + k
	}
	return fmt.Sprintf("[%q]", k)
}

// sameNumber tolerates the integer and floating-point forms that YAML and JSON
// decoders give to the same number.
func sameNumber(a, b any) bool {
	x, okX := asFloat(a)
	y, okY := asFloat(b)
	return okX && okY && x == y
}

func asFloat(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// SameValues compares user-supplied values; absent and empty are the same.
func SameValues(a, b map[string]any) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	return len(compare(a, b)) == 0
}
