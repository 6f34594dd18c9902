package kube

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/soctalk/fleet/internal/neterr"
)

// Explain turns the error of a request into an [UnreachableError], an
// [UnauthorizedError] or a [ForbiddenError] where it is one of those, and
// returns it as it is otherwise.
func (c *Cluster) Explain(err error) error {
	var status apierrors.APIStatus
	var notReady *NotReadyError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.As(err, &notReady):
		return err
	case apierrors.IsUnauthorized(err):
		return &UnauthorizedError{Address: c.Host(), Cause: err}
	case apierrors.IsForbidden(err) && isAccessDenied(err):
		return &ForbiddenError{What: err.Error(), Cause: err}
	case errors.As(err, &status):
		return err
	}
	if why := neterr.Explain(err); why != "" {
		return &UnreachableError{Address: c.Host(), Why: why, Cause: err}
	}
	return err
}

// isAccessDenied tells a missing permission from what admission (a quota, a
// policy) refuses with the same status.
func isAccessDenied(err error) bool {
	return strings.Contains(err.Error(), " cannot ")
}
