package database

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

// maxOutput bounds what psql may write.
const maxOutput = 4 << 20

// inPod runs psql beside the database.
type inPod struct {
	cluster   *kube.Cluster
	namespace string
	at        schema.Exec
}

// Query implements Conn.
func (p *inPod) Query(ctx context.Context, sql string) ([][]string, error) {
	what := fmt.Sprintf("ask the database in pod %s/%s", p.namespace, p.at.Pod)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout+answerTimeout)
	defer cancel()
	out, errs := &bounded{max: maxOutput}, &bounded{max: 64 << 10}
	err := p.cluster.Exec(ctx, kube.Command{
		Namespace: p.namespace, Pod: p.at.Pod, Container: p.at.Container, Stdout: out, Stderr: errs,
		Argv: []string{"psql", "-X", "-w", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-U", p.at.User, "-d", p.at.Database,
			"-c", "BEGIN READ ONLY", "-c", fmt.Sprintf("SET LOCAL statement_timeout = %d", statementTimeout.Milliseconds()), "-c", withoutEnd(sql), "-c", "COMMIT"},
	})
	var exit *kube.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, &Error{what, "it did not answer in time"}
	case errors.As(err, &exit):
		return nil, &Error{what, firstLine(errs.buffer.String(), err)}
	case err != nil:
		return nil, &Error{what, err.Error()}
	case out.cut:
		return nil, &Error{what, fmt.Sprintf("the answer is larger than %d MiB", maxOutput>>20)}
	}
	r := csv.NewReader(&out.buffer)
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, &Error{what, "psql's answer cannot be read"}
	}
	return rows, nil
}

// Close implements Conn; each question is a connection of its own.
func (p *inPod) Close() error { return nil }

// firstLine is what psql says, without its own name.
func firstLine(text string, otherwise error) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return strings.TrimPrefix(line, "psql: error: ")
		}
	}
	return otherwise.Error()
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	buffer bytes.Buffer
	max    int
	cut    bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.max - b.buffer.Len()
	b.cut = b.cut || len(p) > room
	_, _ = b.buffer.Write(p[:min(len(p), room)])
	return len(p), nil
}
