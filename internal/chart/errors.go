package chart

import (
	"fmt"
	"strings"
)

// NotFoundError says that a chart, or a version of it, does not exist.
type NotFoundError struct {
	Ref, Version string
	// Versions are those that do exist, newest first, as far as they are known.
	Versions []string
	// Nearest is the one that was probably meant; empty when none is close.
	Nearest string
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	if e.Version == "" {
		fmt.Fprintf(&b, "chart %s does not exist", e.Ref)
	} else {
		fmt.Fprintf(&b, "chart %s has no version %s", e.Ref, e.Version)
	}
	if e.Nearest != "" {
		fmt.Fprintf(&b, "; did you mean %s?", e.Nearest)
	}
	return b.String()
}

// UnreachableError says that a registry or repository did not answer.
type UnreachableError struct {
	Host string
	// Why is the cause in plain words.
	Why string
	// Hint says what may help; empty when nothing is known to.
	Hint  string
	Cause error

	plainHTTP bool
}

func (e *UnreachableError) Error() string {
	s := fmt.Sprintf("registry %s cannot be reached: %s", e.Host, e.Why)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *UnreachableError) Unwrap() error { return e.Cause }

// PlainHTTP says whether it is because plain HTTP is spoken there, where nobody
// said so.
func (e *UnreachableError) PlainHTTP() bool { return e.plainHTTP }

// UnauthorizedError says that a registry refuses the credentials, or asks for
// some.
type UnauthorizedError struct {
	Host  string
	Cause error
}

func (e *UnauthorizedError) Error() string {
	return fmt.Sprintf("registry %s refuses access; log in with helm registry login %s", e.Host, e.Host)
}

func (e *UnauthorizedError) Unwrap() error { return e.Cause }

// DigestError says that a version is no longer what was locked.
type DigestError struct {
	Ref, Version string
	Locked, Got  string
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("chart %s %s was locked as %s but its source now serves %s: the version was published again. If that is expected, run soctalk init -upgrade and review the change", e.Ref, e.Version, e.Locked, e.Got)
}

// InvalidError says that what was fetched is no usable chart.
type InvalidError struct {
	Ref, Version string
	Why          string
	Cause        error
}

func (e *InvalidError) Error() string {
	at := e.Ref
	if e.Version != "" {
		at += " " + e.Version
	}
	return fmt.Sprintf("chart %s cannot be used: %s", at, e.Why)
}

func (e *InvalidError) Unwrap() error { return e.Cause }
