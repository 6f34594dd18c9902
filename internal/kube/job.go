package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var jobResource = batchv1.SchemeGroupVersion.WithResource("jobs")

// RunJob deletes an earlier Job of the same name together with its pods,
// creates this one, copies what its pods write to logs (which may be nil) and
// returns when it is complete. Its error is a [JobError] when the Job failed,
// cannot succeed, or the timeout passed.
func (c *Cluster) RunJob(ctx context.Context, job *unstructured.Unstructured, timeout time.Duration, logs io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	namespace, name := job.GetNamespace(), job.GetName()
	if err := c.DeleteJob(ctx, namespace, name); err != nil {
		return err
	}
	if _, err := c.dynamic.Resource(jobResource).Namespace(namespace).Create(ctx, job, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating Job %s/%s: %w", namespace, name, c.Explain(err))
	}
	return c.waitJob(ctx, namespace, name, logs)
}

// WaitJob waits for a Job that exists already, as [Cluster.RunJob] does.
func (c *Cluster) WaitJob(ctx context.Context, namespace, name string, timeout time.Duration, logs io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.waitJob(ctx, namespace, name, logs)
}

// DeleteJob deletes a Job and waits until it and its pods are gone. That there
// is none is no error.
func (c *Cluster) DeleteJob(ctx context.Context, namespace, name string) error {
	// In the foreground the Job goes last.
	foreground := metav1.DeletePropagationForeground
	err := c.typed.BatchV1().Jobs(namespace).Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &foreground})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting Job %s/%s: %w", namespace, name, c.Explain(err))
	}
	if err := c.WaitGone(ctx, []*unstructured.Unstructured{jobNamed(namespace, name)}); err != nil {
		return fmt.Errorf("deleting Job %s/%s: %w", namespace, name, err)
	}
	return nil
}

func jobNamed(namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(batchv1.SchemeGroupVersion.WithKind("Job"))
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

func (c *Cluster) waitJob(ctx context.Context, namespace, name string, logs io.Writer) error {
	w := c.newWaiter(WaitOptions{})
	w.untilDone = true
	w.add(jobNamed(namespace, name))
	var f *follower
	if logs != nil {
		f = newFollower(ctx, c, logs)
		w.each = f.follow
	}
	err := w.run(ctx)
	if f != nil {
		f.catchUp(namespace, name)
		f.finish()
	}
	var e *NotReadyError
	if !errors.As(err, &e) || len(e.Reasons) == 0 {
		return err
	}
	return &JobError{Namespace: namespace, Name: name, Reason: e.Reasons[0], TimedOut: e.TimedOut, Cause: err}
}

func initContainersOf(p *corev1.Pod) []corev1.ContainerStatus { return p.Status.InitContainerStatuses }

// containersOf are a pod's containers in the order that they run.
func containersOf(p *corev1.Pod) []corev1.ContainerStatus {
	return append(append([]corev1.ContainerStatus(nil), p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...)
}
