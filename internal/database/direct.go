package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/neterr"
)

// overNetwork speaks PostgreSQL's own protocol.
type overNetwork struct {
	conn *pgconn.PgConn
	// server and secrets are for messages.
	server  string
	secrets []string
}

func connect(ctx context.Context, n *network, dsn, from string) (Conn, error) {
	config, err := parse(dsn, from)
	if err != nil {
		return nil, err
	}
	// Names inside the cluster resolve only there.
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = n.dial
	d := &overNetwork{server: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))), secrets: []string{dsn, config.Password}}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if d.conn, err = pgconn.ConnectConfig(ctx, config); err != nil {
		return nil, &Error{"connect to the database at " + d.server, d.why(err)}
	}
	return d, nil
}

// Query implements Conn.
func (d *overNetwork) Query(ctx context.Context, sql string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	// Each is sent as one statement, so that none can leave the transaction.
	batch := &pgconn.Batch{}
	for _, statement := range []string{"BEGIN READ ONLY", fmt.Sprintf("SET LOCAL statement_timeout = %d", statementTimeout.Milliseconds()), withoutEnd(sql), "COMMIT"} {
		batch.ExecParams(statement, nil, nil, nil, nil)
	}
	results, err := d.conn.ExecBatch(ctx, batch).ReadAll()
	if err != nil {
		why := d.why(err)
		// The transaction is left open by what went wrong in it.
		_, _ = d.conn.Exec(ctx, "ROLLBACK").ReadAll()
		return nil, &Error{"ask the database at " + d.server, why}
	}
	var rows [][]string
	for _, r := range results {
		for _, row := range r.Rows {
			fields := make([]string, len(row))
			for i, field := range row {
				fields[i] = string(field)
			}
			rows = append(rows, fields)
		}
	}
	return rows, nil
}

// Close implements Conn.
func (d *overNetwork) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	return d.conn.Close(ctx)
}

// attempt is what the library writes before each cause: where it tried.
var attempt = regexp.MustCompile(`(?m)^\S+ \(\S+\): (dial error: )?`)

// why is a cause in plain words. The library's own begin with what it was given
// to connect with.
func (d *overNetwork) why(err error) string {
	var answer *pgconn.PgError
	var own *Error
	var unreachable *kube.UnreachableError
	var forbidden *kube.ForbiddenError
	var text string
	switch {
	case errors.As(err, &answer):
		text = fmt.Sprintf("it answers: %s (SQLSTATE %s)", answer.Message, answer.Code)
	case errors.As(err, &own):
		text = own.Error()
	case errors.As(err, &forbidden):
		text = forbidden.Error()
	case errors.As(err, &unreachable):
		text = unreachable.Error()
	case errors.Is(err, context.DeadlineExceeded):
		text = "it did not answer in time"
	default:
		if text = neterr.Explain(err); text == "" {
			text = attempt.ReplaceAllString(deepest(err), "")
		}
	}
	// An address that is tried twice, with and without TLS, fails twice.
	lines := slices.Compact(strings.Split(text, "\n"))
	return hide(strings.Join(lines, "\n"), d.secrets...)
}

func withoutEnd(sql string) string { return strings.TrimRight(sql, "; \t\r\n") }
