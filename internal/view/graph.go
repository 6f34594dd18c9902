package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// graph is a plan's DAG in the form that people look at: a tenant's steps are
// one node, and so are many tenants whose steps are the same.
type graph struct {
	summary string
	phases  []graphPhase
	columns []graphColumn // the stages, in their order
	nodes   []graphNode
	edges   []graphEdge
	byStep  map[string]int // node by step id
}

// graphPhase is drawn around its columns where a plan has several phases.
type graphPhase struct {
	title   string
	columns []int
}

// graphColumn is drawn as a cluster.
type graphColumn struct {
	title string
	row   int   // index of its phase
	nodes []int // top to bottom
}

type graphNode struct {
	column int
	kind   plan.StepKind // what colours the node; of a tenant its main step's
	gate   bool
	// approve marks a gate that somebody has to open.
	approve bool
	// snapshot marks a node that does nothing but take one.
	snapshot bool
	lines    []string
	// tenants are who a folded node stands for.
	tenants []string
	// noReturn marks the point of no return.
	noReturn bool
	// outcome is what became of it in a run; empty in a plan.
	outcome string
	result  result
}

type graphEdge struct{ from, to int }

// severalPhases says whether phases are drawn at all.
func (g *graph) severalPhases() bool { return len(g.phases) > 1 }

type graphBuilder struct {
	*planIndex
	g graph
	// danger is the step of the point of no return; nil for none.
	danger *plan.Step
}

func newGraph(doc *plan.Document) *graph {
	return index(doc).graph()
}

func (x *planIndex) graph() *graph {
	b := &graphBuilder{planIndex: x, g: graph{summary: PlanSummary(x.doc), byStep: make(map[string]int, len(x.doc.Steps))}}
	b.danger = b.noReturnStep()
	waves := 0
	for _, st := range b.stages {
		if len(st.turns) > 0 {
			waves++
		}
	}
	most := max(1, min(mostTurns, mostTurnsPlan/max(1, waves)))
	rows := map[int]int{}
	for _, st := range b.stages {
		row, known := rows[st.phase]
		if !known {
			row = len(b.g.phases)
			rows[st.phase] = row
			b.g.phases = append(b.g.phases, graphPhase{title: fmt.Sprintf("phase %d", st.phase)})
		}
		b.stage(st, row, most)
	}
	b.connect()
	return &b.g
}

// stage adds a column: what opens it, the tenants' turns, and what closes it.
func (b *graphBuilder) stage(st *stage, row, most int) {
	title := "system"
	switch {
	case st.wave != "":
		title = "wave " + clean(st.wave)
	case !st.system():
		title = "tenants in no wave"
	}
	phase := &b.g.phases[row]
	phase.columns = append(phase.columns, len(b.g.columns))
	b.g.columns = append(b.g.columns, graphColumn{title: title, row: row})
	for _, s := range st.own {
		if s.Kind == plan.StepGate || st.system() {
			b.g.byStep[s.ID] = b.add(b.lone(st, s))
		}
	}
	if len(st.turns) > 0 {
		b.fold(st.turns, most)
	}
	for _, s := range st.own {
		if s.Kind != plan.StepGate && !st.system() {
			b.g.byStep[s.ID] = b.add(b.lone(st, s))
		}
	}
}

// add puts a node at the end of the last column.
func (b *graphBuilder) add(n graphNode) int {
	id, column := len(b.g.nodes), len(b.g.columns)-1
	n.column = column
	b.g.nodes = append(b.g.nodes, n)
	b.g.columns[column].nodes = append(b.g.columns[column].nodes, id)
	return id
}

// lone is the node of a step that is no tenant's.
func (b *graphBuilder) lone(st *stage, s *plan.Step) graphNode {
	n := graphNode{kind: s.Kind, gate: s.Kind == plan.StepGate, approve: s.Approve, snapshot: s.Kind == plan.StepSnapshot, noReturn: s == b.danger}
	switch s.Kind {
	case plan.StepGate:
		n.lines = []string{"gate"}
		if s.Approve {
			n.lines = append(n.lines, awaitsApproval)
		}
		if len(st.turns) > 1 {
			if parallel := min(b.parallel(st.wave), len(st.turns)); parallel > 0 {
				n.lines = append(n.lines, fmt.Sprintf("%s, %d at a time", plural(len(st.turns), "tenant"), parallel))
			}
		}
	case plan.StepSoak:
		n.lines = []string{"verify " + cleanList(s.Checks)}
		if lasts(s.Settle) {
			n.lines = []string{"soak " + clean(round(s.Settle))}
		}
	default:
		n.lines = []string{stepLine(s)}
		if s.Address != "system" {
			n.lines = []string{clean(s.Address), stepLine(s)}
		}
	}
	if s.Window != "" {
		n.lines = append(n.lines, "in window "+clean(s.Window))
	}
	return n
}

// awaitsApproval is what a gate does that somebody has to open.
const awaitsApproval = "waits for approval"

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
	case plan.StepRollback:
		return "roll back " + fromTo(s)
	case plan.StepRestore:
		return "restore snapshot " + snapshotText(s)
	case plan.StepScaleUp:
		return "scale up again"
	case plan.StepMigrate:
		return "migrate the database"
	case plan.StepSnapshot:
		if s.Snapshot != "" {
			return "snapshot " + snapshotText(s)
		}
	case plan.StepCRDs:
		return "update " + plural(len(s.CRDs), "CRD")
	case plan.StepVerify:
		var parts []string
		if len(s.Checks) > 0 {
			parts = append(parts, "verify "+cleanList(s.Checks))
		}
		if lasts(s.Settle) {
			parts = append(parts, "settle "+clean(round(s.Settle)))
		}
		if parts != nil {
			return strings.Join(parts, ", ")
		}
	case plan.StepPins:
		return "set version pins"
	}
	return clean(string(s.Kind))
}

// connect turns the needs of steps into edges between nodes.
func (b *graphBuilder) connect() {
	seen := map[graphEdge]bool{}
	for _, s := range b.doc.Steps {
		for _, need := range s.Needs {
			from, known := b.g.byStep[need]
			e := graphEdge{from, b.g.byStep[s.ID]}
			if known && e.from != e.to && !seen[e] {
				seen[e] = true
				b.g.edges = append(b.g.edges, e)
			}
		}
	}
}

// label is a node's text, with what its colour says in words.
func (n *graphNode) label() []string {
	lines := slices.Clone(n.lines)
	if n.noReturn {
		lines = append(lines, "point of no return")
	}
	if n.outcome != "" {
		lines = append(lines, n.outcome)
	}
	return lines
}
