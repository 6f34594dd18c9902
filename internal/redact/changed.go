package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// part is the length from which on a part of a secret is told from what stands
	// there by chance, where it is cut as templates cut: at an end, or in half.
	part = 6
	// end is the length from which on the beginning or the end of a secret need not
	// end where a word does.
	end = 8
	// sure is the length of what stands nowhere by chance.
	sure = 12
)

// changed says whether a text holds a secret of which templates changed the case
// or what stands between letters and digits; with parts, also one that they cut
// or replaced characters in. Lengths are of letters and digits.
func (f *Finder) changed(text string, parts bool) bool {
	flat := flattened(text)
	candidates := f.shared.candidates(flat.text)
	if len(candidates) == 0 || f.own.has(flat.small) {
		return false
	}
	flat.index()
	var found []common
	for _, n := range candidates {
		s := f.flat[n]
		found = flat.common(s, found[:0])
		if f.derived(flat, s, found, parts) {
			return true
		}
	}
	return false
}

// derived says whether what a text has in common with a secret comes from it.
func (f *Finder) derived(flat *flatText, s string, found []common, parts bool) bool {
	n, rest := len(s), found[:0]
	for _, c := range found {
		piece := flat.piece(c)
		begins, ends := c.in == 0, c.in+c.long == n
		if begins && ends {
			// Short ones would be found across the words of a sentence.
			if (n >= part || flat.begins(c.at) && flat.ends(c.at+c.long)) && !f.own.has(piece) {
				return true
			}
			continue
		}
		if !parts || f.own.explain(piece) {
			continue
		}
		if c.long >= part && (c.long >= sure || 2*c.long >= n ||
			begins && (c.long >= end || flat.ends(c.at+c.long)) || ends && (c.long >= end || flat.begins(c.at))) {
			return true
		}
		rest = append(rest, c)
	}
	return parts && covered(rest, n)
}

// covered says whether parts that follow one another closely, as they do where
// some characters between them were replaced, make up most of a secret.
func covered(parts []common, n int) bool {
	enough := max(end, (n+1)/2)
	for i, first := range parts {
		sum, in, at := 0, first.in, first.at
		for _, c := range parts[i:] {
			if skip := max(in-c.in, at-c.at, 0); skip < c.long && c.at+c.long <= first.at+2*n {
				sum += c.long - skip
				in, at = c.in+c.long, c.at+c.long
			}
		}
		if sum >= enough {
			return true
		}
	}
	return false
}

// common is a part of a secret that is in a text too.
type common struct{ in, at, long int }

// flatText is a text without all but letters and digits, in small letters.
type flatText struct {
	small string // the text itself
	text  string
	from  []int32 // where in the text itself a byte comes from
	to    []int32 // and where that character ends
	first map[uint32]int32
	next  []int32
	bits  bits
}

// flatten leaves the letters and digits of a text, in small letters.
func flatten(s string) string {
	s = SmallLetters(s)
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return flattened(s).text
		}
	}
	var b strings.Builder
	from := 0
	for i := range len(s) {
		if !plain(s[i]) {
			b.WriteString(s[from:i])
			from = i + 1
		}
	}
	if from == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// plain is a small letter or digit.
func plain(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func flattened(s string) *flatText {
	t := &flatText{small: SmallLetters(s)}
	out := make([]byte, 0, len(s))
	t.from, t.to = make([]int32, 0, len(s)), make([]int32, 0, len(s))
	for i := 0; i < len(t.small); {
		c := t.small[i]
		if c < utf8.RuneSelf {
			if plain(c) {
				out, t.from, t.to = append(out, c), append(t.from, int32(i)), append(t.to, int32(i+1)) //nolint:gosec // no text is that long
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(t.small[i:])
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			before := len(out)
			out = utf8.AppendRune(out, unicode.ToLower(r))
			for range len(out) - before {
				t.from, t.to = append(t.from, int32(i)), append(t.to, int32(i+size)) //nolint:gosec // no text is that long
			}
		}
		i += size
	}
	t.text = string(out)
	return t
}

// piece is a part as it stands in the text.
func (t *flatText) piece(c common) string { return t.small[t.from[c.at]:t.to[c.at+c.long-1]] }

// begins and ends say whether a word does at a place.
func (t *flatText) begins(at int) bool { return at == 0 || t.from[at] > t.to[at-1] }
func (t *flatText) ends(at int) bool   { return at == len(t.text) || t.begins(at) }

func (t *flatText) index() {
	n := len(t.text) - whole + 1
	t.first, t.next, t.bits = make(map[uint32]int32, n), make([]int32, n), newBits(n)
	for i := n - 1; i >= 0; i-- {
		g := gram(t.text, i)
		t.next[i] = -1
		if at, has := t.first[g]; has {
			t.next[i] = at
		}
		t.first[g] = int32(i) //nolint:gosec // no text is that long
		t.bits.set(g)
	}
}

const (
	// places bounds where in a text the same four bytes are looked at, and found
	// how much of it is kept: texts that say one thing over and over have no end
	// of places.
	places = 64
	finds  = 256
)

// common adds the longest parts, of whole bytes and more, that a text has in
// common with a secret, by where they begin in the secret.
func (t *flatText) common(s string, into []common) []common {
	more := false // whether not all places of the gram before were looked at
	for i := range len(s) - whole + 1 {
		g := gram(s, i)
		if !t.bits.has(g) {
			more = false
			continue
		}
		at, has := t.first[g]
		all := !more
		for n := 0; has && at >= 0 && n < places; n++ {
			j := int(at)
			// Otherwise it is a part of what began with the gram before.
			if !all || i == 0 || j == 0 || s[i-1] != t.text[j-1] {
				long := whole
				for i+long < len(s) && j+long < len(t.text) && s[i+long] == t.text[j+long] {
					long++
				}
				if into = append(into, common{i, j, long}); len(into) == finds {
					return into
				}
			}
			at = t.next[j]
		}
		more = has && at >= 0
	}
	return into
}
