package redact

import (
	"regexp"
	"slices"
)

// sum is what a hash looks like where templates write it.
var sum = regexp.MustCompile(`[0-9A-Fa-f]{32,}`)

// HoldsSum says whether a text is or holds a hash of something, coded or not:
// what it is of can be guessed where that is short.
func HoldsSum(text string) bool {
	return sum.MatchString(text) || slices.ContainsFunc(Decodings(text), sum.MatchString)
}
