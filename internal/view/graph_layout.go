package view

import "fmt"

// Measures of the drawing, in pixels.
const (
	boxWidth    = 260
	lineHeight  = 17
	boxPadding  = 9
	boxGap      = 16
	columnInset = 26 // between a column's edge and its boxes: room for rails
	columnHead  = 34
	columnGap   = 44
	margin      = 28
	headHeight  = 64 // for what is written above the columns
	phaseHead   = 26 // for a phase's title
	railInset   = 12
	boxLetters  = 32 // that fit a line
)

// box is where a node, or a column, is drawn.
type box struct{ x, y, w, h int }

func (b box) right() int  { return b.x + b.w }
func (b box) bottom() int { return b.y + b.h }
func (b box) middle() int { return b.y + b.h/2 }

// layout places phases in rows, the columns of each left to right and their
// nodes top to bottom, in the order of the plan, and runs edges along rails
// between them.
type layout struct {
	g             *graph
	width, height int
	rows          []box
	columns       []box
	nodes         []box
	// Edges within a column, by node.
	out, in []int
}

func newLayout(g *graph) *layout {
	l := &layout{g: g, nodes: make([]box, len(g.nodes)), out: make([]int, len(g.nodes)), in: make([]int, len(g.nodes))}
	l.columns = make([]box, len(g.columns))
	y, right := headHeight, 480
	for _, p := range g.phases {
		row := l.row(p, y)
		l.rows = append(l.rows, row)
		y = row.bottom() + columnGap
		right = max(right, row.right()+margin)
	}
	l.width, l.height = right, max(y-columnGap, headHeight)+margin
	for _, e := range g.edges {
		if g.nodes[e.from].column == g.nodes[e.to].column {
			l.out[e.from]++
			l.in[e.to]++
		}
	}
	return l
}

// row places the columns of a phase.
func (l *layout) row(p graphPhase, y int) box {
	row := box{x: margin, y: y}
	if l.g.severalPhases() {
		y += phaseHead
	}
	x, bottom := margin, y
	for _, i := range p.columns {
		c := box{x: x, y: y, w: boxWidth + 2*columnInset}
		below := y + columnHead
		for _, id := range l.g.columns[i].nodes {
			n := box{x + columnInset, below, boxWidth, 2*boxPadding + lineHeight*len(l.g.nodes[id].label())}
			l.nodes[id] = n
			below = n.bottom() + boxGap
		}
		c.h = below - c.y
		bottom = max(bottom, c.bottom())
		l.columns[i] = c
		x = c.right() + columnGap
	}
	row.w, row.h = x-columnGap-margin, bottom-row.y
	return row
}

// path is an edge as an SVG path. What comes from another column enters a node
// above its middle and what fans out leaves below it, so that they stay apart.
func (l *layout) path(e graphEdge) string {
	a, b := l.nodes[e.from], l.nodes[e.to]
	from, to := l.g.nodes[e.from].column, l.g.nodes[e.to].column
	switch {
	case from == to && l.next(e.from) == e.to && l.out[e.from] == 1 && l.in[e.to] == 1:
		return fmt.Sprintf("M%d %dV%d", a.x+a.w/2, a.bottom(), b.y)
	case from == to && l.out[e.from] > 1:
		return fmt.Sprintf("M%d %dH%dV%dH%d", a.x, a.y+2*a.h/3, l.columns[from].x+railInset, b.middle(), b.x)
	case from == to:
		return fmt.Sprintf("M%d %dH%dV%dH%d", a.right(), a.middle(), l.columns[from].right()-railInset, b.middle(), b.right())
	case to == from+1 && l.g.columns[from].row == l.g.columns[to].row:
		return fmt.Sprintf("M%d %dH%dV%dH%d", a.right(), a.middle(), l.columns[from].right()+columnGap/2, b.y+b.h/3, b.x)
	}
	// Over the columns in between, or between the rows.
	return fmt.Sprintf("M%d %dH%dV%dH%dV%dH%d", a.right(), a.middle(), l.columns[from].right()+columnGap/2, l.rows[l.g.columns[to].row].y-columnGap/4,
		l.columns[to].x-columnGap/2, b.y+b.h/3, b.x)
}

// next is the node below; -1 at a column's end.
func (l *layout) next(id int) int {
	if id+1 < len(l.g.nodes) && l.g.nodes[id+1].column == l.g.nodes[id].column {
		return id + 1
	}
	return -1
}
