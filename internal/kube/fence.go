package kube

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
)

// Fence keeps the writes of a program in that may no longer change anything.
type Fence struct {
	// Check is asked before each write, every repetition of one included. Its
	// error keeps the write from being sent.
	Check func(context.Context) error
	// Shut ends when Check will never agree again: writes that are still under
	// way are given up with its cause.
	Shut context.Context
}

// SetFence puts a fence before every client of the cluster. Reads pass it.
func (c *Cluster) SetFence(f Fence) { c.fence.Store(&f) }

type beyondFence struct{}

// BeyondFence returns a context whose writes pass every fence: those of the
// lock that a fence is about.
func BeyondFence(ctx context.Context) context.Context {
	return context.WithValue(ctx, beyondFence{}, true)
}

// fenced is a transport behind a fence, once there is one.
type fenced struct {
	next  http.RoundTripper
	fence *atomic.Pointer[Fence]
}

// RoundTrip implements http.RoundTripper.
func (t *fenced) RoundTrip(req *http.Request) (*http.Response, error) {
	f := t.fence.Load()
	if f == nil || req.Method == http.MethodGet || req.Method == http.MethodHead || req.Context().Value(beyondFence{}) != nil {
		return t.next.RoundTrip(req)
	}
	if err := f.Check(req.Context()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &keptInError{err}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	unhook := context.AfterFunc(f.Shut, func() { cancel(context.Cause(f.Shut)) })
	end := func() {
		unhook()
		cancel(nil)
	}
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		end()
		if f.Shut.Err() != nil {
			err = &keptInError{context.Cause(f.Shut)}
		}
		return nil, err
	}
	resp.Body = &endingBody{resp.Body, end}
	return resp, nil
}

// keptInError says why a fence kept a write in.
type keptInError struct{ cause error }

func (e *keptInError) Error() string { return e.cause.Error() }

func (e *keptInError) Unwrap() error { return e.cause }

// endingBody calls end once the answer is read.
type endingBody struct {
	io.ReadCloser
	end func()
}

func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
