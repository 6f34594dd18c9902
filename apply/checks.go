package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/plan"
	"golang.org/x/sync/errgroup"
)

// Checks asks whether what was changed is well.
type Checks interface {
	// Probe asks one check once. It gives up when ctx ends, or when the time that
	// the question gives it is over, and returns once it has put away what it had
	// made: of a Job whose pods do not go, that takes up to a minute more. It may
	// be called from several goroutines.
	Probe(ctx context.Context, q Question) Answer
}

// Question is a check, asked of a tenant, of the system or of a wave.
type Question struct {
	Check   string
	Address string
	// Since is how long ago the tenant or the system was changed by this run.
	Since time.Duration
	// Within is after how long the answer is not waited for any more.
	Within time.Duration
}

// Answer is what a probe found. It holds no secret.
type Answer struct {
	OK bool
	// Found says in one line what was found, or why nothing could be.
	Found string
	// Seen explains it: the last lines of a log, for example.
	Seen []string
}

const (
	// width is how many questions a soak has open at a time.
	width = 20
	// patience is how long one answer may take in a soak, where the check's own
	// timeout is not shorter.
	patience = time.Minute
)

// pace is how a check is asked.
type pace struct {
	on                string
	interval, timeout time.Duration
	retries           int
}

// newPaces reads how the plan's checks are asked.
func newPaces(doc *plan.Document) (map[string]pace, error) {
	paces := map[string]pace{}
	for name, c := range doc.Rollout.Checks {
		p := pace{on: c.On, retries: c.Retries}
		var err error
		if p.interval, err = time.ParseDuration(c.Interval); err != nil {
			return nil, fmt.Errorf("check %s: interval: %w", name, err)
		}
		if p.timeout, err = time.ParseDuration(c.Timeout); err != nil {
			return nil, fmt.Errorf("check %s: timeout: %w", name, err)
		}
		if p.interval <= 0 {
			return nil, fmt.Errorf("check %s: its interval is %s", name, p.interval)
		}
		paces[name] = p
	}
	for _, s := range doc.Steps {
		for _, name := range s.Checks {
			if _, known := paces[name]; !known {
				return nil, fmt.Errorf("step %s has check %s, of which the plan does not say how it is asked", s.ID, name)
			}
		}
	}
	return paces, nil
}

// asking is a check of a step, and whom it is about.
type asking struct {
	pace
	check, address string
	changed        time.Time
}

// askings are the questions that a step consists of. A soak asks about the
// tenants that came through.
func (w *walker) askings(s plan.Step) []asking {
	var all []asking
	for _, name := range s.Checks {
		p := w.paces[name]
		if s.Kind == plan.StepSoak && p.on == "tenant" {
			for _, tenant := range w.through(s) {
				all = append(all, asking{p, name, tenant, w.changed[tenant]})
			}
			continue
		}
		all = append(all, asking{p, name, s.Address, w.changed[s.Tenant]})
	}
	return all
}

// through are the tenants that a step awaited and that did not fail.
func (w *walker) through(s plan.Step) []string {
	lost := map[string]bool{}
	for _, f := range w.result.Failed {
		lost[f.Step.Tenant] = true
	}
	for _, f := range w.result.Quarantined {
		lost[f.Step.Tenant] = true
	}
	var all []string
	for _, need := range s.Needs {
		if tenant := w.steps[need].Tenant; tenant != "" && !lost[tenant] {
			all = append(all, tenant)
		}
	}
	return all
}

// prove carries out a step that changes nothing. One that has checks stands in
// the journal from its beginning; taken up again, it begins anew: nobody looked
// in between.
func (w *walker) prove(ctx context.Context, s plan.Step, all []asking, rep Report) outcome {
	o := outcome{step: s}
	if len(all) > 0 && !w.past.open[s.ID] {
		if o.unkept = w.write(ctx, Entry{Kind: Begun, Step: s.ID}); o.unkept != nil {
			o.returned = true
			return o
		}
	}
	settle, err := time.ParseDuration(cmp.Or(s.Settle, "0s"))
	if err != nil {
		err = fmt.Errorf("step %s: settle: %w", s.ID, err)
	} else if s.Kind == plan.StepSoak {
		err = w.soak(ctx, settle, all, rep)
	} else if err = w.pass(ctx, all, rep); err == nil {
		err = w.sleep(ctx, settle)
	}
	o.err = err
	if err == nil || len(all) > 0 {
		o.unkept = w.write(ctx, entryOf(ctx, o))
	}
	return o
}

// pass waits until all checks have passed; the first that does not in its time
// ends the wait. Those that had not passed by then are named beside it: which of
// two came first may be chance.
func (w *walker) pass(ctx context.Context, all []asking, rep Report) error {
	last, errs := make([]Answer, len(all)), make([]error, len(all))
	group, asked := errgroup.WithContext(ctx)
	for i, a := range all {
		group.Go(func() error {
			last[i], errs[i] = w.passOne(asked, a, rep)
			return errs[i]
		})
	}
	err := group.Wait()
	late := slices.IndexFunc(errs, func(e error) bool { return e != nil && !errors.Is(e, asked.Err()) })
	if late < 0 {
		return err
	}
	seen := last[late].Seen
	for i, a := range all {
		if i != late && errs[i] != nil && last[i].Found != "" {
			seen = append(seen, fmt.Sprintf("check %s had not passed either: %s", a.check, last[i].Found))
		}
	}
	return failedCheck(errs[late].Error(), seen)
}

// passOne asks one check until it passes or its time is over, and returns the
// last answer that tells something.
func (w *walker) passOne(ctx context.Context, a asking, rep Report) (last Answer, err error) {
	for left := a.timeout; ; left -= a.interval {
		began := w.Clock.Now()
		answer := w.ask(ctx, a, left)
		if err := ctx.Err(); err != nil {
			return last, err
		}
		if answer.OK {
			rep.Log(fmt.Sprintf("check %s passed: %s", a.check, answer.Found))
			return answer, nil
		}
		rep.Status(fmt.Sprintf("check %s: %s", a.check, answer.Found))
		left -= w.Clock.Now().Sub(began)
		// One that ran out of time says less than the one before it.
		if left > 0 || last.Found == "" {
			last = answer
		}
		if left <= a.interval {
			return last, fmt.Errorf("check %s did not pass within %s: %s", a.check, a.timeout, last.Found)
		}
		if err := w.sleep(ctx, a.interval); err != nil {
			return last, err
		}
	}
}

// soak first waits until the checks of the wave itself have passed, and then
// holds it to all of them.
func (w *walker) soak(ctx context.Context, d time.Duration, all []asking, rep Report) error {
	var own []asking
	for _, a := range all {
		if a.on == "wave" {
			own = append(own, a)
		}
	}
	if err := w.pass(ctx, own, rep); err != nil {
		return err
	}
	open := make(chan struct{}, width)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.sleep(ctx, d) })
	for _, a := range all {
		group.Go(func() error { return w.holdOne(ctx, a, d, open, rep) })
	}
	return group.Wait()
}

// holdOne asks one check until the soak is over, at its end too. A soak does not
// end while failing answers are only tolerated.
func (w *walker) holdOne(ctx context.Context, a asking, left time.Duration, open chan struct{}, rep Report) error {
	for failing := 0; left > 0 || failing > 0; {
		began, wait := w.Clock.Now(), a.interval
		if left > 0 {
			wait = min(wait, left)
		}
		if err := w.sleep(ctx, wait); err != nil {
			return err
		}
		open <- struct{}{}
		answer := w.ask(ctx, a, min(a.timeout, patience))
		<-open
		if err := ctx.Err(); err != nil {
			return err
		}
		left -= max(wait, w.Clock.Now().Sub(began))
		rep.Status(fmt.Sprintf("check %s of %s: %s", a.check, a.address, answer.Found))
		if answer.OK {
			failing = 0
			continue
		}
		if failing++; failing > a.retries {
			what := fmt.Sprintf("check %s of %s did not hold", a.check, a.address)
			if failing > 1 {
				what += fmt.Sprintf(", %d times in a row", failing)
			}
			return failedCheck(what+": "+answer.Found, answer.Seen)
		}
	}
	return nil
}

func (w *walker) ask(ctx context.Context, a asking, within time.Duration) Answer {
	return w.Checks.Probe(ctx, Question{Check: a.check, Address: a.address, Since: w.Clock.Now().Sub(a.changed), Within: within})
}

func failedCheck(what string, seen []string) error {
	err := errors.New(what)
	if len(seen) == 0 {
		return err
	}
	return &CauseError{Err: err, Seen: seen}
}

func (w *walker) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-w.Clock.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
