package database

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Session is a transaction that stays open and shows one moment, in psql where
// that reaches the database. It is not safe for concurrent use.
type Session struct {
	in      *io.PipeWriter
	out     *bufio.Reader
	ended   chan error
	cancel  context.CancelFunc
	unblock func()
	// Snapshot names the moment to other transactions, pg_dump's for one.
	Snapshot string
}

// OpenSession begins a transaction that only reads, in the database of that
// name; empty is the one of the files. Its errors, and those of its methods, are
// an [Error].
func OpenSession(ctx context.Context, p Programs, database string) (*Session, error) {
	ctx, cancel := context.WithCancel(ctx)
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	s := &Session{in: in, out: bufio.NewReader(out), ended: make(chan error, 1), cancel: cancel, unblock: func() { _ = out.CloseWithError(io.ErrClosedPipe) }}
	go func() {
		argv := append([]string{"psql", "--no-psqlrc", "--quiet", "--tuples-only", "--csv", "--set=ON_ERROR_STOP=1"}, p.Connection(database)...)
		err := p.Run(ctx, Program{Argv: argv, Stdin: stdin, Stdout: stdout})
		_ = stdout.Close()
		_ = stdin.Close()
		s.ended <- err
	}()
	// What row security hides would be missing from a count: then it fails.
	rows, err := s.Query(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_export_snapshot()")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Snapshot = text(rows)
	return s, nil
}

// Query implements Conn.
func (s *Session) Query(_ context.Context, sql string) ([][]string, error) {
	mark := rand.Text()
	if _, err := fmt.Fprintf(s.in, "%s;\n\\echo %s\n", withoutEnd(sql), mark); err != nil {
		return nil, s.why()
	}
	var answer strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			return nil, s.why()
		}
		if strings.TrimSuffix(line, "\n") == mark {
			break
		}
		if answer.WriteString(line); answer.Len() > maxOutput {
			return nil, &Error{"ask the database", fmt.Sprintf("the answer is larger than %d MiB", maxOutput>>20)}
		}
	}
	r := csv.NewReader(strings.NewReader(answer.String()))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, &Error{"ask the database", "psql's answer cannot be read"}
	}
	return rows, nil
}

// why is what psql ended with.
func (s *Session) why() error {
	err := <-s.ended
	s.ended <- err
	if err == nil {
		err = &Error{"ask the database", "psql ended before it answered"}
	}
	return err
}

// Close implements Conn.
func (s *Session) Close() error {
	_ = s.in.Close()
	s.unblock()
	err := <-s.ended
	s.ended <- err
	s.cancel()
	return err
}
