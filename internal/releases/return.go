package releases

import (
	"context"
	"errors"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Return takes a release back to the revision of a step and waits until it is
// ready. All revisions are kept: one that is trimmed could be the next attempt's
// aim.
func (s *Set) Return(ctx context.Context, r plan.Release, step plan.Step, report apply.Report) (plan.Base, error) {
	rel := s.declared(r)
	body, err := s.body(ctx, rel)
	if err != nil {
		return plan.Base{}, err
	}
	if body == nil || s.baseOf(body) != r.Base {
		return plan.Base{}, &apply.StaleError{Address: r.Address, Want: r.Base.Revision, Have: revisionOf(body)}
	}
	if r.Address == s.fleet.System.Address {
		if err := s.deleteMigrationJobs(ctx); err != nil {
			return plan.Base{}, err
		}
	}
	if body.Pending() { // its program is gone, or it would hold the lock
		if _, err := s.release(ctx, rel, body, report); err != nil {
			return plan.Base{}, err
		}
		if body, err = s.body(ctx, rel); err != nil {
			return plan.Base{}, err
		}
	}
	options := s.options(rel, step, report)
	options.MaxHistory, options.From = 0, body
	back, err := s.helm(rel).Rollback(ctx, rel.Namespace, rel.Name, step.Revision, options)
	var stale *helm.StaleError
	if errors.As(err, &stale) {
		return plan.Base{}, &apply.StaleError{Address: r.Address, Want: stale.Expected, Have: stale.Found}
	}
	if err != nil {
		return plan.Base{}, cause(err)
	}
	return s.baseOf(back), nil
}

// EndMigration deletes the migration's Jobs, of the live release and of an
// upgrade that was not made.
func (s *Set) EndMigration(ctx context.Context, r plan.Release) error {
	if err := s.deleteMigrationJobs(ctx); err != nil {
		return err
	}
	k := s.clusters[r.Cluster].Kube
	jobs, err := k.Typed().BatchV1().Jobs(r.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the Jobs of %s: %w", r.Address, k.Explain(err))
	}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		if job.Annotations[annotationRun] == "" {
			continue
		}
		if err := k.DeleteJob(ctx, job.Namespace, job.Name); err != nil {
			return err
		}
	}
	return nil
}
