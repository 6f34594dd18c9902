package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// refuse adds what of a hop must not be done, whatever the versions say.
// breaking is what it breaks, whoever says so.
func (x *hopReview) refuse(o *Outcome, against []objection, breaking []string) {
	m, h := x.move, x.hop
	add := func(p *Problem) {
		if p != nil {
			o.Refusals = append(o.Refusals, *p)
		}
	}
	add(stalePins(m, h, x.after))
	add(reminted(m, x.changes))
	for _, a := range against {
		o.Asked = append(o.Asked, a.Word)
		if !a.Accepted {
			add(&Problem{Summary: a.Summary, Detail: fmt.Sprintf("%s: %s", describe(m.Release), a.Detail)})
		}
	}
	// What the files declare counts for every tenant. What the chart says of
	// itself, or an image's major version, is about the data plane, and counts
	// where there is one.
	declared := passageOf(x.draft.fleet.Facts, m.component(), h.From, h.To, nil).Breaking
	if m.Tenant != nil && (len(declared) > 0 || len(breaking) > 0 && keepsData(x.before)) {
		o.refuseUnready(m, h)
	}
}

// keepsData says whether there are volumes that a hop may spoil.
func keepsData(objects []Object) bool {
	return slices.ContainsFunc(objects, func(o Object) bool {
		return kindOf(o) == "PersistentVolumeClaim" || kindOf(o) == "StatefulSet" && len(mapsAt(o, "spec", "volumeClaimTemplates")) > 0
	})
}

// refuseUnready refuses a breaking release that nothing was prepared for.
func (o *Outcome) refuseUnready(m *Move, h *Hop) {
	if len(snapshotsOf(m, true)) == 0 {
		o.Asked = append(o.Asked, schema.NoSnapshotWord)
		if !m.Release.Accept.NoSnapshot() {
			o.Refusals = append(o.Refusals, Problem{Attr: "version", Summary: "Breaking release without snapshot", Detail: fmt.Sprintf(
				"%s: %s is a breaking release of chart %s, and nothing is saved before it. Add a snapshot block; if the data may be lost, write\n    accept = [%q]", describe(m.Release), h.To, h.Wanted.Chart.Name, schema.NoSnapshotWord)})
		}
	}
	if m.Tenant.Window == "" {
		o.Refusals = append(o.Refusals, Problem{Attr: "version", Summary: "Breaking release without window", Detail: fmt.Sprintf(
			"%s: %s is a breaking release of chart %s, which may only run in a window. Set window.", describe(m.Release), h.To, h.Wanted.Chart.Name)})
	}
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
