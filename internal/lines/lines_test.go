package lines

import (
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		parts bool
		want  []string
	}{
		"lines":             {text: "one\n\ntwo\n", want: []string{"one", "", "two"}},
		"no end":            {text: "one\ntwo", want: []string{"one", "two"}},
		"at the bound":      {text: "0123456789\nx\n", want: []string{"0123456789", "x"}},
		"beyond":            {text: "0123456789abcdefghijklmnop\nx\n", want: []string{"0123456789…", "x"}},
		"beyond, no end":    {text: "0123456789abcdefghijklmnop", want: []string{"0123456789…"}},
		"within a letter":   {text: "012345678é and more\n", want: []string{"012345678…"}},
		"parts":             {text: "0123456789abcdefghijklmnop\nx\n", parts: true, want: []string{"0123456789", "abcdefghij", "klmnop", "x"}},
		"parts at the end":  {text: "0123456789abcdefghij", parts: true, want: []string{"0123456789", "abcdefghij"}},
		"parts at a line's": {text: "0123456789abcdefghij\nx", parts: true, want: []string{"0123456789", "abcdefghij", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= len(c.text); size++ {
				var got []string
				w := &Writer{To: func(line string) { got = append(got, line) }, Most: 10, Parts: c.parts}
				for piece := range slices.Chunk([]byte(c.text), size) {
					if n, err := w.Write(piece); n != len(piece) || err != nil {
						t.Fatalf("wrote %d of %d, %v", n, len(piece), err)
					}
				}
				w.Flush()
				if !slices.Equal(got, c.want) {
					t.Errorf("in pieces of %d: %q, want %q", size, got, c.want)
				}
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	var got []string
	w := &Writer{To: func(line string) { got = append(got, line) }}
	piece := []byte(strings.Repeat("x", 1<<20))
	for range 32 {
		_, _ = w.Write(piece)
	}
	if cap(w.part) > 4*Longest {
		t.Errorf("%d bytes are kept", cap(w.part))
	}
	w.Flush()
	if len(got) != 1 || len(got[0]) > Longest+len("…") {
		t.Errorf("%d lines", len(got))
	}
}
