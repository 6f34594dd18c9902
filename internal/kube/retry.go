package kube

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// retrier repeats requests that a short outage made fail. A read, a dry run, and
// what was never carried out are simply sent again. So is a change, if it makes
// no difference to carry it out twice; that a second attempt finds the work of
// the first one done is not reported as a failure, see [retrier.done]. Before
// the first answer it repeats nothing, so that a wrong address is reported at
// once.
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
	begun := time.Now()
	unsure := false  // whether an earlier attempt was carried out
	var outage error // why an earlier attempt got no answer
	for _, delay := range append(slices.Clip(retryDelays), 0) {
		resp, err := r.next.RoundTrip(req)
		if err == nil {
			r.answered.Store(true)
		}
		if err == nil && unsure && !dryRun(req) {
			resp = r.done(req, resp, time.Since(begun))
		}
		err = overdue(outage, err)
		if delay == 0 || !r.answered.Load() || !repeatable(req, resp, err) {
			return resp, err
		}
		outage = cmp.Or(err, outage)
		unsure = unsure || mayBeDone(resp, err)
		if resp != nil {
			_ = resp.Body.Close()
		}
		t := time.NewTimer(delay)
		select {
		case <-req.Context().Done():
			t.Stop()
			return nil, overdue(outage, req.Context().Err())
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
	panic("unreachable: the last attempt returns")
}

// overdue is the error of a request whose time is up: an outage before says more
// than that. One that was cancelled stays cancelled.
func overdue(outage, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return cmp.Or(outage, err)
	}
	return err
}

func repeatable(req *http.Request, resp *http.Response, err error) bool {
	if req.Context().Err() != nil || req.Body != nil && req.GetBody == nil {
		return false
	}
	if err != nil {
		var keptIn *keptInError
		return !errors.As(err, &keptIn) && (mayRepeat(req) || !mayBeDone(nil, err))
	}
	// Answers that say in how many seconds to come back are heeded by the client
	// above, up to ten times.
	if _, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		return false
	}
	outage := resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented
	if dryRun(req) && resp.StatusCode == http.StatusInternalServerError {
		outage = false // so it answers too when an admission webhook fails
	}
	return outage && mayRepeat(req) || resp.StatusCode == http.StatusTooManyRequests
}

// mayBeDone says whether a request that failed may have been carried out.
func mayBeDone(resp *http.Response, err error) bool {
	if err != nil {
		var op *net.OpError
		return !errors.As(err, &op) || op.Op != "dial"
	}
	return resp.StatusCode >= 500
}

// mayRepeat says whether a request may be sent again although it may have been
// carried out.
func mayRepeat(req *http.Request) bool {
	if dryRun(req) {
		return true
	}
	switch req.Method {
	case http.MethodGet, http.MethodPut, http.MethodDelete:
		return true
	case http.MethodPatch:
		return req.Header.Get("Content-Type") != string(types.JSONPatchType)
	case http.MethodPost:
		return creationOf(req) != nil
	}
	return false
}

func dryRun(req *http.Request) bool { return req.URL.Query().Get("dryRun") == "All" }
