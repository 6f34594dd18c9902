package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Retention says what is kept of past runs.
type Retention struct {
	// Kept are the runs that keep their plan and their entries, so that they can
	// be looked into, resumed and rolled back.
	Kept map[string]bool
	// pruned lose them and stay as a record; forgotten go altogether.
	pruned, forgotten []*Run
	// orphans are plans of runs that were killed before they had a record.
	orphans []string
}

// Retention decides what is kept once a run begins or goes on.
func (j *Journal) Retention(ctx context.Context, this *Run) (*Retention, error) {
	// Plans before runs: one that is begun in between is none without a record.
	plans, err := j.plans(ctx)
	if err != nil {
		return nil, err
	}
	runs, err := j.Runs(ctx)
	if err != nil {
		return nil, err
	}
	snapshots, err := j.Snapshots(ctx, SnapshotFilter{State: plan.Taken})
	if err != nil {
		return nil, err
	}
	saved := map[string]bool{}
	for _, s := range snapshots {
		saved[s.Run] = true
	}
	r := retain(runs, saved, this)
	for _, run := range runs {
		delete(plans, run.ID)
	}
	for id := range plans {
		if id != this.ID {
			r.orphans = append(r.orphans, id)
		}
	}
	return r, nil
}

// plans are the runs that have one.
func (j *Journal) plans(ctx context.Context) (map[string]bool, error) {
	secrets := j.k.Metadata().Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(j.namespace)
	list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: labels.Set{labelPart: partPlan}.String()})
	if err != nil {
		return nil, fmt.Errorf("list the plans of runs in namespace %s: %w", j.namespace, j.k.Explain(err))
	}
	found := map[string]bool{}
	for _, s := range list.Items {
		if run := s.Labels[labelRun]; run != "" {
			found[run] = true
		}
	}
	return found, nil
}

// Prune deletes what is not kept. It may be ended anywhere: who finds a run
// without its plan knows that it is pruned, and the next Prune goes on.
func (j *Journal) Prune(ctx context.Context, r *Retention) error {
	var errs []error
	for _, run := range r.pruned {
		err := j.empty(ctx, run.ID)
		if err == nil {
			run.Pruned = true
			err = j.put(ctx, run)
		}
		errs = append(errs, err)
	}
	for _, id := range r.orphans {
		errs = append(errs, j.empty(ctx, id))
	}
	for _, run := range r.forgotten {
		errs = append(errs, j.forget(ctx, run))
	}
	return errors.Join(errs...)
}

// empty deletes the plan of a run, then its entries: a run that has its plan has
// all of them.
func (j *Journal) empty(ctx context.Context, run string) error {
	core := j.k.Typed().CoreV1()
	of := func(part string) metav1.ListOptions {
		return metav1.ListOptions{LabelSelector: labels.Set{labelRun: run, labelPart: part}.String()}
	}
	if err := core.Secrets(j.namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, of(partPlan)); err != nil {
		return fmt.Errorf("delete the plan of run %s: %w", run, j.k.Explain(err))
	}
	if err := core.ConfigMaps(j.namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, of(partLog)); err != nil {
		return fmt.Errorf("delete the entries of run %s: %w", run, j.k.Explain(err))
	}
	return nil
}

// forget deletes the record last, since it is how a run is found.
func (j *Journal) forget(ctx context.Context, run *Run) error {
	if !run.Pruned {
		if err := j.empty(ctx, run.ID); err != nil {
			return err
		}
	}
	err := j.k.Typed().CoreV1().ConfigMaps(j.namespace).Delete(ctx, objectName(run.ID), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the record of run %s: %w", run.ID, j.k.Explain(err))
	}
	return nil
}
