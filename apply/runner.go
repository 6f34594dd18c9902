package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/soctalk/fleet/internal/dag"
	"github.com/soctalk/fleet/plan"
)

const (
	// progressInterval is how long a running step may go unheard of.
	progressInterval = 10 * time.Second
	// lookInterval is how often it is looked which step has been silent.
	lookInterval = time.Second
)

// Runner walks a plan.
type Runner struct {
	Plan     *plan.Document
	Releases Releases
	Clock    Clock
	// Events is called from one goroutine.
	Events func(Event)
	RunID  string
	// MaxParallel, when positive, lowers how many tenants move at a time.
	MaxParallel int
	// RefuseStale starts nothing when any release changed after planning;
	// otherwise such a release alone is left untouched.
	RefuseStale bool
	// Interrupt, once closed, lets running steps finish and starts no more.
	Interrupt <-chan struct{}
}

// Run carries out the plan. Cancelling ctx cancels the running steps. The error
// is about the plan; what went wrong with releases is in the result.
func (r *Runner) Run(ctx context.Context) (*Result, error) {
	if lines := plan.NotYet(r.Plan); len(lines) > 0 {
		return nil, fmt.Errorf("this version cannot carry out all of the plan, so it starts none of it: %s", strings.Join(lines, "; "))
	}
	if !r.Plan.Applyable {
		return nil, errors.New("the plan cannot be applied: it has errors, is incomplete or changes nothing")
	}
	w, err := newWalker(r)
	if err != nil {
		return nil, fmt.Errorf("plan %s is not sound: %w", r.Plan.PlanID, err)
	}
	if r.RefuseStale {
		if err := r.checkAll(ctx); err != nil {
			return nil, err
		}
	}
	return w.run(ctx), nil
}

func (r *Runner) checkAll(ctx context.Context) error {
	stale := &multierror.Error{ErrorFormat: func(errs []error) string {
		lines := []string{"nothing was started: " + count(len(errs), "release") + " changed after the plan was made"}
		for _, e := range errs {
			lines = append(lines, e.Error())
		}
		return strings.Join(lines, "\n")
	}}
	for _, rel := range r.Plan.Releases {
		if rel.Action == plan.Unchanged {
			continue
		}
		if err := r.checkBase(ctx, rel); err != nil {
			stale = multierror.Append(stale, err)
		}
	}
	return stale.ErrorOrNil()
}

func (r *Runner) checkBase(ctx context.Context, rel plan.Release) error {
	have, err := r.Releases.Base(ctx, rel)
	if err != nil {
		return fmt.Errorf("look at %s again before changing it: %w", rel.Address, err)
	}
	if have != rel.Base {
		return &StaleError{Address: rel.Address, Want: rel.Base.Revision, Have: have.Revision}
	}
	return nil
}

// walker is one run in progress; only the goroutine in run touches it.
type walker struct {
	*Runner
	walk  *dag.Walk
	steps map[string]plan.Step
	// releases are those of the plan; their Base moves on with every hop.
	releases map[string]plan.Release
	ready    []string // needs are met
	queued   []string // ready, but for a turn; in order
	running  map[string]*execution
	turns    turns
	touched  map[string][]plan.Release // in a tenant's turn, in the order they were touched
	begun    map[string]int            // steps by address that changed, or tried to change, a release
	results  chan outcome
	reports  chan report
	over     chan struct{} // closed when the run has ended
	result   *Result
	started  time.Time
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

type outcome struct {
	step plan.Step
	err  error
	// base is the revision that the step made.
	base plan.Base
	// undone and back are set when the step was a way back.
	undone *Failure
	back   []plan.Release
}

type report struct {
	id     string
	status bool
	text   string
}

func newWalker(r *Runner) (*walker, error) {
	w := &walker{
		Runner: r, steps: map[string]plan.Step{}, releases: map[string]plan.Release{},
		running: map[string]*execution{}, touched: map[string][]plan.Release{}, begun: map[string]int{},
		results: make(chan outcome), reports: make(chan report), over: make(chan struct{}),
		result: &Result{RunID: r.RunID}, started: r.Clock.Now(),
	}
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

func (w *walker) run(ctx context.Context) *Result {
	defer close(w.over)
	tick := w.Clock.After(lookInterval)
	interrupt, cancelled := w.Interrupt, ctx.Done()
	w.startReady(ctx)
	for len(w.running) > 0 {
		select {
		case o := <-w.results:
			w.end(ctx, o)
			w.startReady(ctx)
		case rep := <-w.reports:
			w.heard(rep)
		case <-tick:
			tick = w.Clock.After(lookInterval)
			w.tellSilent()
		case <-cancelled:
			cancelled = nil
			w.stop(context.Cause(ctx).Error())
		case <-interrupt:
			interrupt = nil
			w.interrupted = true
			w.stop("interrupted")
		}
	}
	w.close()
	return w.result
}

// startReady starts what may start: everything once its needs are met, but of
// tenants no more at a time than the plan allows, and nothing new once the run
// is stopping, except what a tenant in flight needs to finish its turn.
func (w *walker) startReady(ctx context.Context) {
	for len(w.ready) > 0 || w.turnFree(ctx) {
		var s plan.Step
		if len(w.ready) > 0 {
			s, w.ready = w.steps[w.ready[0]], w.ready[1:]
			if s.Tenant != "" && !w.turns.holds(s.Tenant) {
				w.queued = append(w.queued, s.ID)
				continue
			}
		} else {
			s, w.queued = w.steps[w.queued[0]], w.queued[1:]
			w.turns.take(s)
		}
		switch {
		case ctx.Err() != nil || w.interrupted || w.result.Stopped != "" && s.Tenant == "":
			if s.Tenant != "" {
				w.turns.release(s)
			}
		case s.Kind == plan.StepGate: // nothing to do, so it ends at once
			w.follow(s.ID, true)
		default:
			w.start(ctx, s)
		}
	}
}

// turnFree says whether the first tenant in the queue may have its turn.
func (w *walker) turnFree(ctx context.Context) bool {
	return len(w.queued) > 0 && ctx.Err() == nil && w.result.Stopped == "" && w.turns.free(w.steps[w.queued[0]])
}

func (w *walker) start(ctx context.Context, s plan.Step) {
	e := &execution{step: s, began: w.Clock.Now()}
	w.running[s.ID] = e
	w.emit(Event{Type: StepStart, Step: s})
	rel := w.releases[s.Address]
	if writes(s) {
		if s.Hop < len(rel.Path) {
			rel.Reversibility = rel.Path[s.Hop].Reversibility // that of the way back from here
		}
		w.touched[s.Tenant] = append(w.touched[s.Tenant], rel)
		w.begun[s.Address]++
	}
	go func() {
		base, err := w.execute(ctx, rel, s)
		w.results <- outcome{step: s, err: err, base: base}
	}()
}

func writes(s plan.Step) bool {
	return s.Kind == plan.StepUpgrade || s.Kind == plan.StepInstall || s.Kind == plan.StepPins
}

// execute does a step and returns the revision that it made, if any.
func (w *walker) execute(ctx context.Context, rel plan.Release, s plan.Step) (plan.Base, error) {
	rep := w.report(s.ID)
	switch s.Kind {
	case plan.StepVerify, plan.StepSoak:
		return plan.Base{}, w.pause(ctx, s)
	}
	// It is looked at again and changed only if it is still what the plan was
	// made against, or what this run has made of it.
	if err := w.checkBase(ctx, rel); err != nil {
		return plan.Base{}, err
	}
	switch s.Kind {
	case plan.StepCRDs:
		return plan.Base{}, w.Releases.UpdateCRDs(ctx, rel, s, rep)
	case plan.StepMigrate:
		return plan.Base{}, w.Releases.Migrate(ctx, rel, s, rep)
	case plan.StepUpgrade, plan.StepInstall, plan.StepPins:
		return w.Releases.Upgrade(ctx, rel, s, rep)
	}
	return plan.Base{}, fmt.Errorf("step %s: this version cannot carry out a %s", s.ID, s.Kind)
}

func (w *walker) report(id string) Report {
	send := func(rep report) {
		select {
		case w.reports <- rep:
		case <-w.over: // a late word from a step that has ended
		}
	}
	return Report{
		Status: func(text string) { send(report{id, true, text}) },
		Log:    func(text string) { send(report{id, false, text}) },
	}
}

func (w *walker) pause(ctx context.Context, s plan.Step) error {
	d, err := time.ParseDuration(s.Settle)
	if err != nil {
		return fmt.Errorf("step %s: settle: %w", s.ID, err)
	}
	select {
	case <-w.Clock.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *walker) heard(rep report) {
	e := w.running[rep.id]
	if e == nil {
		return
	}
	if !rep.status {
		w.emit(Event{Type: StepLog, Step: e.step, Message: rep.text})
		return
	}
	e.status = rep.text
}

// end takes in how a step ended: what it frees, what it costs.
func (w *walker) end(ctx context.Context, o outcome) {
	switch {
	case o.undone != nil:
		w.endRollback(o)
	case o.err != nil:
		w.emit(Event{Type: StepFailed, Step: o.step, Err: o.err})
		delete(w.running, o.step.ID)
		w.failed(ctx, o.step, o.err)
	default:
		w.emit(Event{Type: StepDone, Step: o.step})
		delete(w.running, o.step.ID)
		w.done(o)
		w.follow(o.step.ID, true)
	}
}

func (w *walker) done(o outcome) {
	s := o.step
	rel := w.releases[s.Address]
	if writes(s) {
		rel.Base = o.base
		w.releases[s.Address] = rel
		if s.Tenant == "" {
			delete(w.touched, "") // what follows is another hop
		}
	}
	switch {
	case s.Kind == plan.StepInstall:
		w.result.Installed++
	case (s.Kind == plan.StepUpgrade || s.Kind == plan.StepPins) && arrives(rel, s):
		w.result.Upgraded++
	case s.Kind == plan.StepVerify:
		delete(w.touched, s.Tenant) // what follows is another turn
		w.turns.release(s)
	}
}

// arrives says whether a step is the last hop of its release.
func arrives(rel plan.Release, s plan.Step) bool { return s.Hop+1 >= len(rel.Path) }

// tellSilent gives a sign of life of every step that has been silent for long.
func (w *walker) tellSilent() {
	for _, id := range sortedKeys(w.running) {
		if e := w.running[id]; w.Clock.Now().Sub(e.heard) >= progressInterval {
			w.emit(Event{Type: StepProgress, Step: e.step, Message: e.status})
		}
	}
}

func (w *walker) follow(id string, ok bool) {
	ready, skipped := w.walk.End(id, ok)
	w.ready = append(w.ready, ready...)
	for _, s := range skipped {
		w.emit(Event{Type: StepSkipped, Step: w.steps[s], Message: "a step that it needs did not succeed"})
	}
}

func (w *walker) stop(why string) {
	if w.result.Stopped == "" {
		w.result.Stopped = why
		w.emit(Event{Type: Stopping, Message: why})
	}
}

func (w *walker) emit(e Event) {
	e.Time = w.Clock.Now()
	if x := w.running[e.Step.ID]; x != nil {
		e.Elapsed, x.heard = e.Time.Sub(x.began), e.Time
	}
	w.Events(e)
}

// close lists what was never started or not finished, save what has failed.
func (w *walker) close() {
	told := map[string]bool{}
	for _, f := range w.result.Failed {
		told[f.Step.Address] = true
	}
	for _, f := range w.result.Quarantined {
		told[f.Step.Address] = true
	}
	for _, rel := range w.Plan.Releases {
		begun := w.begun[rel.Address]
		switch {
		case rel.Action == plan.Unchanged || told[rel.Address]:
		case begun == 0:
			w.result.NotStarted = append(w.result.NotStarted, rel.Address)
		case begun < len(rel.Path) && !slices.Contains(w.result.RolledBack, rel.Address):
			w.result.Underway = append(w.result.Underway, Underway{Address: rel.Address, At: rel.Path[begun-1].To})
		}
	}
	w.result.Elapsed = w.Clock.Now().Sub(w.started)
}
