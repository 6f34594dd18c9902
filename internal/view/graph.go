package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/plan"
)

const (
	// Tenants of a wave that do the same are one node when they are more.
	mostAlike = 3
	// A wave shows at most this many nodes of tenants, fewer in a plan of many
	// waves, so that all of it stays within what graph tools draw.
	mostTurns     = 12
	mostTurnsPlan = 160
)

// graph is a plan's DAG in the form that people look at: a tenant's steps are
// one node, and so are many tenants whose steps are the same.
type graph struct {
	summary string
	columns []graphColumn // the system, then the waves in their order
	nodes   []graphNode
	edges   []graphEdge
}

// graphColumn is drawn as a cluster.
type graphColumn struct {
	title string
	nodes []int // top to bottom
}

type graphNode struct {
	column int
	kind   plan.StepKind // what colours the node; of a tenant its main step's
	gate   bool
	lines  []string
	// tenants are who a folded node stands for.
	tenants []string
	// noReturn marks the point of no return.
	noReturn bool
}

type graphEdge struct{ from, to int }

// turn is all steps of one tenant in one wave.
type turn struct {
	name  string
	steps []*plan.Step
}

type graphBuilder struct {
	*planIndex
	g       graph
	columns map[string]int
	byStep  map[string]int // node by step id
	// Turns of a wave, in the order of the document.
	turns map[string][]*turn
	known map[[2]string]*turn // by wave and tenant
}

func newGraph(doc *plan.Document) *graph {
	b := &graphBuilder{
		planIndex: index(doc), g: graph{summary: PlanSummary(doc)}, columns: map[string]int{},
		byStep: make(map[string]int, len(doc.Steps)), turns: map[string][]*turn{}, known: map[[2]string]*turn{},
	}
	b.collect()
	most := max(1, min(mostTurns, mostTurnsPlan/max(1, len(b.turns))))
	for i := range doc.Steps {
		s := &doc.Steps[i]
		if s.Tenant == "" {
			b.byStep[s.ID] = b.add(s.Wave, b.lone(s))
			continue
		}
		if turns := b.turns[s.Wave]; turns != nil {
			b.fold(s.Wave, turns, most)
			delete(b.turns, s.Wave)
		}
	}
	b.connect()
	return &b.g
}

// collect gathers each tenant's steps.
func (b *graphBuilder) collect() {
	slugs := make(map[string]string, len(b.doc.Releases))
	for i := range b.doc.Releases {
		slugs[b.doc.Releases[i].Address] = nameOf(&b.doc.Releases[i])
	}
	for i := range b.doc.Steps {
		s := &b.doc.Steps[i]
		if s.Tenant == "" {
			continue
		}
		key := [2]string{s.Wave, s.Tenant}
		t := b.known[key]
		if t == nil {
			t = &turn{name: slugs[s.Tenant]}
			if t.name == "" {
				t.name = clean(s.Tenant)
			}
			b.known[key] = t
			b.turns[s.Wave] = append(b.turns[s.Wave], t)
		}
		t.steps = append(t.steps, s)
	}
}

func (b *graphBuilder) add(wave string, n graphNode) int {
	column, known := b.columns[wave]
	if !known {
		column = len(b.g.columns)
		b.columns[wave] = column
		title := "system"
		if wave != "" {
			title = "wave " + clean(wave)
		}
		b.g.columns = append(b.g.columns, graphColumn{title: title})
	}
	n.column = column
	id := len(b.g.nodes)
	b.g.nodes = append(b.g.nodes, n)
	b.g.columns[column].nodes = append(b.g.columns[column].nodes, id)
	return id
}

// lone is the node of a step that is no tenant's.
func (b *graphBuilder) lone(s *plan.Step) graphNode {
	n := graphNode{kind: s.Kind, gate: s.Kind == plan.StepGate, noReturn: s == b.noReturn}
	switch s.Kind {
	case plan.StepGate:
		n.lines = []string{"gate"}
		if w := b.waves[s.Wave]; w != nil && w.tenants > 1 {
			if parallel := min(b.parallel(s.Wave), w.tenants); parallel > 0 {
				n.lines = append(n.lines, fmt.Sprintf("%s, %d at a time", plural(w.tenants, "tenant"), parallel))
			}
		}
	case plan.StepSoak:
		n.lines = []string{"soak " + clean(round(s.Settle))}
	default:
		n.lines = []string{stepLine(s)}
		if s.Address != "system" {
			n.lines = []string{clean(s.Address), stepLine(s)}
		}
	}
	return n
}

// stepLine says in a few words what a step does.
func stepLine(s *plan.Step) string {
	switch s.Kind {
	case plan.StepInstall:
		return "install " + clean(s.To)
	case plan.StepUninstall:
		return "uninstall " + clean(s.From)
	case plan.StepUpgrade:
		if s.From == s.To {
			return "upgrade " + clean(s.To) + " in place"
		}
		return "upgrade " + clean(s.From) + " → " + clean(s.To)
	case plan.StepMigrate:
		return "migrate the database"
	case plan.StepVerify:
		if s.Settle != "" && s.Settle != "0s" {
			return "settle " + clean(round(s.Settle))
		}
	case plan.StepPins:
		return "set version pins"
	}
	return clean(string(s.Kind))
}

// fold makes nodes of a wave's tenants: those that do the same together, and
// the rarest together too when there are too many.
func (b *graphBuilder) fold(wave string, turns []*turn, most int) {
	var groups [][]*turn
	bySteps := map[string]int{}
	for _, t := range turns {
		key := strings.Join(t.lines(), "\n")
		i, known := bySteps[key]
		if !known {
			i = len(groups)
			bySteps[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	// One node a group, or one a tenant where that is as readable.
	var nodes [][]*turn
	for _, g := range groups {
		if len(g) > mostAlike {
			nodes = append(nodes, g)
			continue
		}
		for _, t := range g {
			nodes = append(nodes, []*turn{t})
		}
	}
	var rest []*turn
	if len(nodes) > most {
		nodes = groups
	}
	if len(nodes) > most {
		slices.SortStableFunc(nodes, func(x, y []*turn) int { return cmp.Compare(len(y), len(x)) })
		rest = slices.Concat(nodes[most-1:]...)
		nodes = nodes[:most-1]
	}
	for _, n := range nodes {
		b.addTurns(wave, n, n[0].lines())
	}
	if len(rest) > 0 {
		b.addTurns(wave, rest, []string{plural(len(groups)-len(nodes), "kind") + " of change"})
	}
}

func (b *graphBuilder) addTurns(wave string, turns []*turn, lines []string) {
	title := turns[0].name
	if len(turns) > 1 {
		title = plural(len(turns), "tenant")
	}
	n := graphNode{kind: turns[0].kind(), lines: append([]string{title}, lines...)}
	for _, t := range turns {
		n.noReturn = n.noReturn || slices.Contains(t.steps, b.noReturn)
		if len(turns) > 1 {
			n.tenants = append(n.tenants, t.name)
		}
	}
	id := b.add(wave, n)
	for _, t := range turns {
		for _, s := range t.steps {
			b.byStep[s.ID] = id
		}
	}
}

// lines say what a tenant's steps do, its name left out.
func (t *turn) lines() []string {
	var lines []string
	for _, s := range t.steps {
		text := stepLine(s)
		if s.Kind == plan.StepVerify && (s.Settle == "" || s.Settle == "0s") {
			continue
		}
		if companion, ok := strings.CutPrefix(s.Address, s.Tenant+"."); ok {
			text = clean(companion) + ": " + text
		}
		lines = append(lines, text)
	}
	return lines
}

// kind is that of the step by which a tenant's turn is known.
func (t *turn) kind() plan.StepKind {
	for _, s := range t.steps {
		if s.Address == s.Tenant && changes(s.Kind) {
			return s.Kind
		}
	}
	return t.steps[0].Kind
}

// connect turns the needs of steps into edges between nodes.
func (b *graphBuilder) connect() {
	seen := map[graphEdge]bool{}
	for _, s := range b.doc.Steps {
		for _, need := range s.Needs {
			from, known := b.byStep[need]
			e := graphEdge{from, b.byStep[s.ID]}
			if known && e.from != e.to && !seen[e] {
				seen[e] = true
				b.g.edges = append(b.g.edges, e)
			}
		}
	}
}

// label is a node's text, with what its colour says in words.
func (n *graphNode) label() []string {
	if n.noReturn {
		return append(slices.Clone(n.lines), "point of no return")
	}
	return n.lines
}
