package view

import (
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/awalterschulze/gographviz"
	"github.com/soctalk/fleet/plan"
)

func TestGraphsAreWellFormed(t *testing.T) {
	t.Parallel()
	docs := planDocuments(t)
	for seed := range uint64(16) {
		docs[fmt.Sprintf("seed %d", seed)] = randomDocument(rand.New(rand.NewPCG(seed, 2)))
	}
	for name, doc := range docs {
		g := newGraph(doc)
		checkDOT(t, name, doc, g)
		checkMermaid(t, name, doc, g)
		checkSVG(t, name, doc)
		checkLayout(t, name, newLayout(g))
		if t.Failed() {
			return
		}
	}
}

func render(t *testing.T, write func(io.Writer, *plan.Document) error, doc *plan.Document) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b, doc); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// clusters are the columns, and what is around them.
func clusters(g *graph) int {
	if g.severalPhases() {
		return len(g.columns) + len(g.phases)
	}
	return len(g.columns)
}

func checkDOT(t *testing.T, name string, doc *plan.Document, g *graph) {
	t.Helper()
	tree, err := gographviz.ParseString(render(t, GraphDOT, doc))
	if err != nil {
		t.Errorf("%s: DOT: %v", name, err)
		return
	}
	got := gographviz.NewGraph()
	if err := gographviz.Analyse(tree, got); err != nil {
		t.Errorf("%s: DOT: %v", name, err)
		return
	}
	if len(got.Nodes.Nodes) != len(g.nodes) || len(got.Edges.Edges) != len(g.edges) || len(got.SubGraphs.SubGraphs) != clusters(g) {
		t.Errorf("%s: DOT has %d nodes, %d edges, %d clusters; want %d, %d, %d", name,
			len(got.Nodes.Nodes), len(got.Edges.Edges), len(got.SubGraphs.SubGraphs), len(g.nodes), len(g.edges), clusters(g))
	}
}

func checkSVG(t *testing.T, name string, doc *plan.Document) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(render(t, GraphSVG, doc)))
	elements := map[string]int{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Errorf("%s: SVG: %v", name, err)
			return
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
			for _, a := range e.Attr {
				if a.Name.Local == "href" || a.Name.Local == "src" {
					t.Errorf("%s: SVG refers to something else: %v", name, a)
				}
			}
		}
	}
	for tag := range elements {
		if !strings.Contains(" svg title desc defs marker path rect text g ", " "+tag+" ") {
			t.Errorf("%s: SVG has a <%s>", name, tag)
		}
	}
	if elements["desc"] != 1 || elements["title"] < 1 {
		t.Errorf("%s: SVG has no title and description", name)
	}
}

var number = regexp.MustCompile(`-?\d+`)

func checkLayout(t *testing.T, name string, l *layout) {
	t.Helper()
	inside := func(b box) bool { return b.x >= 0 && b.y >= 0 && b.right() <= l.width && b.bottom() <= l.height }
	for i, c := range l.g.columns {
		for j, id := range c.nodes {
			n := l.nodes[id]
			if !inside(n) || n.x < l.columns[i].x || n.right() > l.columns[i].right() || n.bottom() > l.columns[i].bottom() {
				t.Errorf("%s: node %d is outside of its column", name, id)
			}
			if j > 0 && n.y < l.nodes[c.nodes[j-1]].bottom() {
				t.Errorf("%s: node %d is over the one before", name, id)
			}
		}
	}
	for i, p := range l.g.phases {
		for j, c := range p.columns {
			at := l.columns[c]
			if !inside(at) || at.y < l.rows[i].y || at.bottom() > l.rows[i].bottom() {
				t.Errorf("%s: column %d is outside of its row", name, c)
			}
			if j > 0 && at.x < l.columns[p.columns[j-1]].right() {
				t.Errorf("%s: column %d is over the one before", name, c)
			}
		}
		if i > 0 && l.rows[i].y < l.rows[i-1].bottom() {
			t.Errorf("%s: row %d is over the one before", name, i)
		}
	}
	for _, e := range l.g.edges {
		for _, n := range number.FindAllString(l.path(e), -1) {
			if v, _ := strconv.Atoi(n); v < 0 || v > max(l.width, l.height) {
				t.Errorf("%s: an edge leaves the drawing: %s", name, l.path(e))
			}
		}
	}
}

// A graph stays small, whatever the number of tenants and of ways they change.
func TestGraphIsFolded(t *testing.T) {
	t.Parallel()
	doc := thousand()
	if g := newGraph(doc); len(g.nodes) != 6 || len(g.edges) != 5 {
		t.Errorf("%d nodes, %d edges, want 6 and 5", len(g.nodes), len(g.edges))
	}
	for i := range doc.Steps {
		if s := &doc.Steps[i]; s.Kind == plan.StepUpgrade && s.Tenant != "" {
			s.From = fmt.Sprintf("0.1.%d", i%30) // more ways than fit
		}
	}
	g := newGraph(doc)
	if len(g.nodes) > 1+2*(1+mostTurns) {
		t.Errorf("%d nodes", len(g.nodes))
	}
	tenants := 0
	for _, n := range g.nodes {
		tenants += max(len(n.tenants), map[bool]int{true: 1}[n.kind == plan.StepUpgrade && n.column > 0])
	}
	if tenants != 1000 {
		t.Errorf("the nodes stand for %d tenants, want 1000", tenants)
	}
}
