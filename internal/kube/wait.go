package kube

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Status is how far a wait has come.
type Status struct {
	// Ready of Total objects are.
	Ready, Total int
	// Waiting are the objects that are not ready yet, with their state in one
	// line each.
	Waiting []Reason
}

// WaitOptions are the settings of a wait.
type WaitOptions struct {
	// Grace is how long an image may fail to be pulled before the wait is
	// a quota that is full) is tolerated in a wait; zero means 30 seconds.
	Grace time.Duration
	// SkipJobs leaves Jobs out, as Helm does unless asked otherwise.
	SkipJobs bool
	// Report hears of every change; it must not block. May be nil.
	Report func(Status)
}

// WaitReady returns when every object is ready in its current generation. It
// returns a [NotReadyError] when the context's deadline passes, or earlier when
// waiting cannot help. Only kind, namespace and name of the objects are looked
// at. A cancelled context is returned as it is.
func (c *Cluster) WaitReady(ctx context.Context, objs []*unstructured.Unstructured, o WaitOptions) error {
	panic("not yet")
}

// WaitDone returns when every Job among the objects is complete and every pod
// has succeeded; other kinds are not waited for. Its errors are those of
// [Cluster.WaitReady].
func (c *Cluster) WaitDone(ctx context.Context, objs []*unstructured.Unstructured, o WaitOptions) error {
	panic("not yet")
}

// WaitGone returns when none of the objects exists any more.
func (c *Cluster) WaitGone(ctx context.Context, objs []*unstructured.Unstructured) error {
	panic("not yet")
}
