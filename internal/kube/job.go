package kube

import (
	"context"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// RunJob deletes an earlier Job of the same name together with its pods,
// creates this one, copies what its pods write to logs (which may be nil) and
// returns when it is complete. Its error is a [JobError] when the Job failed
// or the timeout passed.
func (c *Cluster) RunJob(ctx context.Context, job *unstructured.Unstructured, timeout time.Duration, logs io.Writer) error {
	panic("not yet")
}

// WaitJob waits for a Job that exists already, as [Cluster.RunJob] does.
func (c *Cluster) WaitJob(ctx context.Context, namespace, name string, timeout time.Duration, logs io.Writer) error {
	panic("not yet")
}

// DeleteJob deletes a Job and waits until it and its pods are gone. That there
// is none is no error.
func (c *Cluster) DeleteJob(ctx context.Context, namespace, name string) error {
	panic("not yet")
}
