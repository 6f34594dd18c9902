package plan

import (
	"cmp"
	"slices"
	"strings"
)

type objectKey struct{ group, kind, namespace, name string }

func kindOf(o Object) string { s, _ := o["kind"].(string); return s }

func keyOf(o Object) objectKey {
	meta, _ := o["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	namespace, _ := meta["namespace"].(string)
	apiVersion, _ := o["apiVersion"].(string)
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		group = "" // the core group has no slash
	}
	return objectKey{group, kindOf(o), namespace, name}
}

// objectChange is the change of one object before it is rendered for a class.
type objectChange struct {
	key     objectKey
	action  ObjectAction
	before  Object
	after   Object
	changes []change
	// unstable holds the paths among changes that differ between two renders.
	unstable map[string]bool
}

// changedObjects compares two manifests, by kind then name.
func changedObjects(before, after, again []Object) []objectChange {
	old, new, second := index(before), index(after), index(again)
	var out []objectChange
	for k, b := range old {
		a, kept := new[k]
		if !kept {
			out = append(out, objectChange{key: k, action: Delete, before: b})
			continue
		}
		changes := compare(b, a)
		if len(changes) == 0 {
			continue
		}
		out = append(out, objectChange{key: k, action: Change, before: b, after: a, changes: changes, unstable: unstable(a, second[k])})
	}
	for k, a := range new {
		if _, had := old[k]; !had {
			out = append(out, objectChange{key: k, action: Create, after: a})
		}
	}
	slices.SortFunc(out, func(x, y objectChange) int {
		return cmp.Or(cmp.Compare(x.key.kind, y.key.kind), cmp.Compare(x.key.name, y.key.name),
			cmp.Compare(x.key.namespace, y.key.namespace), cmp.Compare(x.key.group, y.key.group))
	})
	return out
}

// random says that nothing of an object changes but what every render makes anew.
func (o objectChange) random() bool {
	return o.action == Change && !slices.ContainsFunc(o.changes, func(c change) bool { return !o.unstable[strings.Join(c.path, "")] })
}

func index(objects []Object) map[objectKey]Object {
	m := make(map[objectKey]Object, len(objects))
	for _, o := range objects {
		m[keyOf(o)] = o
	}
	return m
}

// unstable returns the paths at which two renders of one object differ.
func unstable(first, second Object) map[string]bool {
	if second == nil {
		return nil
	}
	var paths map[string]bool
	for _, c := range compare(first, second) {
		if paths == nil {
			paths = map[string]bool{}
		}
		paths[strings.Join(c.path, "")] = true
	}
	return paths
}

// versionLabels carry the chart's version and nothing else; a change of them
// alone is folded into a count.
var versionLabels = []string{`["helm.sh/chart"]`, `["app.kubernetes.io/version"]`}

func isVersionLabel(path []string) bool {
	return len(path) >= 2 && path[len(path)-2] == ".labels" && slices.Contains(versionLabels, path[len(path)-1])
}
