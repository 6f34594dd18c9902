package helm

import (
	"reflect"
	"sort"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Unstable names the fields of one object that differ between two renders of
// the same chart and values.
type Unstable struct {
	APIVersion, Kind, Namespace, Name string
	// Paths are the fields; none means that the object as a whole is in one
	// render only.
	Paths []Path
}

type identity struct{ apiVersion, kind, namespace, name string }

func identityOf(o *unstructured.Unstructured) identity {
	return identity{o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()}
}

// compareRenders returns what differs between the objects of two renders.
func compareRenders(a, b []*unstructured.Unstructured) []Unstable {
	others := map[identity]*unstructured.Unstructured{}
	for _, o := range b {
		others[identityOf(o)] = o
	}
	var all []Unstable
	add := func(id identity, paths []Path) {
		all = append(all, Unstable{APIVersion: id.apiVersion, Kind: id.kind, Namespace: id.namespace, Name: id.name, Paths: paths})
	}
	for _, o := range a {
		id := identityOf(o)
		other, ok := others[id]
		if !ok {
			add(id, nil)
			continue
		}
		delete(others, id)
		var paths []Path
		comparePaths(o.Object, other.Object, nil, &paths)
		if len(paths) > 0 {
			add(id, paths)
		}
	}
	for _, o := range b {
		if _, left := others[identityOf(o)]; left {
			add(identityOf(o), nil)
		}
	}
	return all
}

func comparePaths(a, b any, at Path, out *[]Path) {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			keys := map[string]bool{}
			for k := range a {
				keys[k] = true
			}
			for k := range b {
				keys[k] = true
			}
			sorted := make([]string, 0, len(keys))
			for k := range keys {
				sorted = append(sorted, k)
			}
			sort.Strings(sorted)
			for _, k := range sorted {
				va, inA := a[k]
				vb, inB := b[k]
				next := append(at[:len(at):len(at)], k)
				if inA && inB {
					comparePaths(va, vb, next, out)
				} else {
					*out = append(*out, next)
				}
			}
			return
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			for i := range a {
				comparePaths(a[i], b[i], append(at[:len(at):len(at)], i), out)
			}
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		*out = append(*out, at)
	}
}
