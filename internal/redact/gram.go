package redact

import "slices"

// A gram is four bytes in a row. What two texts have in common, if it is that
// long, begins with a gram of both.

// gram is what stands in a text at a place.
func gram(s string, i int) uint32 {
	_ = s[i+3]
	return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24
}

// spread makes all bits of a gram matter to the lower ones.
func spread(g uint32) uint32 { return g * 0x9E3779B1 >> 8 }

// bits say of most grams that are not in a set that they are not.
type bits []uint64

// newBits has room for n grams.
func newBits(n int) bits {
	size := 16
	for size*64 < 16*n && size < 1<<14 {
		size *= 2
	}
	return make(bits, size)
}

func (b bits) at(g uint32) (word int, bit uint64) {
	h := spread(g)
	return int(h>>6) & (len(b) - 1), 1 << (h & 63)
}

func (b bits) set(g uint32) { word, bit := b.at(g); b[word] |= bit }

func (b bits) has(g uint32) bool { word, bit := b.at(g); return b[word]&bit != 0 }

// shares say which of some texts may hold a gram: those that do, and few others.
type shares struct {
	// texts are numbers of texts, by what their grams spread to; from is where
	// those of one slot begin.
	texts, from []int32
	count       int
}

func newShares(texts []string) shares {
	total := 0
	for _, s := range texts {
		total += max(0, len(s)-whole+1)
	}
	size := 64
	for size < total && size < 1<<20 {
		size *= 2
	}
	sh := shares{from: make([]int32, size+1), count: len(texts)}
	each := func(do func(text int32, slot uint32)) {
		last := make([]int32, size) // the text that a slot was met in, from 1 on
		for n, s := range texts {
			for i := range len(s) - whole + 1 {
				if slot := sh.slot(gram(s, i)); last[slot] != int32(n+1) { //nolint:gosec // there are not that many
					last[slot] = int32(n + 1) //nolint:gosec // as above
					do(int32(n), slot)        //nolint:gosec // as above
				}
			}
		}
	}
	each(func(_ int32, slot uint32) { sh.from[slot+1]++ })
	for i := range size {
		sh.from[i+1] += sh.from[i]
	}
	sh.texts = make([]int32, sh.from[size])
	next := slices.Clone(sh.from)
	each(func(text int32, slot uint32) {
		sh.texts[next[slot]] = text
		next[slot]++
	})
	return sh
}

func (s shares) slot(g uint32) uint32 { return spread(g) & uint32(len(s.from)-2) } //nolint:gosec // a power of two, less one

// with are the texts of a slot.
func (s shares) with(slot uint32) []int32 { return s.texts[s.from[slot]:s.from[slot+1]] }

// candidates are the texts that may have a gram in common with another one.
func (s shares) candidates(text string) []int32 {
	var all []int32
	var slots, known marks
	for i := range len(text) - whole + 1 {
		slot := s.slot(gram(text, i))
		some := s.with(slot)
		if len(some) == 0 {
			continue
		}
		if slots == nil {
			slots, known = newMarks(len(s.from)), newMarks(s.count)
		}
		if slots.mark(slot) {
			continue
		}
		for _, n := range some {
			if !known.mark(uint32(n)) { //nolint:gosec // it is none below zero
				all = append(all, n)
			}
		}
	}
	return all
}

// marks is a set of numbers.
type marks []uint64

func newMarks(n int) marks { return make(marks, (n+63)/64) }

// mark adds a number, and says whether it was there already.
func (m marks) mark(n uint32) bool {
	word, bit := &m[n/64], uint64(1)<<(n%64)
	had := *word&bit != 0
	*word |= bit
	return had
}
