package plan

import (
	"slices"
	"strings"
)

// known leaves out what cannot be compared because it was taken out of an
// offline observation.
func (d *Draft) known(changes []objectChange) []objectChange {
	if !d.observation.Offline {
		return changes
	}
	var out []objectChange
	for _, o := range changes {
		if o.action == Change {
			o.changes = slices.DeleteFunc(slices.Clone(o.changes), func(c change) bool { return redacted(c.before) })
			if len(o.changes) == 0 {
				continue
			}
		}
		out = append(out, o)
	}
	return out
}

func redacted(v any) bool {
	return slices.ContainsFunc(leaves(nil, v), func(s string) bool { return strings.Contains(s, Redacted) })
}
