// Package neterr says in plain words why a request got no answer.
package neterr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
)

// Explain returns the cause of a failed request in plain words, as the end of
// a sentence that begins with who was asked. It returns "" for an error that
// is not of the network.
func Explain(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		timeout   net.Error
		address   *url.Error
		op        *net.OpError
	)
	switch {
	case err == nil:
		return ""
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
	case errors.As(err, &invalid):
		return "its certificate is not valid: " + invalid.Error()
	case SpeaksPlainHTTP(err):
		return "it speaks plain HTTP, not HTTPS"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.HasSuffix(err.Error(), "EOF"),
		strings.Contains(err.Error(), "stream error: "): // HTTP/2
		return "it closed the connection"
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.As(err, &address):
		return address.Err.Error()
	}
	return ""
}

// SpeaksPlainHTTP tells that HTTPS was tried on a server that does not offer it.
func SpeaksPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}
