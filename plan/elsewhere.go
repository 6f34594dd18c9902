package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkElsewhere warns of an install of the system while one is live in another
// namespace of its cluster: a namespace that is mistyped would get a second one.
func (d *Draft) checkElsewhere() {
	m := d.Moves[0]
	if m.Action != Install {
		return
	}
	var there []string
	for _, key := range slices.SortedFunc(maps.Keys(d.observation.Elsewhere), func(a, b ReleaseKey) int { return strings.Compare(a.Namespace, b.Namespace) }) {
		if chart := d.observation.Elsewhere[key]; key != KeyOf(m.Release) && (chart == "" || chart == m.wanted.Chart.Name) {
			there = append(there, key.Namespace)
		}
	}
	if len(there) == 0 {
		return
	}
	d.tell(Warning, m.Release, "namespace", "System is live in another namespace", fmt.Sprintf(
		"%s: nothing of that is live, but a release of this name and chart is in namespace %s. This plan would install a second system, with a database of its own, and leave the other one as it is. If that one is meant, write\n    namespace = %q",
		describe(m.Release), strings.Join(there, " and in namespace "), there[0]))
}
