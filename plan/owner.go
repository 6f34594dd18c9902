package plan

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// ownerWords are the words of `accept` for the objects that
// [Observation.Owners] names.
var ownerWords = map[string]string{" HelmRelease ": "flux", " HelmChart ": "helmchart", " Application ": "argocd"}

// checkOwner refuses to change what another tool manages too: the two would
// undo each other's work.
func (d *Draft) checkOwner(m *Move) {
	owner := d.observation.Owners[KeyOf(m.Release)]
	if owner == "" || m.Action == Unchanged {
		return
	}
	tool := "another tool"
	for kind, word := range ownerWords {
		if strings.Contains(owner, kind) {
			tool = word
		}
	}
	d.asked[m.Release.Address] = append(d.asked[m.Release.Address], schema.OwnerWord(tool))
	if !m.Release.Accept.OwnedBy(tool) {
		d.fail(m.Release, "", "Release belongs to another tool", fmt.Sprintf(
			"%s is managed by %s too, which would undo what is done here, or be undone. Take the release out of that tool, or leave it out of the plan with -exclude; to change it all the same, write\n    accept = [%q]",
			describe(m.Release), owner, schema.OwnerWord(tool)))
	}
}
