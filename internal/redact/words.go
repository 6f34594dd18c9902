package redact

import (
	"index/suffixarray"
	"strings"
	"sync"
)

// Words are texts that are no secrets: names that everybody is told, what a
// chart itself says, and what all charts say. Nil has none. It is safe for concurrent use.
type Words struct {
	names  string
	charts []*ChartWords
}

// platform are names of Kubernetes and of what it is used with, each followed by
// a zero: manifests are full of them, and so are values.
const platform = "https://\x00kubernetes.io/\x00.svc.cluster.local\x00application/json\x00postgresql://\x00localhost\x00begin certificate\x00end certificate\x00private key\x00private-key\x00privatekey\x00"

// ChartWords are what a chart itself says.
type ChartWords struct {
	read  func() []string
	once  sync.Once
	index *suffixarray.Index
}

// NewChartWords reads a chart once it is asked for its words.
func NewChartWords(read func() []string) *ChartWords { return &ChartWords{read: read} }

// NewWords puts words together. Charts may be nil.
func NewWords(names []string, charts ...*ChartWords) *Words {
	return &Words{platform + SmallLetters(strings.Join(names, "\x00")), charts}
}

// has says whether a text, in small letters, stands among the words.
func (w *Words) has(s string) bool {
	if w == nil {
		return false
	}
	if strings.Contains(w.names, s) {
		return true
	}
	for _, c := range w.charts {
		if c.has(s) {
			return true
		}
	}
	return false
}

func (c *ChartWords) has(s string) bool {
	if c == nil {
		return false
	}
	c.once.Do(func() { c.index = suffixarray.New([]byte(SmallLetters(strings.Join(c.read(), "\x00")))) })
	return len(c.index.Lookup([]byte(s), 1)) > 0
}

// explain says whether a text is made of words, as "acme-postgresql" is of a
// name and of what a chart says, but for less than what could be part of a
// secret.
func (w *Words) explain(s string) bool {
	if w == nil {
		return false
	}
	if w.has(s) {
		return true
	}
	first := w.longest(len(s), func(n int) string { return s[:n] })
	last := w.longest(len(s)-first, func(n int) string { return s[len(s)-n:] })
	return len(s)-first-last < part && max(first, last) >= part
}

// longest is how much of a text, no shorter than a part, is among the words.
func (w *Words) longest(most int, of func(int) string) int {
	if most < part || !w.has(of(part)) {
		return 0
	}
	low, high := part, most
	for low < high {
		if middle := (low + high + 1) / 2; w.has(of(middle)) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}
