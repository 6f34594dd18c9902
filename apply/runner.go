package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/soctalk/fleet/plan"
)

// Runner walks a plan.
type Runner struct {
	Plan      *plan.Document
	Releases  Releases
	Snapshots Snapshots
	// Checks may be nil where the plan has none.
	Checks  Checks
	Journal Journal
	Clock   Clock
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
	if !r.Plan.Applyable {
		return nil, errors.New("the plan cannot be applied: it has errors, is incomplete or changes nothing")
	}
	if err := checkApprovals(r.Plan, r.Approve); err != nil {
		return nil, err
	}
	if len(r.Plan.Rollout.Checks) > 0 && r.Checks == nil {
		return nil, errors.New("the plan has checks, and nothing can ask them")
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
