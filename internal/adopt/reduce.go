package adopt

import "reflect"

// reduce leaves out of values what the chart says by itself.
func reduce(values, defaults map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range values {
		d, known := defaults[k]
		if !known {
			out[k] = v
			continue
		}
		m, isMap := v.(map[string]any)
		dm, wasMap := d.(map[string]any)
		if isMap && wasMap {
			if rest := reduce(m, dm); len(rest) > 0 {
				out[k] = rest
			}
			continue
		}
		if !reflect.DeepEqual(v, d) {
			out[k] = v
		}
	}
	return out
}

// shared takes out of all values what is the same in each of them, and returns
// that. Of fewer than two nothing is.
func shared(all []map[string]any) map[string]any {
	out := map[string]any{}
	if len(all) < 2 {
		return out
	}
	for k, first := range all[0] {
		same, maps := true, []map[string]any{}
		for _, values := range all {
			v, has := values[k]
			if !has {
				same, maps = false, nil
				break
			}
			same = same && reflect.DeepEqual(v, first)
			if m, ok := v.(map[string]any); ok && maps != nil {
				maps = append(maps, m)
			} else {
				maps = nil
			}
		}
		switch {
		case same:
			out[k] = first
			for _, values := range all {
				delete(values, k)
			}
		case len(maps) == len(all):
			part := shared(maps)
			if len(part) == 0 {
				continue // one that is empty is so from the beginning
			}
			out[k] = part
			for i, values := range all {
				if len(maps[i]) == 0 {
					delete(values, k)
				}
			}
		}
	}
	return out
}

// clone copies a tree, so that it can be taken apart.
func clone(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = clone(e)
		}
		return out
	case float64:
		if n := int64(x); float64(n) == x {
			return n // YAML would write 1e+06
		}
	}
	return v
}
