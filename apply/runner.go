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
	Journal  Journal
	Clock    Clock
	// Events is called from one goroutine.
	Events func(Event)
	RunID  string
	// By says who runs it.
	By string
	// Past is the run's journal so far, when it is taken up again.
	Past []Entry
	// Approve names waves whose next gate is open, once for each time it is named.
	Approve []string
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
	if err := checkApprovals(r.Plan, r.Approve); err != nil {
		return nil, err
	}
	w, err := newWalker(r)
	if err != nil {
		return nil, fmt.Errorf("plan %s is not sound: %w", r.Plan.PlanID, err)
	}
	if r.RefuseStale {
		if err := r.checkAll(ctx, w.past.touches(r.Plan)); err != nil {
			return nil, err
		}
	}
	return w.run(ctx)
}

func (r *Runner) checkAll(ctx context.Context, touched map[string]bool) error {
	stale := &multierror.Error{ErrorFormat: func(errs []error) string {
		lines := []string{"nothing was started: " + count(len(errs), "release") + " changed after the plan was made"}
		for _, e := range errs {
			lines = append(lines, e.Error())
		}
		return strings.Join(lines, "\n")
	}}
	for _, rel := range r.Plan.Releases {
		if rel.Action == plan.Unchanged || touched[rel.Address] {
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
	ready    []string             // needs are met
	queued   []string             // ready, but for a turn; in order
	shut     []string             // in their turn, and their window is closed
	wake     time.Time            // when the next window opens that is waited for
	told     map[string]time.Time // by window, what was last said of its opening
	windows  *windows
	approve  []string // what is left of the words about gates
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
	// unkept is set when the journal did not take an entry; returned, when that
	// was the intent, so that nothing was done.
	unkept   error
	returned bool
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
		result: &Result{RunID: r.RunID}, started: r.Clock.Now(), past: recall(r.Plan, r.Past), recalled: map[string]bool{}, back: map[string]bool{},
	}
	w.told, w.approve = map[string]time.Time{}, slices.Clone(r.Approve)
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

func (w *walker) run(ctx context.Context) (*Result, error) {
	defer close(w.over)
	first := Entry{Kind: Started, By: w.By}
	if len(w.Past) > 0 {
		first.Kind = Resumed
	}
	if err := w.write(ctx, first); err != nil {
		return nil, fmt.Errorf("nothing was started: %w", err)
	}
	w.replay(ctx)
	tick := w.Clock.After(lookInterval)
	interrupt, cancelled := w.Interrupt, ctx.Done()
	w.startReady(ctx)
	for len(w.running) > 0 || w.waits() {
		select {
		case o := <-w.results:
			w.end(ctx, o)
			w.startReady(ctx)
		case rep := <-w.reports:
			w.heard(rep)
		case <-tick:
			tick = w.Clock.After(lookInterval)
			w.tellSilent()
			if w.waits() && !w.Clock.Now().Before(w.wake) {
				w.startReady(ctx)
			}
		case <-cancelled:
			cancelled = nil
			w.result.Resumable = true
			w.stop(context.Cause(ctx).Error())
		case <-interrupt:
			interrupt = nil
			w.shut = nil
			w.interrupted, w.result.Resumable = true, true
			w.stop("interrupted")
		}
	}
	w.close()
	w.last(ctx)
	return w.result, nil
}

// last says in the journal whether the run may go on by itself.
func (w *walker) last(ctx context.Context) {
	e := Entry{Kind: Ended, Message: w.result.Stopped}
	if w.result.Resumable {
		e.Kind = Waiting
	}
	if err := w.write(ctx, e); err != nil {
		w.stop(err.Error())
	}
}

func (w *walker) start(ctx context.Context, s plan.Step) {
	e := &execution{step: s, began: w.Clock.Now()}
	w.running[s.ID] = e
	w.emit(Event{Type: StepStart, Step: s})
	rel := w.releases[s.Address]
	if writes(s) {
		w.touch(s)
	}
	go func() { w.results <- w.carryOut(ctx, rel, s) }()
}

// touch notes the release that a step is about to change, as it can be put
// back.
func (w *walker) touch(s plan.Step) {
	rel := w.releases[s.Address]
	if base, known := w.past.from[s.ID]; known {
		rel.Base = base
	}
	if s.Hop < len(rel.Path) {
		rel.Reversibility = rel.Path[s.Hop].Reversibility // that of the way back from here
	}
	w.touched[s.Tenant] = append(w.touched[s.Tenant], rel)
	w.begun[s.Address]++
}

func writes(s plan.Step) bool {
	return s.Kind == plan.StepUpgrade || s.Kind == plan.StepInstall || s.Kind == plan.StepPins
}

// carryOut does a step between its intent and its result.
func (w *walker) carryOut(ctx context.Context, rel plan.Release, s plan.Step) outcome {
	o := outcome{step: s}
	rep := w.report(s.ID)
	if s.Kind == plan.StepVerify || s.Kind == plan.StepSoak {
		if o.err = w.pause(ctx, s); o.err == nil {
			o.unkept = w.write(ctx, Entry{Kind: Done, Step: s.ID})
		}
		return o
	}
	var done bool
	if done, rel.Base, o.err = w.look(ctx, rel, s, rep); o.err == nil && !done {
		if o.unkept = w.intend(ctx, s, rel.Base); o.unkept != nil {
			o.returned = true
			return o
		}
		o.base, o.err = w.execute(ctx, rel, s, rep)
	} else {
		o.base = rel.Base
	}
	o.unkept = w.write(ctx, entryOf(ctx, o))
	return o
}

// intend keeps the intent of a step, unless an earlier attempt has left it.
func (w *walker) intend(ctx context.Context, s plan.Step, from plan.Base) error {
	if w.past.open[s.ID] {
		return nil
	}
	return w.write(ctx, Entry{Kind: Begun, Step: s.ID, Base: &from})
}

// look makes sure that a release is what the plan was made against or what this
// run has made of it, and cleans up after an earlier attempt at the step.
func (w *walker) look(ctx context.Context, rel plan.Release, s plan.Step, rep Report) (done bool, base plan.Base, err error) {
	if writes(s) && w.past.tried[s.ID] {
		r, err := w.Releases.Recover(ctx, rel, s, rep)
		return r.Done, r.Base, err
	}
	return false, rel.Base, w.checkBase(ctx, rel)
}

// entryOf tells how a step ended.
func entryOf(ctx context.Context, o outcome) Entry {
	e := Entry{Kind: Done, Step: o.step.ID}
	var stale *StaleError
	switch {
	case o.err == nil && writes(o.step):
		e.Base = &o.base
	case o.err == nil:
	case cancelled(ctx, o.err):
		e.Kind = Cancelled
	case errors.As(o.err, &stale):
		e.Kind, e.Message = Quarantined, o.err.Error()
	default:
		e.Kind, e.Message = Failed, o.err.Error()
	}
	return e
}

func cancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, ErrCancelled) || errors.Is(err, context.Canceled))
}

// execute does a step and returns the revision that it made, if any.
func (w *walker) execute(ctx context.Context, rel plan.Release, s plan.Step, rep Report) (plan.Base, error) {
	switch s.Kind {
	case plan.StepCRDs:
		return plan.Base{}, w.Releases.UpdateCRDs(ctx, rel, s, rep)
	case plan.StepMigrate:
		return plan.Base{}, w.Releases.Migrate(ctx, rel, s, w.past.open[s.ID], rep)
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
	if o.unkept != nil {
		w.result.Resumable = true
		w.stop(o.unkept.Error())
	}
	switch {
	case o.returned:
		delete(w.running, o.step.ID)
		w.untouch(o.step)
		w.turns.release(o.step)
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
	w.admit(ready)
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
