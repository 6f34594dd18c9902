package kube

import (
	"fmt"
	"strings"
)

// UnreachableError says that no API server answered.
type UnreachableError struct {
	// Address is the server's URL.
	Address string
	// Why is the cause in plain words.
	Why   string
	Cause error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the Kubernetes API server at %s cannot be reached: %s", e.Address, e.Why)
}

func (e *UnreachableError) Unwrap() error { return e.Cause }

// UnauthorizedError says that the API server does not accept the credentials.
type UnauthorizedError struct {
	Address string
	Cause   error
}

func (e *UnauthorizedError) Error() string {
	return fmt.Sprintf("the Kubernetes API server at %s does not accept these credentials; they may have expired", e.Address)
}

func (e *UnauthorizedError) Unwrap() error { return e.Cause }

// ForbiddenError says that a permission is missing.
type ForbiddenError struct {
	// What is the API server's own sentence: who may not do what, and where.
	What  string
	Cause error
}

func (e *ForbiddenError) Error() string { return "permission denied: " + e.What }

func (e *ForbiddenError) Unwrap() error { return e.Cause }

// NotReadyError says which objects did not become ready, and why.
type NotReadyError struct {
	Reasons []Reason
	// TimedOut is true when the wait ended for lack of time, false when it was
	// clear earlier that waiting cannot help.
	TimedOut bool
	Cause    error
}

func (e *NotReadyError) Error() string {
	var b strings.Builder
	if e.TimedOut {
		b.WriteString("not ready in time")
	} else {
		b.WriteString("will not become ready")
	}
	for i, r := range e.Reasons {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(r.String())
	}
	return b.String()
}

func (e *NotReadyError) Unwrap() error { return e.Cause }

// Reason says why one object is not ready.
type Reason struct {
	Kind, Namespace, Name string
	// Message is the state in one line: "1 of 3 replicas ready".
	Message string
	// Fatal is true when waiting longer cannot help.
	Fatal bool
	// Pods are its pods that are in trouble.
	Pods []PodReason
	// Events are recent warnings about the object and its pods, newest last.
	Events []string
}

func (r Reason) String() string { return fmt.Sprintf("%s %s: %s", r.Kind, r.Name, r.details()) }

// details are what is left of a reason once its object is named.
func (r Reason) details() string {
	var b strings.Builder
	b.WriteString(r.Message)
	for _, p := range r.Pods {
		b.WriteString(", ")
		b.WriteString(p.String())
	}
	return b.String()
}

// The reasons of containers that run: not well enough, or, before the others
// may start, not to their end yet.
const (
	waitingNotReady = "NotReady"
	waitingInitRuns = "Init:Running"
)

// Edit passes every text that others wrote through f.
func (r *Reason) Edit(f func(string) string) {
	r.Message = f(r.Message)
	for i := range r.Events {
		r.Events[i] = f(r.Events[i])
	}
	for i := range r.Pods {
		p := &r.Pods[i]
		p.Message = f(p.Message)
		for j := range p.Logs {
			p.Logs[j] = f(p.Logs[j])
		}
	}
}

// PodReason says why one container of a pod is not ready.
type PodReason struct {
	Pod, Container string
	// Waiting is the container's waiting reason (CrashLoopBackOff), the pod's
	// own (Unschedulable), or one of this package's, and Message what came with
	// it.
	Waiting, Message string
	Restarts         int32
	// LastExit is the exit code of the last termination; nil when there was none.
	LastExit *int32
	// Logs are the last lines the container wrote, where there are any.
	Logs []string
}

func (p PodReason) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pod %s", p.Pod)
	if p.Container != "" {
		fmt.Fprintf(&b, " container %s", p.Container)
	}
	switch p.Waiting {
	case "":
	case waitingNotReady:
		b.WriteString(" is not ready")
	case waitingInitRuns:
		b.WriteString(" is running")
	default:
		fmt.Fprintf(&b, " is in %s", p.Waiting)
	}
	switch running := p.Waiting == waitingNotReady || p.Waiting == waitingInitRuns; {
	case p.LastExit == nil:
	case running:
		fmt.Fprintf(&b, " (again, after exit code %d)", *p.LastExit)
	default:
		fmt.Fprintf(&b, " (exit code %d)", *p.LastExit)
	}
	if p.Message != "" {
		fmt.Fprintf(&b, ": %s", p.Message)
	}
	return b.String()
}

// JobError says that a Job failed or did not end in time.
type JobError struct {
	Namespace, Name string
	Reason          Reason
	TimedOut        bool
	Cause           error
}

func (e *JobError) Error() string {
	verb := "failed"
	if e.TimedOut {
		verb = "did not end in time"
	}
	reason := e.Reason
	reason.Message = strings.TrimPrefix(reason.Message, "failed: ")
	return fmt.Sprintf("Job %s/%s %s: %s", e.Namespace, e.Name, verb, reason.details())
}

func (e *JobError) Unwrap() error { return e.Cause }
