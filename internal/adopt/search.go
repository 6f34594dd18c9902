package adopt

import (
	"iter"
	"regexp"
	"strings"
	"unicode"

	"github.com/soctalk/fleet/internal/redact"
)

// long is from when on a text is looked for within others.
const long = 6

// strong texts do not stand in others by chance, be they short.
var strong = regexp.MustCompile(`[^a-z]`)

// telling says whether a text is looked for within others. A short common word
// is found as a whole value alone: a database is called soctalk, and so is much
// that is no secret.
func telling(text string) bool {
	return len(text) >= 2*long || len(text) >= long && strong.MatchString(text)
}

// search finds secrets within texts, in every coding that internal/redact knows.
// They are sorted by their first bytes, so that those of a thousand tenants cost
// no more than one.
type search map[string][]string

func newSearch(secrets []string) search {
	s := search{}
	for _, text := range secrets {
		if telling(text) {
			s[text[:long]] = append(s[text[:long]], text)
		}
	}
	return s
}

// find returns a secret that a text is or holds; empty: none.
func (s search) find(text string) string {
	if len(s) == 0 {
		return ""
	}
	if found := s.clear(text); found != "" {
		return found
	}
	for piece := range pieces(text) {
		for _, reading := range redact.Decodings(piece) {
			if found := s.clear(reading); found != "" {
				return found
			}
		}
	}
	return ""
}

// clear finds a secret that is in no coding.
func (s search) clear(text string) string {
	for i := 0; i+long <= len(text); i++ {
		for _, secret := range s[text[i:i+long]] {
			if strings.HasPrefix(text[i:], secret) {
				return secret
			}
		}
	}
	return ""
}

// window is how much of a text is decoded at once: there is an end to how many
// readings of one text are tried.
const window = 512

// pieces are a text and, where it is long, what can be decoded of it by itself:
// parts that overlap, and codes that are longer than those, in lines or not.
func pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(text) || len(text) <= window {
			return
		}
		for i := 0; i < len(text)-window/2; i += window / 2 {
			if !yield(text[i:min(i+window, len(text))]) {
				return
			}
		}
		joined := strings.Join(strings.Fields(text), "")
		for _, t := range []string{text, joined} {
			for code := range strings.FieldsFuncSeq(t, func(r rune) bool {
				return r > unicode.MaxASCII || r != '+' && r != '/' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			}) {
				if len(code) > window/2 && !yield(code) {
					return
				}
			}
		}
	}
}
