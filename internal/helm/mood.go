package helm

import (
	"path"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"
	"text/template/parse"

	hchart "helm.sh/helm/v3/pkg/chart"

	"github.com/soctalk/fleet/internal/chart"
)

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

// mutating are the template functions that change what later templates see.
var mutating = map[string]bool{
	"set": true, "unset": true, "merge": true, "mustMerge": true, "mergeOverwrite": true, "mustMergeOverwrite": true,
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
	// files are the templates without definitions for others, and named are
	// the definitions: all that have a name, since the last one wins.
	files map[*hchart.File]*part
	named map[string][]*part
}

// part is a template as far as it matters to the second render.
type part struct {
	// restless is true when it must be rendered again whatever it calls.
	restless bool
	calls    []string
}

func (m *moods) of(c *chart.Chart) *mood {
	v, _ := m.charts.LoadOrStore(c, &mood{})
	md := v.(*mood)
	md.once.Do(func() {
		md.now, md.files, md.named = map[*hchart.File]*hchart.File{}, map[*hchart.File]*part{}, map[string][]*part{}
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
	for name, tree := range trees {
		p := &part{}
		walkTemplate(reflect.ValueOf(tree.Root), func(n parse.Node) {
			switch n := n.(type) {
			case *parse.IdentifierNode:
				m.evaluates = m.evaluates || n.Ident == "tpl"
				m.varies = m.varies || moody[n.Ident]
				p.restless = p.restless || n.Ident == "tpl" || moody[n.Ident] || mutating[n.Ident]
				if n.Ident == "now" {
					nows = append(nows, int(n.Pos))
				}
			case *parse.CommandNode:
				p.include(n)
			case *parse.TemplateNode:
				p.calls = append(p.calls, n.Name)
			}
		})
		if name != f.Name {
			m.named[name] = append(m.named[name], p)
		} else if len(trees) == 1 {
			m.files[f] = p
		}
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

// include notes what a call of include leads to, if that can be told.
func (p *part) include(n *parse.CommandNode) {
	f, ok := n.Args[0].(*parse.IdentifierNode)
	if !ok || f.Ident != "include" {
		return
	}
	if len(n.Args) > 1 {
		if name, ok := n.Args[1].(*parse.StringNode); ok {
			p.calls = append(p.calls, name.Text)
			return
		}
	}
	p.restless = true
}

// steady says that a template and all that it calls come out the same again
// and change nothing for others.
func (m *mood) steady(p *part, seen map[string]bool) bool {
	if p.restless {
		return false
	}
	for _, name := range p.calls {
		if seen[name] {
			continue
		}
		seen[name] = true
		if len(m.named[name]) == 0 {
			return false
		}
		for _, called := range m.named[name] {
			if !m.steady(called, seen) {
				return false
			}
		}
	}
	return true
}

// walkTemplate finds every node below one, whatever the kinds of node between.
func walkTemplate(v reflect.Value, found func(parse.Node)) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			walkTemplate(v.Elem(), found)
		}
	case reflect.Pointer:
		// Nodes know the tree they are of, which leads back to them.
		if v.IsNil() || v.Type() == reflect.TypeFor[*parse.Tree]() {
			return
		}
		if n, ok := v.Interface().(parse.Node); ok {
			found(n)
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

// again makes a private chart ask for another time, and leaves out of it what
// would come out the same. It returns the names of what it left out.
func (m *mood) again(c *hchart.Chart) []string {
	var skipped []string
	// A subchart that is used twice shares its list.
	kept := make([]*hchart.File, 0, len(c.Templates))
	for _, f := range c.Templates {
		p := m.files[f]
		if p != nil && m.steady(p, map[string]bool{}) {
			skipped = append(skipped, path.Join(c.ChartFullPath(), f.Name))
			continue
		}
		if twin := m.now[f]; twin != nil {
			f = twin
		}
		kept = append(kept, f)
	}
	c.Templates = kept
	for _, d := range c.Dependencies() {
		skipped = append(skipped, m.again(d)...)
	}
	return skipped
}
