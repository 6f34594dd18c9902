package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// readTimeout is long enough for a page of 500 objects from a server that is
// short of everything, and short enough for a person who waits.
const readTimeout = 30 * time.Second

// Reading bounds one read in time, with all that is repeated of it. A server
// that asks to wait longer than this is as good as one that hangs.
func (c *Cluster) Reading(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.reading)
}

// ReadError says why the API server did not answer a read, although it may
// answer others.
type ReadError struct {
	// Why is the cause in plain words.
	Why   string
	Cause error
}

func (e *ReadError) Error() string { return e.Why }

func (e *ReadError) Unwrap() error { return e.Cause }

// ExplainRead is [Cluster.Explain] for a read that was bounded by
// [Cluster.Reading]: what is no missing permission and no answer about the
// object itself becomes a [ReadError] or an [UnreachableError].
func (c *Cluster) ExplainRead(err error) error {
	var status apierrors.APIStatus
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		why := fmt.Sprintf("the API server did not answer within %s", c.reading)
		// The Kubernetes library keeps of earlier attempts the text alone.
		if _, before, again := strings.Cut(err.Error(), " - error from a previous attempt: "); again && !strings.Contains(before, "deadline") {
			why += ", and broke the connection before"
		}
		return &ReadError{Why: why, Cause: err}
	case errors.As(err, &status):
		switch code := int(status.Status().Code); {
		case code == http.StatusTooManyRequests:
			return &ReadError{Why: "the API server is overloaded and went on asking to come back later (429)", Cause: err}
		case code >= 500:
			return &ReadError{Why: fmt.Sprintf("the API server failed to answer (%d %s)", code, http.StatusText(code)), Cause: err}
		}
		return c.Explain(err)
	}
	explained := c.Explain(err)
	var unreachable *UnreachableError
	if errors.As(explained, &unreachable) {
		return explained
	}
	return &ReadError{Why: "the API server's answer cannot be read", Cause: err}
}
