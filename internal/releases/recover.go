package releases

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// made says whether a revision was made by a step of this run.
func (s *Set) made(body *helm.Release, step string) bool {
	return body.Labels[helm.LabelRun] == s.runID && body.Labels[helm.LabelStep] == helm.LabelValue(step)
}

// goingBack says whether a revision was made by this run on a way back.
func (s *Set) goingBack(body *helm.Release) bool {
	return body.Labels[helm.LabelRun] == s.runID && s.waysBack[body.Labels[helm.LabelStep]]
}

// Recover looks at what an earlier attempt at a step has left. What it left
// pending is done again rather than put back: an upgrade bears being repeated,
// and the system's cannot go back once its schema has moved.
func (s *Set) Recover(ctx context.Context, r plan.Release, step plan.Step, report apply.Report) (apply.Recovered, error) {
	rel := s.declared(r)
	body, err := s.body(ctx, rel)
	if err != nil {
		return apply.Recovered{}, err
	}
	if step.Kind == plan.StepUninstall {
		return s.recoverUninstall(r, body, report)
	}
	var live plan.Base
	if body != nil {
		live = s.baseOf(body)
	}
	switch {
	case live == r.Base:
		return apply.Recovered{Base: live}, nil
	case body != nil && s.goingBack(body):
		// What failed on its way back is done again from where it got stuck.
		if body.Pending() {
			live, err = s.release(ctx, rel, body, report)
		}
	case step.Kind == plan.StepRollback && body != nil && body.Revision == r.Base.Revision && body.Status == "failed":
		return apply.Recovered{Base: live}, nil // it was pending, and this step let go of it
	case body == nil || !s.made(body, step.ID):
		return apply.Recovered{}, &apply.StaleError{Address: r.Address, Want: r.Base.Revision, Have: revisionOf(body)}
	case body.Status == "deployed":
		report.Log(fmt.Sprintf("revision %d was finished by this run before it was ended", body.Revision))
		return apply.Recovered{Done: true, Base: live}, nil
	case body.Pending():
		live, err = s.release(ctx, rel, body, report)
	}
	return apply.Recovered{Base: live}, err
}

// release lets go of a revision that this run left pending.
func (s *Set) release(ctx context.Context, rel *schema.Release, body *helm.Release, report apply.Report) (plan.Base, error) {
	why := fmt.Sprintf("run %s was ended while this was under way", s.runID)
	failed, err := s.helm(rel).Fail(ctx, body, why)
	if err != nil {
		return plan.Base{}, err
	}
	report.Log(fmt.Sprintf("revision %d was left %s when this run was ended: marked as failed, and done again", body.Revision, body.Status))
	return s.baseOf(failed), nil
}
