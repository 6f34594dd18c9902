package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Explain turns the error of a request into an [UnreachableError], an
// [UnauthorizedError] or a [ForbiddenError] where it is one of those, and
// returns it as it is otherwise.
func (c *Cluster) Explain(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case apierrors.IsUnauthorized(err):
		return &UnauthorizedError{Address: c.Host(), Cause: err}
	case apierrors.IsForbidden(err) && isAccessDenied(err):
		return &ForbiddenError{What: err.Error(), Cause: err}
	}
	if why := explainNetwork(err); why != "" {
		return &UnreachableError{Address: c.Host(), Why: why, Cause: err}
	}
	return err
}

// isAccessDenied tells a missing permission from what admission (a quota, a
// policy) refuses with the same status.
func isAccessDenied(err error) bool {
	return strings.Contains(err.Error(), " cannot ")
}

// explainNetwork says in plain words why no answer came; "" when one did.
func explainNetwork(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		expired   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		timeout   net.Error
		address   *url.Error
	)
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + " does not resolve"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to it"
	case errors.As(err, &authority):
		return "its certificate is signed by an authority that is not trusted here"
	case errors.As(err, &hostname):
		return "its certificate is for another name: " + hostname.Error()
	case errors.As(err, &expired):
		return "its certificate is not valid: " + expired.Error()
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it does not speak TLS, but the address begins with https"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	case errors.Is(err, syscall.ECONNRESET):
		return "it closed the connection"
	case errors.As(err, &address):
		return address.Err.Error()
	}
	return ""
}
