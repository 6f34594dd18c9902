package view

import (
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/internal/page"
	"github.com/soctalk/fleet/plan"
	"golang.org/x/net/html"
)

// planHTML is a plan's page without its looks, which are the same in every one.
func planHTML(w io.Writer, doc *plan.Document) error {
	var b strings.Builder
	if err := PlanHTML(&b, doc, Full); err != nil {
		return err
	}
	_, err := io.WriteString(w, withoutLooks(b.String()))
	return err
}

func withoutLooks(text string) string {
	text = strings.Replace(text, string(page.Style()), "", 1)
	text = strings.Replace(text, string(htmlScript), "", 1)
	return regexp.MustCompile(`&#39;sha256-.*?&#39;`).ReplaceAllString(text, "&#39;sha256-…&#39;")
}

// parsed is a page as a browser reads it.
func parsed(t *testing.T, text string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// find returns the elements of a name that have a class; "" is any.
func find(n *html.Node, element, class string) []*html.Node {
	var out []*html.Node
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == element && (class == "" || slices.Contains(strings.Fields(attribute(c, "class")), class)) {
			out = append(out, c)
		}
	}
	return out
}

// textOf is an element's text, without that of the elements that are left out.
func textOf(n *html.Node, without ...string) string {
	var b strings.Builder
	for c := range n.ChildNodes() {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case c.Type == html.ElementNode && !slices.Contains(without, c.Data):
			b.WriteString(textOf(c, without...))
		}
	}
	return strings.TrimSpace(b.String())
}

// checkHTML holds the page against the document and the text for a person.
func checkHTML(t *testing.T, want []told, human, text string) {
	t.Helper()
	root := parsed(t, text)
	if title := textOf(find(root, "h1", "")[0]); !strings.HasSuffix(human, "\n\n"+title+"\n") {
		t.Errorf("the page's title is %q", title)
	}
	var got []told
	for _, c := range find(root, "details", "class") {
		summary := find(c, "summary", "")[0]
		badges := find(summary, "span", "badge")
		got = append(got, told{textOf(badges[0]), textOf(find(summary, "h3", "")[0]), textOf(find(summary, "code", "")[0]), textOf(find(summary, "span", "versions")[0]), textOf(badges[1])})
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Errorf("classes of the document and of the page:\n%s", diff)
	}
	var lines []string
	for _, s := range find(root, "section", "") {
		if attribute(s, "id") == "order" {
			lines = orderInHTML(s)
		}
	}
	if diff := cmp.Diff(orderOf(human), lines); diff != "" {
		t.Errorf("order of work in the text and in the page:\n%s", diff)
	}
}

// orderInHTML returns the lines of the order of work as [orderOf] does.
func orderInHTML(section *html.Node) []string {
	var lines []string
	number := 0
	for n := range section.Descendants() {
		if n.Type != html.ElementNode || n.Data != "li" {
			continue
		}
		line := strings.TrimSpace(strings.TrimPrefix(textOf(n, "ul"), "To know:"))
		switch attribute(n, "class") {
		case "item":
			number++
			line = fmt.Sprintf("%d. %s", number, line)
		case "return":
			line = "← " + line
		}
		lines = append(lines, line)
	}
	return lines
}

// Nothing in a document becomes markup of the page, whatever it says.
func TestHTMLIsNothingButOurs(t *testing.T) {
	t.Parallel()
	docs := planDocuments(t)
	for seed := range uint64(20) {
		docs[fmt.Sprintf("seed %d", seed)] = randomDocument(rand.New(rand.NewPCG(seed, 8)))
	}
	for _, s := range hostileTexts {
		docs[fmt.Sprintf("%q", s)] = documentOf(s)
	}
	for name, doc := range docs {
		var b strings.Builder
		if err := PlanHTML(&b, doc, Full); err != nil {
			t.Fatal(err)
		}
		checkMarkup(t, name, b.String())
	}
}

// hostileTexts are what ends elements, attributes, styles and scripts.
var hostileTexts = []string{
	`</script><script>alert(1)</script>`, `</style><style>*{display:none}</style>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `<svg onload=alert(1)>`,
	`javascript:alert(1)`, `https://e.test/" onclick="alert(1)`, `</title><script>`, `<!--`, `-->`, `]]>`, `{{.Style}}`, `&lt;b&gt;`, `</details></main></body></html>`, "\u2028", "\x00", "</p><iframe src=https://e.test>",
}

// ours are the elements that a page is made of.
var ours = strings.Fields("html head meta title style body a header div p h1 h2 h3 h4 ul ol li b dl dt dd nav form label input output main section button details summary code pre span mark ins del strong " +
	"figure svg desc defs marker path rect text g script footer table caption thead tbody tr th td")

func checkMarkup(t *testing.T, name, text string) {
	t.Helper()
	root := parsed(t, text)
	ids := map[string]bool{}
	for n := range root.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("%s: a comment: %s", name, n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if !slices.Contains(ours, n.Data) {
			t.Errorf("%s: an element %s", name, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src":
				t.Errorf("%s: an attribute %s=%q", name, a.Key, a.Val)
			case a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !plainURL.MatchString(a.Val):
				t.Errorf("%s: a link to %q", name, a.Val)
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("%s: two elements %q", name, a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			}
		}
	}
	for element, want := range map[string]string{"script": string(htmlScript), "style": string(page.Style())} {
		if found := find(root, element, ""); len(found) != 1 || textOf(found[0]) != strings.TrimSpace(want) {
			t.Errorf("%s: %d elements %s, or one that says something else", name, len(found), element)
		}
	}
	if i := strings.IndexAny(text, "\x1b\r\x00\u202e"); i >= 0 {
		t.Errorf("%s: a control character at byte %d", name, i)
	}
}

// A page names its tenants, so that they can be searched for, up to a bound.
func TestHTMLIsBounded(t *testing.T) {
	t.Parallel()
	sized := func(tenants int) int {
		doc := fleetDocument(rand.New(rand.NewPCG(1, 6)), fleetSize{tenants: tenants, classes: 4, waves: 3, phases: 3})
		return len(render(t, planHTML, doc))
	}
	few, many := sized(10_000), sized(50_000)
	if few > 400_000 || many > few*11/10 {
		t.Errorf("%d bytes for 10,000 tenants, %d for 50,000", few, many)
	}
	doc := hugeDocument(3)
	text := render(t, planHTML, doc)
	if len(text) > 6_000_000 {
		t.Errorf("%d bytes for a huge fleet", len(text))
	}
	for _, want := range []string{"Left out, to keep this page short: fields of 1 class, all but the heads of", "more</p>", "To know before it is applied"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page of a huge fleet does not say %q", want)
		}
	}
}
