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
	// PullGrace is how long an image may fail to be pulled before the wait is
	// given up; zero means 30 seconds.
	PullGrace time.Duration
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
