package releases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/lines"
	"github.com/soctalk/fleet/plan"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fieldManager owns the fields of objects that are applied outside of Helm.
const fieldManager = "soctalk"

// Migrate does what the runbook does before an upgrade: it deletes the old
// migration Job, renders it at the target chart and with every value that the
// upgrade will have, applies it and waits until it is complete.
func (s *Set) Migrate(ctx context.Context, r plan.Release, step plan.Step, open bool, report apply.Report) error {
	objects, scrub, err := s.migrationObjects(ctx, r, step)
	if err != nil {
		return err
	}
	timeout, err := time.ParseDuration(step.Timeout)
	if err != nil {
		return fmt.Errorf("timeout of step %s: %w", step.ID, err)
	}
	k := s.clusters[s.fleet.System.Cluster].Kube
	var jobs []*unstructured.Unstructured
	for _, o := range objects {
		if o.GetKind() == "Job" {
			jobs = append(jobs, o)
			continue
		}
		if err := k.Apply(ctx, o, fieldManager); err != nil {
			return fmt.Errorf("apply %s %s of %s: %w", o.GetKind(), o.GetName(), step.Template, err)
		}
	}
	if len(jobs) == 0 {
		return fmt.Errorf("%s holds no Job: nothing would be migrated", step.Template)
	}
	logs := &lines.Writer{To: func(line string) { report.Log(lines.Cut(scrub(line), longestLog)) }}
	for _, job := range jobs {
		report.Status("waiting for Job " + job.GetName())
		err := s.runJob(ctx, k, job, step, open, timeout, logs)
		logs.Flush()
		var failed *kube.JobError
		if errors.As(err, &failed) {
			failed.Reason.Edit(scrub)
		}
		if err != nil {
			return cause(err)
		}
	}
	return nil
}

// Annotations that say which step of which run made a Job.
const (
	annotationRun  = "soctalk.io/run"
	annotationStep = "soctalk.io/step"
)

// runJob runs a Job, unless an earlier attempt at the step has made it already.
func (s *Set) runJob(ctx context.Context, k *kube.Cluster, job *unstructured.Unstructured, step plan.Step, open bool, timeout time.Duration, logs io.Writer) error {
	if open {
		live, err := k.Typed().BatchV1().Jobs(job.GetNamespace()).Get(ctx, job.GetName(), metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("look for Job %s that this run may have made: %w", job.GetName(), k.Explain(err))
		}
		if err == nil && live.DeletionTimestamp == nil && live.Annotations[annotationRun] == s.runID && live.Annotations[annotationStep] == step.ID {
			return k.WaitJob(ctx, job.GetNamespace(), job.GetName(), timeout, logs)
		}
	}
	job.SetAnnotations(with(with(job.GetAnnotations(), annotationRun, s.runID), annotationStep, step.ID))
	return k.RunJob(ctx, job, timeout, logs)
}

// migrationObjects renders the template as the upgrade will, marked as the
// release's own, so that the upgrade adopts what is there already. With the
// objects comes what hides secrets in what they write.
func (s *Set) migrationObjects(ctx context.Context, r plan.Release, step plan.Step) ([]*unstructured.Unstructured, func(string) string, error) {
	system := s.fleet.System
	target, rendered, err := s.renderStep(ctx, r, step)
	if err != nil {
		return nil, nil, err
	}
	scrub, err := s.helm(&system.Release).Scrubber(target, rendered)
	if err != nil {
		return nil, nil, err
	}
	text, ok := rendered.Files[step.Template]
	if !ok {
		return nil, nil, fmt.Errorf("chart %s %s renders no %s with these values", target.Chart.Name, target.Chart.Version, step.Template)
	}
	objects, err := helm.ParseManifest(text)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s of chart %s %s: %w", step.Template, target.Chart.Name, target.Chart.Version, err)
	}
	for _, o := range objects {
		own(o, system.Name, system.Namespace)
	}
	return objects, scrub, nil
}

func own(o *unstructured.Unstructured, release, namespace string) {
	if o.GetNamespace() == "" {
		o.SetNamespace(namespace)
	}
	o.SetLabels(with(o.GetLabels(), "app.kubernetes.io/managed-by", "Helm"))
	o.SetAnnotations(with(with(o.GetAnnotations(), "meta.helm.sh/release-name", release), "meta.helm.sh/release-namespace", namespace))
}

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// deleteMigrationJobs removes the Jobs that the live system release came with.
func (s *Set) deleteMigrationJobs(ctx context.Context) error {
	system := s.fleet.System
	body, err := s.body(ctx, &system.Release)
	if err != nil || body == nil {
		return err
	}
	objects, err := body.Objects()
	if err != nil {
		return err
	}
	k := s.clusters[system.Cluster].Kube
	for _, o := range objects {
		if o.GetKind() == "Job" {
			if err := k.DeleteJob(ctx, namespaceOf(o, system.Namespace), o.GetName()); err != nil {
				return err
			}
		}
	}
	return nil
}

func namespaceOf(o metav1.Object, fallback string) string {
	if ns := o.GetNamespace(); ns != "" {
		return ns
	}
	return fallback
}
