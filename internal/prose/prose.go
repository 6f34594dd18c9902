// Package prose makes sentences of texts that were written to stand in one.
package prose

import (
	"unicode"
	"unicode/utf8"
)

// Capital returns a text whose first letter is a capital, in any script.
func Capital(s string) string { return first(s, unicode.ToUpper) }

// Lower returns a text whose first letter is none.
func Lower(s string) string { return first(s, unicode.ToLower) }

func first(s string, turn func(rune) rune) string {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError { // nothing, or no text
		return s
	}
	return string(turn(r)) + s[n:]
}
