package kube

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// retrier repeats requests that a short outage made fail, where repeating is
// safe: a read, a dry run, or anything that was never sent. Before the first answer it
// repeats nothing, so that a wrong address is reported at once.
type retrier struct {
	next     http.RoundTripper
	answered *atomic.Bool
}

// retryFor returns a wrapper for every transport to one API server.
func retryFor() func(http.RoundTripper) http.RoundTripper {
	answered := &atomic.Bool{}
	return func(next http.RoundTripper) http.RoundTripper {
		return &retrier{next: next, answered: answered}
	}
}

var retryDelays = []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second}

// RoundTrip implements http.RoundTripper.
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, delay := range retryDelays {
		resp, err := r.next.RoundTrip(req)
		if err == nil {
			r.answered.Store(true)
		}
		if !r.answered.Load() || !repeatable(req, resp, err) {
			return resp, err
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
		t := time.NewTimer(delay)
		select {
		case <-req.Context().Done():
			t.Stop()
			return nil, cmp.Or(err, req.Context().Err()) // the outage says more
		case <-t.C:
		}
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			req = req.Clone(req.Context())
			req.Body = body
		}
	}
	return r.next.RoundTrip(req)
}

func repeatable(req *http.Request, resp *http.Response, err error) bool {
	if req.Context().Err() != nil {
		return false
	}
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return req.Body == nil || req.GetBody != nil
		}
		return changesNothing(req)
	}
	// Answers that say in how many seconds to come back are heeded by the client
	// above, up to ten times.
	if _, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		return false
	}
	outage := resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented
	if req.Method != http.MethodGet && resp.StatusCode == http.StatusInternalServerError {
		outage = false // so it answers too when an admission webhook fails
	}
	return changesNothing(req) && (outage || resp.StatusCode == http.StatusTooManyRequests)
}

// changesNothing says whether a request may be sent again although it may have
// been carried out.
func changesNothing(req *http.Request) bool {
	return req.Method == http.MethodGet || req.URL.Query().Get("dryRun") == "All" && req.GetBody != nil
}
