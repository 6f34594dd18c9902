package releases

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/lines"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

var _ apply.Releases = (*Set)(nil)

// maxHistory is how many revisions Helm keeps of a release beside those that
// ways back need, as its command line does.
const maxHistory = 10

// ForRun marks what is changed from here on as done by a run of a plan. What
// the plan was made against stays in the history.
func (s *Set) ForRun(id string, doc *plan.Document) {
	s.runID, s.planned, s.waysBack = id, map[string]int{}, map[string]bool{}
	for _, r := range doc.Releases {
		s.planned[r.Address] = r.Base.Revision
	}
	for _, step := range doc.Steps {
		s.waysBack[helm.LabelValue(apply.RollbackID(step.ID))] = true
	}
}

// KeepHistoryOf has Helm trim histories, but for the revisions that these runs can
// be rolled back to. Until it is called, all revisions stay.
func (s *Set) KeepHistoryOf(runs map[string]bool) { s.keptRuns = runs }

// Base reads the live revision anew.
func (s *Set) Base(ctx context.Context, r plan.Release) (plan.Base, error) {
	body, err := s.body(ctx, s.declared(r))
	if err != nil || body == nil {
		return plan.Base{}, err
	}
	s.read.Add(r.Address, body)
	return s.baseOf(body), nil
}

func (s *Set) baseOf(body *helm.Release) plan.Base {
	return s.key.Base(&plan.Live{Revision: body.Revision, Status: body.Status, Digest: body.BodyDigest})
}

// body reads the newest revision; nil when the release is not installed.
func (s *Set) body(ctx context.Context, r *schema.Release) (*helm.Release, error) {
	body, err := s.helm(r).Get(ctx, r.Namespace, r.Name, 0)
	var gone *helm.NotFoundError
	if errors.As(err, &gone) {
		return nil, nil
	}
	return body, err
}

// base is the body that a step starts from: the one that [Set.Base] has just
// read, where it did. Helm looks whether it is still the newest before it writes.
func (s *Set) base(ctx context.Context, r plan.Release) (*helm.Release, error) {
	read, ok := s.read.Get(r.Address)
	s.read.Remove(r.Address)
	if ok {
		if body := read.(*helm.Release); s.baseOf(body) == r.Base {
			return body, nil
		}
	}
	return s.body(ctx, s.byAddress[r.Address])
}

func revisionOf(body *helm.Release) int {
	if body == nil || body.Status == "uninstalled" {
		return 0
	}
	return body.Revision
}

// Upgrade installs or upgrades a release and waits until it is ready.
func (s *Set) Upgrade(ctx context.Context, r plan.Release, step plan.Step, report apply.Report) (plan.Base, error) {
	rel := s.byAddress[r.Address]
	base, err := s.base(ctx, r)
	if err != nil {
		return plan.Base{}, err
	}
	// Helm is held to this revision from here on, so it must be the planned one.
	if have := revisionOf(base); have != r.Base.Revision {
		return plan.Base{}, &apply.StaleError{Address: r.Address, Want: r.Base.Revision, Have: have}
	}
	target, err := s.targetOf(r, step, base)
	if err != nil {
		return plan.Base{}, err
	}
	options := s.options(rel, step, report)
	if step.Kind == plan.StepPins {
		if err := s.clearJobs(ctx, base); err != nil {
			return plan.Base{}, err
		}
	}
	if r.Address == s.fleet.System.Address {
		// Without a Job, this is where the database is migrated.
		logs := &lines.Writer{To: func(line string) { report.Log(lines.Cut(line, longestLog)) }}
		defer logs.Flush()
		options.InitLogs = logs
	}
	options.Labels[helm.LabelChartDigest] = helm.DigestLabel(target.Chart.Digest)
	options.Description = fmt.Sprintf("soctalk run %s: %s to %s", s.runID, step.Kind, step.To)
	options.Keep, options.KeepRuns = []int{r.Base.Revision, s.planned[r.Address]}, s.keptRuns // the ways back
	made, err := s.helm(rel).Apply(ctx, target, options)
	var stale *helm.StaleError
	if errors.As(err, &stale) {
		return plan.Base{}, &apply.StaleError{Address: r.Address, Want: stale.Expected, Have: stale.Found}
	}
	if err != nil {
		return plan.Base{}, cause(err)
	}
	return s.baseOf(made), nil
}

// targetOf is what Helm is given in a step.
func (s *Set) targetOf(r plan.Release, step plan.Step, base *helm.Release) (helm.Target, error) {
	if step.Hop >= len(r.Path) {
		return helm.Target{}, fmt.Errorf("step %s: the plan does not say what it is made with", step.ID)
	}
	leg := r.Path[step.Hop]
	return s.target(plan.At{Address: r.Address, Version: leg.To}, leg.Held, base)
}

// renderStep renders what a step takes a release to, over what is live now.
func (s *Set) renderStep(ctx context.Context, r plan.Release, step plan.Step) (helm.Target, *helm.Rendered, error) {
	rel := s.byAddress[r.Address]
	base, err := s.body(ctx, rel)
	if err != nil {
		return helm.Target{}, nil, err
	}
	target, err := s.targetOf(r, step, base)
	if err != nil {
		return target, nil, err
	}
	rendered, err := s.helm(rel).Render(ctx, target)
	return target, rendered, err
}

// Rollback goes back to the revision that the release was at. A Job
// cannot be changed once made, so the migration's is deleted first.
func (s *Set) Rollback(ctx context.Context, r plan.Release, step plan.Step, report apply.Report) (plan.Base, error) {
	rel := s.byAddress[r.Address]
	body, err := s.body(ctx, rel)
	if err != nil {
		return plan.Base{}, err
	}
	switch {
	case body != nil && s.baseOf(body) == r.Base:
		return r.Base, nil // it never came to a revision of its own
	case body == nil || body.Labels[helm.LabelRun] != s.runID:
		return plan.Base{}, &apply.StaleError{Address: r.Address, Want: r.Base.Revision, Have: revisionOf(body)}
	case s.made(body, step.ID) && body.Status == "deployed":
		return s.baseOf(body), nil
	case body.Pending():
		if _, err := s.release(ctx, rel, body, report); err != nil {
			return plan.Base{}, err
		}
	}
	if r.Address == s.fleet.System.Address {
		if err := s.deleteMigrationJobs(ctx); err != nil {
			return plan.Base{}, err
		}
	}
	options := s.options(rel, step, report)
	options.Keep, options.KeepRuns = []int{r.Base.Revision, s.planned[r.Address]}, s.keptRuns
	back, err := s.helm(rel).Rollback(ctx, rel.Namespace, rel.Name, r.Base.Revision, options)
	if err != nil {
		return plan.Base{}, cause(err)
	}
	return s.baseOf(back), nil
}

func (s *Set) options(r *schema.Release, step plan.Step, report apply.Report) helm.ApplyOptions {
	timeout := r.Timeout
	if d, err := time.ParseDuration(step.Timeout); err == nil {
		timeout = d
	}
	history := maxHistory
	if s.keptRuns == nil {
		history = 0
	}
	return helm.ApplyOptions{
		Timeout: timeout, MaxHistory: history,
		// On a first install the schema is made by a Job beside the API.
		WaitForJobs: r.Address == s.fleet.System.Address,
		Labels:      map[string]string{helm.LabelRun: s.runID, helm.LabelStep: step.ID},
		Progress:    func(st kube.Status) { report.Status(waiting(st)) },
	}
}

// waiting says in one line what a wait is for.
func waiting(st kube.Status) string {
	line := fmt.Sprintf("%d of %d objects ready", st.Ready, st.Total)
	if len(st.Waiting) == 0 {
		return line
	}
	var names []string
	for _, r := range st.Waiting[:min(2, len(st.Waiting))] {
		names = append(names, r.String())
	}
	return line + ", waiting for " + strings.Join(names, "; ")
}
