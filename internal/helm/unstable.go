package helm

import (
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"
	"text/template/parse"

	hchart "helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/chart"
)

// Unstable names the fields of one object that differ between two renders of
// the same chart and values.
type Unstable struct {
	APIVersion, Kind, Namespace, Name string
	// Paths are the fields; none means that the object as a whole is in one
	// render only.
	Paths []Path
}

// moody are the template functions that may give another answer to the same
// question.
var moody = map[string]bool{
	"randAlpha": true, "randAlphaNum": true, "randAscii": true, "randNumeric": true, "randBytes": true, "randInt": true,
	"shuffle": true, "uuidv4": true, "bcrypt": true, "htpasswd": true, "encryptAES": true,
	"genPrivateKey": true, "genCA": true, "genCAWithKey": true, "genSelfSignedCert": true, "genSelfSignedCertWithKey": true,
	"genSignedCert": true, "genSignedCertWithKey": true,
	"now": true, "ago": true, "date": true, "dateInZone": true, "date_in_zone": true, "htmlDate": true, "htmlDateInZone": true,
	// They follow the random order of Go's maps.
	"keys": true, "values": true,
}

// elsewhen replaces "now" in the second render: both renders fall within the
// same second otherwise, and a date would look stable.
const elsewhen = `(toDate "2006-01-02T15:04:05" "1971-02-03T04:05:06")`

// moods says of every chart whether its renders can differ, and holds the twin
// that the second render uses.
type moods struct{ charts sync.Map }

type mood struct {
	once sync.Once
	// varies is true when a template calls a function of moody.
	varies bool
	// evaluates is true when a template renders values as templates.
	evaluates bool
	// now lists the templates that ask for the time, with a replacement.
	now map[*hchart.File]*hchart.File
}

func (m *moods) of(c *chart.Chart) *mood {
	v, _ := m.charts.LoadOrStore(c, &mood{})
	md := v.(*mood)
	md.once.Do(func() {
		md.now = map[*hchart.File]*hchart.File{}
		md.inspect(c.Helm())
	})
	return md
}

func (m *mood) inspect(c *hchart.Chart) {
	for _, f := range c.Templates {
		m.inspectTemplate(f)
	}
	for _, d := range c.Dependencies() {
		m.inspect(d)
	}
}

func (m *mood) inspectTemplate(f *hchart.File) {
	text := string(f.Data)
	t := parse.New(f.Name)
	t.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := t.Parse(text, "", "", trees); err != nil {
		// The render reports it.
		return
	}
	var nows []int
	for _, tree := range trees {
		walkTemplate(reflect.ValueOf(tree.Root), func(n *parse.IdentifierNode) {
			switch {
			case n.Ident == "tpl":
				m.evaluates = true
			case moody[n.Ident]:
				m.varies = true
			}
			if n.Ident == "now" {
				nows = append(nows, int(n.Pos))
			}
		})
	}
	if len(nows) == 0 {
		return
	}
	sort.Sort(sort.Reverse(sort.IntSlice(nows)))
	for _, at := range slices.Compact(nows) {
		if strings.HasPrefix(text[at:], "now") {
			text = text[:at] + elsewhen + text[at+len("now"):]
		}
	}
	m.now[f] = &hchart.File{Name: f.Name, Data: []byte(text)}
}

// walkTemplate finds every function name below a node, whatever the kinds of
// node between.
func walkTemplate(v reflect.Value, found func(*parse.IdentifierNode)) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			walkTemplate(v.Elem(), found)
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if n, ok := v.Interface().(*parse.IdentifierNode); ok {
			found(n)
			return
		}
		// Nodes know the tree they are of, which leads back to them.
		if v.Type() == reflect.TypeFor[*parse.Tree]() {
			return
		}
		walkTemplate(v.Elem(), found)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walkTemplate(v.Field(i), found)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkTemplate(v.Index(i), found)
		}
	}
}

// stable says that a second render cannot differ from the first.
func (m *mood) stable(values map[string]any) bool {
	if m.varies {
		return false
	}
	stable := true
	if m.evaluates {
		walkStrings(values, func(s string) { stable = stable && !strings.Contains(s, "{{") })
	}
	return stable
}

// elsewhen makes a private chart ask for another time.
func (m *mood) elsewhen(c *hchart.Chart) {
	for i, f := range c.Templates {
		if twin := m.now[f]; twin != nil {
			c.Templates[i] = twin
		}
	}
	for _, d := range c.Dependencies() {
		m.elsewhen(d)
	}
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
