package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// htmlPicture is a plan's graph with the measures of its drawing. Colours are
// the stylesheet's, so that it follows the page into the dark.
type htmlPicture struct {
	Width, Height int
	Title, Words  string
	Phases        []htmlText
	Columns       []htmlBox
	Edges         []string
	Nodes         []htmlBox
}

type htmlBox struct {
	X, Y, W, H int
	Look, Tip  string
	Lines      []htmlText
}

type htmlText struct {
	X, Y       int
	Look, Text string
	// Fit is the width that the text is squeezed into; 0 leaves it as it is.
	Fit int
}

func newHTMLPicture(g *graph) *htmlPicture {
	l := newLayout(g)
	p := &htmlPicture{Width: l.width, Height: l.height - aboveColumns, Title: g.summary, Words: l.describe()}
	for i, phase := range g.phases {
		if g.severalPhases() {
			p.Phases = append(p.Phases, htmlText{X: margin, Y: l.rows[i].y + phaseHead - 9, Text: phase.title})
		}
	}
	for i, c := range g.columns {
		at := l.columns[i]
		p.Columns = append(p.Columns, htmlBox{X: at.x, Y: at.y, W: at.w, H: at.h,
			Lines: []htmlText{{X: at.x + columnInset, Y: at.y + 23, Text: clip(c.title, boxLetters)}}})
	}
	for _, e := range g.edges {
		p.Edges = append(p.Edges, l.path(e))
	}
	for id := range g.nodes {
		p.Nodes = append(p.Nodes, l.htmlNode(id))
	}
	return p
}

func (l *layout) htmlNode(id int) htmlBox {
	n, at := &l.g.nodes[id], l.nodes[id]
	b := htmlBox{X: at.x, Y: at.y, W: at.w, H: at.h, Look: n.look(), Tip: strings.Join(n.label(), ", ")}
	if len(n.tenants) > 0 {
		b.Tip += ": " + shortList(n.tenants)
	}
	b.Tip = clip(b.Tip, 4*widestMarkdown)
	for i, line := range n.label() {
		t := htmlText{X: at.x + 2*boxPadding, Y: at.y + boxPadding + lineHeight*i + 13, Text: clip(line, boxLetters)}
		switch {
		case i == 0:
			t.Look = "first"
		case i >= len(n.lines):
			t.Look = "told"
		}
		if columns(t.Text) >= boxLetters-4 {
			t.Fit = boxWidth - 4*boxPadding
		}
		b.Lines = append(b.Lines, t)
	}
	return b
}

// look is a node's classes: what it does, or, in a run, what became of it.
func (n *graphNode) look() string {
	looks := map[plan.StepKind]string{plan.StepInstall: "good", plan.StepUpgrade: "move", plan.StepUninstall: "bad",
		plan.StepMigrate: "data", plan.StepSnapshot: "data", plan.StepRollback: "data", plan.StepRestore: "data"}
	look := looks[n.kind]
	if n.outcome != "" {
		look = n.result.look()
	}
	if n.gate {
		look += " gate"
	}
	if n.approve {
		look += " strong"
	}
	if n.noReturn {
		look += " danger"
	}
	return strings.TrimSpace("node " + strings.TrimSpace(look))
}

// aboveColumns is where a lone drawing has its title. The page has one itself.
const aboveColumns = headHeight - margin

// ViewBox is the part of the drawing that is shown.
func (p *htmlPicture) ViewBox() string {
	return fmt.Sprintf("0 %d %d %d", aboveColumns, p.Width, p.Height)
}
