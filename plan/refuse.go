package plan

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// refuse adds what of a hop must not be done, whatever the versions say.
func (x *hopReview) refuse(o *Outcome, against []objection) {
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
	// The files say it of a version that it breaks tenants.
	if declared := passageOf(x.draft.fleet.Facts, m.component(), h.From, h.To, nil); m.Tenant != nil && len(declared.Breaking) > 0 {
		o.refuseUnready(m, h)
	}
}

// refuseUnready refuses a breaking release that nothing was prepared for.
func (o *Outcome) refuseUnready(m *Move, h *Hop) {
	if len(snapshotsOf(m, true)) == 0 {
		o.Asked = append(o.Asked, schema.NoSnapshotWord)
		if !m.Release.Accept.NoSnapshot() {
			o.Refusals = append(o.Refusals, Problem{Attr: "version", Summary: "Breaking release without snapshot", Detail: fmt.Sprintf(
				"%s: %s is a breaking release of the tenant chart, and nothing is saved before it. Add a snapshot block; if the data may be lost, write\n    accept = [%q]", describe(m.Release), h.To, schema.NoSnapshotWord)})
		}
	}
	if m.Tenant.Window == "" {
		o.Refusals = append(o.Refusals, Problem{Attr: "version", Summary: "Breaking release without window", Detail: fmt.Sprintf(
			"%s: %s is a breaking release of the tenant chart, which may only run in a window. Set window.", describe(m.Release), h.To)})
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
