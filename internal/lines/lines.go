// Package lines cuts what programs and containers write into lines, each of them
// bounded: who writes without an end must not fill the memory.
package lines

import (
	"bytes"
	"unicode/utf8"
)

// Longest is how much of a line is kept where no other bound is given. It is far
// more than is shown, which is cut off only once secrets are hidden: of one that
// was cut, the rest is no longer found.
const Longest = 64 << 10

// Writer passes on the lines of what is written to it, without their ends.
type Writer struct {
	// To gets each line.
	To func(line string)
	// Most is how many bytes of a line are kept; zero means [Longest].
	Most int
	// Parts passes on a longer line in parts, none of it lost. Without it, the
	// rest is left out: a secret that stands in two parts is found in neither.
	Parts bool

	part []byte
}

// Write implements io.Writer; it never fails.
func (w *Writer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		piece, rest, ended := bytes.Cut(p, []byte("\n"))
		w.add(piece)
		if ended {
			w.pass()
		}
		p = rest
	}
	return n, nil
}

// Flush passes on a last line that has no end.
func (w *Writer) Flush() {
	if len(w.part) > 0 {
		w.pass()
	}
}

func (w *Writer) most() int {
	if w.Most == 0 {
		return Longest
	}
	return w.Most
}

// add keeps one byte more than a line may have, so that it is known to be cut.
func (w *Writer) add(piece []byte) {
	for w.Parts && len(w.part)+len(piece) > w.most() {
		room := w.most() - len(w.part)
		w.part = append(w.part, piece[:room]...)
		w.pass()
		piece = piece[room:]
	}
	w.part = append(w.part, piece[:min(len(piece), w.most()+1-len(w.part))]...)
}

func (w *Writer) pass() {
	line := Cut(string(w.part), w.most())
	w.part = w.part[:0]
	w.To(line)
}

// Cut keeps the most of a text, in whole characters, and marks that it was cut.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
