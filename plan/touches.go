package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// touchedBy are the kinds of objects by namespace; what names none is in the
// release's own.
func touchedBy(namespace string, lists ...[]Object) map[string][]string {
	touched := map[string][]string{}
	for _, objects := range lists {
		for _, o := range objects {
			version, _ := o["apiVersion"].(string)
			kind, _ := o["kind"].(string)
			meta, _ := o["metadata"].(map[string]any)
			in, _ := meta["namespace"].(string)
			in = cmp.Or(in, namespace)
			if name := version + "/" + kind; version != "" && kind != "" && !slices.Contains(touched[in], name) {
				touched[in] = append(touched[in], name)
			}
		}
	}
	return touched
}

// touches folds what releases touch: namespaces with the same kinds are one.
type touches struct {
	byKinds map[string]int
	seen    map[string]bool // kinds and namespace
	list    []Touches
}

func (t *touches) add(cluster string, touched map[string][]string) {
	for _, namespace := range slices.Sorted(maps.Keys(touched)) {
		kinds := slices.Sorted(slices.Values(touched[namespace]))
		key := cluster + " " + strings.Join(kinds, " ")
		i, known := t.byKinds[key]
		if !known {
			i = len(t.list)
			t.byKinds[key] = i
			t.list = append(t.list, Touches{Cluster: cluster, Kinds: kinds})
		}
		if in := key + " in " + namespace; !t.seen[in] {
			t.seen[in] = true
			t.list[i].Namespaces = append(t.list[i].Namespaces, namespace)
		}
	}
}
