package redact

import (
	"slices"
	"strings"
	"sync"
)

// Text is a text that was read in every way that it may be coded.
type Text struct{ readings []string }

// Read reads a text.
func Read(text string) Text { return Text{append([]string{text}, Decodings(text)...)} }

// HoldsSum says whether a text is or holds a hash of something, coded or not:
// what it is of can be guessed where that is short.
func (t Text) HoldsSum() bool { return slices.ContainsFunc(t.readings, sum.MatchString) }

// Finder finds secrets. What it takes grows with the text and not with the
// number of secrets, as long as the text has nothing in common with them. Nil
// has none to find. It is safe for concurrent use.
type Finder struct {
	*known
	own *Words
}

// known are secrets, made ready to be looked for.
type known struct {
	// equal are secrets too short to be looked for within a text.
	equal map[string]bool
	// heads are the others by how they begin.
	heads map[uint32][]secret
	begin bits

	once   sync.Once
	flat   []string // letters and digits alone, in small letters
	shared shares   // which of those hold four bytes in a row
}

type secret struct{ text, small string }

// NewFinder returns what finds the secrets.
func NewFinder(secrets []string) *Finder {
	k := &known{heads: make(map[uint32][]secret, len(secrets)), begin: newBits(len(secrets))}
	seen := make(map[string]bool, len(secrets))
	for _, s := range secrets {
		if !seen[s] {
			seen[s] = true
			k.add(s)
		}
	}
	return &Finder{known: k}
}

func (k *known) add(s string) {
	if len(s) < whole {
		if k.equal == nil {
			k.equal = map[string]bool{}
		}
		if s != "" {
			k.equal[s] = true
		}
		return
	}
	small := SmallLetters(s)
	head := gram(small, 0)
	k.heads[head] = append(k.heads[head], secret{s, small})
	k.begin.set(head)
}

// But returns a finder of the same secrets that does not take for a changed
// secret what is made of words that are none. As it was given, a secret is one
// wherever it stands.
func (f *Finder) But(own *Words) *Finder {
	if f == nil {
		return nil
	}
	return &Finder{f.known, own}
}

// Holds says whether a text is or holds one of the secrets as a whole, coded or
// not, in whatever case and with whatever between its letters and digits.
func (f *Finder) Holds(t Text) bool { return f.any(t, false) }

// HoldsSome says whether a text is, holds or was made of one of the secrets:
// beside what [Finder.Holds] finds, also from a part of one that is too long to
// stand there by chance.
func (f *Finder) HoldsSome(t Text) bool { return f.any(t, true) }

// Has says whether a text is or holds one of the secrets, in whatever case.
func (f *Finder) Has(text string) bool { return f != nil && f.given(text) }

func (f *Finder) any(t Text, parts bool) bool {
	if f == nil || len(f.heads)+len(f.equal) == 0 {
		return false
	}
	if slices.ContainsFunc(t.readings, f.given) {
		return true
	}
	if len(f.heads) == 0 {
		return false
	}
	f.index()
	return slices.ContainsFunc(t.readings, func(s string) bool { return f.changed(s, parts) })
}

// given says whether a text is or holds a secret as it is, or in another case.
func (f *Finder) given(text string) bool {
	if f.equal[text] {
		return true
	}
	if len(text) < whole || len(f.heads) == 0 {
		return false
	}
	small := SmallLetters(text)
	for i := range len(small) - whole + 1 {
		head := gram(small, i)
		if !f.begin.has(head) {
			continue
		}
		for _, s := range f.heads[head] {
			if strings.HasPrefix(small[i:], s.small) && (strings.HasPrefix(text[i:], s.text) || !f.own.has(s.small)) {
				return true
			}
		}
	}
	return false
}

// index makes ready for texts in which secrets were changed.
func (k *known) index() {
	k.once.Do(func() {
		for _, list := range k.heads {
			for _, s := range list {
				// Of a line drawn around a heading no more than the heading would be left.
				if flat := flatten(s.small); len(flat) >= sure || len(flat) >= whole && 2*len(flat) >= len(s.small) {
					k.flat = append(k.flat, flat)
				}
			}
		}
		k.shared = newShares(k.flat)
	})
}

// SmallLetters keeps the length of a text, and leaves what is beyond ASCII as it is.
func SmallLetters(s string) string {
	capital := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	for i := range len(s) {
		if !capital(s[i]) {
			continue
		}
		small := []byte(s)
		for ; i < len(small); i++ {
			if capital(small[i]) {
				small[i] += 'a' - 'A'
			}
		}
		return string(small)
	}
	return s
}
