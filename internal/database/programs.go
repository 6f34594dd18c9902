package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

// Program is one of PostgreSQL's own programs to be run. Stdin and Stdout may
// be nil.
type Program struct {
	Argv   []string
	Stdin  io.Reader
	Stdout io.Writer
}

// Programs runs PostgreSQL's own programs where they reach the database.
type Programs interface {
	// Connection returns the arguments with which a program connects to the
	// database of that name; empty is the one of the files.
	Connection(database string) []string
	// Run runs a program to its end. Its errors are an [Error].
	Run(ctx context.Context, p Program) error
	Close() error
}

// Tools returns what runs PostgreSQL's programs on the database of a system
// whose namespace is given: in the database's own pod, or on this machine. Its
// errors are an [Error].
func Tools(ctx context.Context, c *kube.Cluster, db *schema.Database, namespace string) (Programs, error) {
	if db.Exec != nil {
		return &inPod{cluster: c, namespace: namespace, at: *db.Exec}, nil
	}
	dsn, from, err := dsnOf(ctx, c, db, namespace)
	if err != nil {
		return nil, err
	}
	return openLocal(&network{cluster: c, namespace: namespace}, dsn, from)
}

// Version returns the major version of one of PostgreSQL's programs. Its errors
// are an [Error].
func Version(ctx context.Context, p Programs, program string) (int, error) {
	out := &bounded{max: 4 << 10}
	if err := p.Run(ctx, Program{Argv: []string{program, "--version"}, Stdout: out}); err != nil {
		return 0, err
	}
	// pg_dump (PostgreSQL) 15.19 (Debian 15.19-0+deb12u1)
	fields := strings.Fields(out.buffer.String())
	if len(fields) < 3 {
		return 0, &Error{"ask " + program + " for its version", "the answer is not understood"}
	}
	return Major(fields[2])
}

// Major is the first number of a version, such as 15 of "15.19" and "15beta1".
func Major(version string) (int, error) {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		version = version[:end]
	}
	n, err := strconv.Atoi(version)
	if err != nil {
		return 0, &Error{"read a version of PostgreSQL", "it is not understood"}
	}
	return n, nil
}

// Connection implements Programs.
func (p *inPod) Connection(database string) []string {
	if database == "" {
		database = p.at.Database
	}
	return []string{"-w", "-U", p.at.User, "-d", database}
}

// Run implements Programs.
func (p *inPod) Run(ctx context.Context, prog Program) error {
	errs := &bounded{max: 64 << 10}
	err := p.cluster.Exec(ctx, kube.Command{
		Namespace: p.namespace, Pod: p.at.Pod, Container: p.at.Container, Argv: prog.Argv, Stdin: prog.Stdin, Stdout: prog.Stdout, Stderr: errs,
	})
	if err == nil {
		return nil
	}
	why := err.Error()
	var exit *kube.ExitError
	if errors.As(err, &exit) {
		why = firstLine(errs.buffer.String(), err)
	}
	return &Error{fmt.Sprintf("run %s in pod %s/%s", prog.Argv[0], p.namespace, p.at.Pod), why}
}
