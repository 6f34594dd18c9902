// Package database is the way into the system's PostgreSQL, wherever it runs:
// through the API server where that is inside the cluster, in the database's
// own pod, or directly.
package database

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

const (
	connectTimeout   = 10 * time.Second
	statementTimeout = 10 * time.Second
	// answerTimeout leaves the server the time to say that it gave up.
	answerTimeout = statementTimeout + 2*time.Second
)

// Conn is a connection that reads. It is not safe for concurrent use.
type Conn interface {
	// Query runs one statement in a transaction that can only read, and returns
	// its rows as text; NULL is the empty text. Its errors are an [Error].
	Query(ctx context.Context, sql string) ([][]string, error)
	Close() error
}

// Error says why a database cannot be used. Neither the DSN nor the password
// is in it, nor in anything it wraps.
type Error struct {
	// What was attempted, and Why it failed, in plain words.
	What, Why string
}

func (e *Error) Error() string { return e.What + ": " + e.Why }

// Connect opens the database of a system whose namespace is given. Its errors
// are an [Error].
func Connect(ctx context.Context, c *kube.Cluster, db *schema.Database, namespace string) (Conn, error) {
	if db.Exec != nil {
		return &inPod{cluster: c, namespace: namespace, at: *db.Exec}, nil
	}
	text, from, err := dsnOf(ctx, c, db, namespace)
	if err != nil {
		return nil, err
	}
	return connect(ctx, &network{cluster: c, namespace: namespace}, text, from)
}

// dsnOf returns the DSN, and where it is from.
func dsnOf(ctx context.Context, c *kube.Cluster, db *schema.Database, namespace string) (text, from string, err error) {
	if db.DSNSecret == nil {
		return db.DSN, "dsn", nil
	}
	text, err = secret(ctx, c, namespace, *db.DSNSecret)
	return text, fmt.Sprintf("key %s of Secret %s/%s", db.DSNSecret.Key, namespace, db.DSNSecret.Name), err
}

// HeadsError says that the schema has several revisions at once, so that
// nobody can tell what it needs.
type HeadsError struct{ Revisions []string }

func (e *HeadsError) Error() string {
	return fmt.Sprintf("alembic_version has %d rows, and should have one: %s", len(e.Revisions), strings.Join(e.Revisions, ", "))
}

// Revision returns the schema revision that Alembic has written down; empty
// when there is none yet. Its errors are a [HeadsError] or an [Error].
func Revision(ctx context.Context, c Conn) (string, error) {
	rows, err := c.Query(ctx, "SELECT to_regclass('alembic_version')")
	if err != nil {
		return "", err
	}
	if text(rows) == "" {
		return "", nil
	}
	if rows, err = c.Query(ctx, "SELECT version_num FROM alembic_version ORDER BY version_num"); err != nil {
		return "", err
	}
	if len(rows) <= 1 {
		return text(rows), nil
	}
	heads := &HeadsError{}
	for _, row := range rows {
		heads.Revisions = append(heads.Revisions, text([][]string{row}))
	}
	return "", heads
}

// text is the first field of the first row.
func text(rows [][]string) string {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return ""
	}
	return rows[0][0]
}

// ServerVersion returns the version of the server, such as "15.19". Its errors
// are an [Error].
func ServerVersion(ctx context.Context, c Conn) (string, error) {
	rows, err := c.Query(ctx, "SELECT current_setting('server_version')")
	if err != nil {
		return "", err
	}
	version, _, _ := strings.Cut(text(rows), " ") // what follows is the distribution's
	return version, nil
}
