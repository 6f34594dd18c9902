package journal

import (
	"strings"
	"sync"
)

// queue holds the lines that are waiting to be written. It is safe for
// concurrent use.
type queue struct {
	mu    sync.Mutex
	lines []*queued
}

// queued is a line and, once it has ended, what became of it.
type queued struct {
	line  string
	ended bool
	err   error
}

func (q *queue) add(line string) *queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	one := &queued{line: line}
	q.lines = append(q.lines, one)
	return one
}

// take takes the first lines out, at most so many.
func (q *queue) take(most int) []*queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, len(q.lines))
	some := q.lines[:n:n]
	q.lines = q.lines[n:]
	return some
}

func joined(some []*queued) string {
	var b strings.Builder
	for _, q := range some {
		b.WriteString(q.line)
	}
	return b.String()
}
