package check

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/lines"
	"github.com/soctalk/fleet/schema"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	// labelRun and annotationCheck say what a Job was made for.
	labelRun        = "soctalk.io/check-run"
	annotationCheck = "soctalk.io/check"
	// longestName leaves a Job's pods room for theirs.
	longestName = 40
	// afterlife is when Kubernetes removes a Job that nobody did.
	afterlife = 10 * time.Minute
	// cleanup is how long removing a Job may take.
	cleanup = 30 * time.Second
	logTail = 20
)

// job runs a Job of its own name and removes it. Should the program die in
// between, the Job ends with its time and is removed by Kubernetes, or by this
// run's next question.
func (s *Set) job(ctx context.Context, at subject, c *schema.Check, p *schema.JobProbe, within time.Duration) (finding, error) {
	k := s.kube(at)
	job, err := s.manifest(at, c, p, within)
	if err != nil {
		return finding{}, err
	}
	name := "Job " + job.GetNamespace() + "/" + job.GetName()
	if err := s.removeJobs(ctx, k, job.GetNamespace(), c.Name); err != nil {
		return finding{}, err
	}
	texts, unread := mounted(ctx, k, job)
	hide := s.hide.and(texts...)
	defer func() {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
		defer cancel()
		_ = k.DeleteJob(after, job.GetNamespace(), job.GetName())
	}()
	logs := newTail(hide)
	err = k.RunJob(ctx, job, within, logs)
	if err == nil {
		return finding{ok: true, text: name + " is complete"}, nil
	}
	var failed *kube.JobError
	if errors.As(err, &failed) {
		failed.Reason.Edit(hide.text)
	}
	var seen []string
	switch lines := logs.lines(); {
	case unread != nil && (failed != nil || len(lines) > 0):
		seen = append(seen, fmt.Sprintf("the log of %s is not shown, because what it must not tell is not known: %s", name, unread))
		if failed != nil {
			withoutOutput(&failed.Reason)
		}
	case len(lines) > 0:
		seen = append(seen, "last lines of "+name+":")
		for _, line := range lines {
			seen = append(seen, "  "+hide.line(line))
		}
	}
	return finding{}, &apply.CauseError{Err: err, Seen: seen}
}

// jobAccess is what that takes.
func (s *Set) jobAccess(at subject, c *schema.Check, p *schema.JobProbe) []kube.Access {
	namespace := at.release.Namespace
	needed := slices.Concat(
		kube.Doing(namespace, "batch", "jobs", "get", "list", "watch", "create", "delete"),
		kube.Doing(namespace, "", "pods", "list", "watch"))
	job, err := s.manifest(at, c, p, 0)
	if err != nil {
		return needed // asking it says so
	}
	if secrets, err := secretsOf(job); err == nil && len(secrets) > 0 {
		needed = append(needed, kube.Doing(namespace, "", "secrets", "get")...)
	}
	return needed
}

// manifest is the Job as it is created: in the release's namespace, under a name
// of its own, and bounded in time.
func (s *Set) manifest(at subject, c *schema.Check, p *schema.JobProbe, within time.Duration) (*unstructured.Unstructured, error) {
	job := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(p.Manifest), &job.Object); err != nil {
		return nil, errors.New("the manifest is no YAML")
	}
	base := strings.TrimRight(cut(cmp.Or(job.GetName(), strings.TrimRight(job.GetGenerateName(), "-"), "check"), longestName), "-.")
	job.SetName(base + "-" + strings.ToLower(rand.Text()[:8]))
	job.SetGenerateName("")
	job.SetNamespace(at.release.Namespace)
	labels := job.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelRun] = s.run
	job.SetLabels(labels)
	annotations := job.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationCheck] = c.Name
	job.SetAnnotations(annotations)
	bound := int64(within.Seconds()) + 1
	if own, has, _ := unstructured.NestedInt64(job.Object, "spec", "activeDeadlineSeconds"); has {
		bound = min(bound, own)
	}
	for field, value := range map[string]int64{"activeDeadlineSeconds": bound, "ttlSecondsAfterFinished": int64(afterlife.Seconds())} {
		if err := unstructured.SetNestedField(job.Object, value, "spec", field); err != nil {
			return nil, errors.New("the manifest has no spec")
		}
	}
	return job, nil
}

// removeJobs removes what an earlier program of this run has left.
func (s *Set) removeJobs(ctx context.Context, k *kube.Cluster, namespace, check string) error {
	list, err := k.Typed().BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{LabelSelector: labelRun + "=" + s.run})
	if err != nil {
		return fmt.Errorf("look for Jobs of earlier checks in namespace %s: %w", namespace, k.Explain(err))
	}
	for _, j := range list.Items {
		if j.Annotations[annotationCheck] != check || j.DeletionTimestamp != nil {
			continue
		}
		if err := k.DeleteJob(ctx, namespace, j.Name); err != nil {
			return err
		}
	}
	return nil
}

func cut(text string, most int) string { return text[:min(len(text), most)] }

// tail keeps the last lines of what is written to it.
type tail struct {
	lines.Writer
	last []string
}

// newTail keeps enough of each line that secrets in what is shown of it are
// found.
func newTail(hide hider) *tail {
	t := &tail{}
	t.Writer = lines.Writer{To: t.keep, Most: hide.reach(longest) + 1}
	return t
}

func (t *tail) keep(line string) {
	if line = strings.TrimRight(line, " \r"); line == "" {
		return
	}
	if t.last = append(t.last, line); len(t.last) > logTail {
		t.last = t.last[1:]
	}
}

func (t *tail) lines() []string {
	t.Flush()
	return t.last
}
