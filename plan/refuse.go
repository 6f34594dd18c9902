package plan

import (
	"fmt"
	"strings"
)

// refuse gathers what of a hop must not be done, whatever the versions say.
func (d *Draft) refuse(m *Move, h *Hop, changes []objectChange, rendered []Object) []Problem {
	var all []Problem
	if p := stalePins(m, h, rendered); p != nil {
		all = append(all, *p)
	}
	if p := reminted(m, changes); p != nil {
		all = append(all, *p)
	}
	return all
}

// reminted refuses an upgrade that would give a live Secret new random data:
// whoever holds the old password or key would be locked out.
func reminted(m *Move, changes []objectChange) *Problem {
	for _, o := range changes {
		if o.key.kind != "Secret" || o.action != Change {
			continue
		}
		for _, c := range o.changes {
			path := strings.Join(c.path, "")
			if o.unstable[path] && c.hasBefore {
				return &Problem{Attr: "chart", Summary: "Generated Secret would be minted anew", Detail: fmt.Sprintf(
					"%s: %s of Secret %s is random and would get a new value, although the release is live with another one. The chart's `lookup` does not find the live Secret: was it deleted or renamed?",
					describe(m.Release), strings.TrimPrefix(path, "."), o.key.name)}
			}
		}
	}
	return nil
}
