package compat

import "slices"

// irreducible returns a part of items that still fails, while nothing smaller
// made of it does: QuickXplain (Junker, 2004). It keeps earlier items rather
// than later ones. All items together fail, and adding items never mends.
func irreducible[T any](items []T, fails func([]T) bool) []T {
	var split func(given []T, added bool, rest []T) []T
	split = func(given []T, added bool, rest []T) []T {
		if added && fails(given) {
			return nil
		}
		if len(rest) == 1 {
			return rest
		}
		early, late := rest[:len(rest)/2], rest[len(rest)/2:]
		kept := split(slices.Concat(given, early), true, late)
		return slices.Concat(split(slices.Concat(given, kept), len(kept) > 0, early), kept)
	}
	if fails(nil) {
		return nil
	}
	return split(nil, false, items)
}
