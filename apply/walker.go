package apply

import (
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/internal/dag"
	"github.com/soctalk/fleet/plan"
)

// walker is one run in progress; only the goroutine in run touches it.
type walker struct {
	*Runner
	walk  *dag.Walk
	steps map[string]plan.Step
	// releases are those of the plan; their Base moves on with every hop.
	releases map[string]plan.Release
	ready    []string             // needs are met
	queued   []string             // ready, but for a turn; in order
	shut     []string             // in their turn, and their window is closed
	wake     time.Time            // when the next window opens that is waited for
	told     map[string]time.Time // by window, what was last said of its opening
	awaited  map[string]Event     // by window, that it is waited for
	waitTold time.Time            // when that was last said
	windows  *windows
	paces    map[string]pace      // of the checks, by name
	changed  map[string]time.Time // by tenant, when it was last changed; "" is the system
	approve  []string             // what is left of the words about gates
	running  map[string]*execution
	turns    turns
	touched  map[string][]plan.Release // in a tenant's turn, in the order they were touched
	begun    map[string]int            // steps by address that changed, or tried to change, a release
	results  chan outcome
	reports  chan report
	over     chan struct{} // closed when the run has ended
	result   *Result
	started  time.Time
	past     *past
	recalled map[string]bool // steps that had ended before, and whether well
	back     map[string]bool // those of them whose way back is not finished
	points   points
	failures int
	// interrupted starts nothing more, not even to finish a turn.
	interrupted bool
}

type execution struct {
	step   plan.Step
	began  time.Time
	heard  time.Time // when something was last said about it
	status string
}

func newWalker(r *Runner) (*walker, error) {
	w := &walker{
		Runner: r, steps: map[string]plan.Step{}, releases: map[string]plan.Release{},
		running: map[string]*execution{}, touched: map[string][]plan.Release{}, begun: map[string]int{},
		results: make(chan outcome), reports: make(chan report), over: make(chan struct{}),
		result: &Result{RunID: r.RunID}, started: r.Clock.Now(), past: recall(r.Plan, r.Past), recalled: map[string]bool{}, back: map[string]bool{},
	}
	if r.Plan.Reverses != nil {
		w.result.Reverses = r.Plan.Reverses.Run
	}
	w.told, w.awaited, w.approve = map[string]time.Time{}, map[string]Event{}, slices.Clone(r.Approve)
	w.points = newPoints(r.Plan, w.past.reached)
	w.turns = newTurns(r.Plan.Rollout, r.MaxParallel)
	for _, rel := range r.Plan.Releases {
		w.releases[rel.Address] = rel
	}
	nodes := make([]dag.Node, len(r.Plan.Steps))
	for _, s := range r.Plan.Steps {
		w.steps[s.ID] = s
	}
	for i, s := range r.Plan.Steps {
		nodes[i] = w.node(s)
		if _, known := w.releases[s.Address]; !known && s.Kind != plan.StepGate && s.Kind != plan.StepSoak {
			return nil, fmt.Errorf("step %s is about %s, which is not among its releases", s.ID, s.Address)
		}
	}
	var err error
	if w.windows, err = newWindows(r.Plan); err != nil {
		return nil, err
	}
	if w.paces, err = newPaces(r.Plan); err != nil {
		return nil, err
	}
	w.changed = w.past.changed
	if w.walk, err = dag.New(nodes); err != nil {
		return nil, err
	}
	w.ready = w.walk.Ready()
	return w, nil
}

// node says what a step waits for. Gates and soaks wait for tenants to end their
// turns, well or not: how many may fail is the budget's business.
func (w *walker) node(s plan.Step) dag.Node {
	n := dag.Node{ID: s.ID}
	for _, need := range s.Needs {
		if (s.Kind == plan.StepGate || s.Kind == plan.StepSoak) && w.steps[need].Tenant != "" {
			n.Awaits = append(n.Awaits, need)
		} else {
			n.Needs = append(n.Needs, need)
		}
	}
	return n
}
