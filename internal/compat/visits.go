package compat

import (
	"encoding/binary"
	"slices"
)

// visits are those to one system version, with the same hops left, from which
// the same versions were possible for each class.
type visits struct {
	dead  bool // no way on
	spent [][]cost
}

// visit remembers where the search is. It returns nil where it need not go on:
// it was here before, with costs that were no higher, on a way that comes first.
func (s *search) visit(depth, system int) *visits {
	key := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(s.length-depth)), uint64(system))
	var spent []cost
	for i, c := range s.classes {
		var bits byte
		for n, sp := range s.spent[depth][i][c.start:] {
			bits <<= 1
			if sp.possible() {
				bits |= 1
				spent = append(spent, sp)
			}
			if n%8 == 7 {
				key = append(key, bits)
			}
		}
		key = append(key, bits)
	}
	v := s.seen[string(key)]
	if v == nil {
		v = &visits{}
		s.seen[string(key)] = v
	}
	if v.dead || slices.ContainsFunc(v.spent, func(before []cost) bool { return noneHigher(before, spent) }) {
		return nil
	}
	v.spent = append(v.spent, spent)
	return v
}

func noneHigher(a, b []cost) bool {
	for i := range a {
		if b[i].less(a[i]) {
			return false
		}
	}
	return true
}
