package releases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/lines"
	"github.com/soctalk/fleet/plan"
	batchv1 "k8s.io/api/batch/v1"
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
	jobs, err := jobsOf(body)
	if err != nil {
		return err
	}
	k := s.clusters[system.Cluster].Kube
	for _, job := range jobs {
		if err := k.DeleteJob(ctx, namespaceOf(job, system.Namespace), job.GetName()); err != nil {
			return err
		}
	}
	return nil
}

func jobsOf(body *helm.Release) ([]*unstructured.Unstructured, error) {
	objects, err := body.Objects()
	return slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() != "Job" }), err
}

// migrationStands says whether each Job of the live system release is complete
// and what its manifest says. Whatever keeps that from being known: it does not.
func (s *Set) migrationStands(ctx context.Context) bool {
	body := s.live.Bodies[plan.KeyOf(&s.fleet.System.Release)]
	if body == nil || s.live.Offline {
		return false
	}
	left, err := s.strayJobs(ctx, body)
	return err == nil && len(left) == 0
}

// clearJobs deletes what a migration left that failed, or was of another version:
// Helm would not get it to what the manifest says. It makes the Job anew and waits
// for it.
func (s *Set) clearJobs(ctx context.Context, base *helm.Release) error {
	left, err := s.strayJobs(ctx, base)
	if err != nil {
		return err
	}
	for _, job := range left {
		if err := s.clusters[s.fleet.System.Cluster].Kube.DeleteJob(ctx, namespaceOf(job, s.fleet.System.Namespace), job.GetName()); err != nil {
			return err
		}
	}
	return nil
}

// strayJobs are the Jobs of a revision of the system that are not live as its
// manifest says, and complete.
func (s *Set) strayJobs(ctx context.Context, body *helm.Release) ([]*unstructured.Unstructured, error) {
	system := s.fleet.System
	jobs, err := jobsOf(body)
	if err != nil {
		return nil, err
	}
	k := s.clusters[system.Cluster].Kube
	client := k.Dynamic().Resource(batchv1.SchemeGroupVersion.WithResource("jobs"))
	var stray []*unstructured.Unstructured
	for _, job := range jobs {
		reading, cancel := k.Reading(ctx)
		live, err := client.Namespace(namespaceOf(job, system.Namespace)).Get(reading, job.GetName(), metav1.GetOptions{})
		cancel()
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("look for Job %s of the system: %w", job.GetName(), k.ExplainRead(err))
		}
		if err != nil || !plan.JobStands(job.Object, live.Object) {
			stray = append(stray, job)
		}
	}
	return stray, nil
}

func namespaceOf(o metav1.Object, fallback string) string {
	if ns := o.GetNamespace(); ns != "" {
		return ns
	}
	return fallback
}
