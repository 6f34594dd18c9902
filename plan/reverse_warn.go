package plan

import (
	"fmt"
	"slices"
	"strings"
)

// warn tells what there is to know before the way back is taken.
func (v *Reversal) warn() {
	var definitions []string
	for i, s := range v.Plan.Steps {
		if i > v.at && s.Kind == StepCRDs && v.Deeds.Done[s.ID] {
			definitions = append(definitions, s.CRDs...)
		}
	}
	if len(definitions) > 0 {
		slices.Sort(definitions)
		v.tell(Warning, "", "Custom resource definitions stay", fmt.Sprintf("the run updated %s. Definitions are not put back: objects may be stored in their new versions.", strings.Join(slices.Compact(definitions), ", ")))
	}
	tenants := slices.ContainsFunc(v.Returns, func(r *Return) bool { return r.Tenant != "" && len(r.Legs) > 0 })
	pinned := slices.ContainsFunc(v.Plan.Steps, func(s Step) bool { return s.Kind == StepPins && v.Deeds.Done[s.ID] })
	if tenants && pinned && !v.systemMoves() {
		v.tell(Warning, "system", "Provisioning stays pinned to the new versions", "the system stays as it is, and SocTalk's own controller brings a tenant to the versions that it pins at the next edit of that tenant's settings.")
	}
}

// losses are the data that the way back gives up.
func (v *Reversal) losses(taken map[string]bool) []Loss {
	var all []Loss
	for _, r := range v.Returns {
		for _, leg := range r.Legs {
			for _, s := range leg.restores {
				all = append(all, Loss{Address: r.Release.Address, Snapshot: s.ID, Since: s.Taken, What: lostTo(r, s)})
			}
		}
		if taken[r.Release.Address] {
			all = append(all, Loss{Address: r.Release.Address, What: "the volumes that go with the release, which the run installed"})
		}
	}
	return all
}

func lostTo(r *Return, s *Snapshot) string {
	if r.Tenant == "" && s.SchemaRevision != "" {
		return "everything written to the database, of all tenants"
	}
	return "everything written to the volumes"
}

// tellLosses warns of them, or refuses where nobody has accepted them.
func (v *Reversal) tellLosses(losses []Loss) {
	if len(losses) == 0 {
		return
	}
	var lines []string
	for _, l := range losses[:min(len(losses), mostLines)] {
		line := l.Address + ": " + l.What
		if l.Since != nil {
			line += fmt.Sprintf(" since %s, when snapshot %s was taken", l.Since.UTC().Format("2006-01-02 15:04:05 UTC"), l.Snapshot)
		}
		lines = append(lines, "  - "+line)
	}
	if n := len(losses) - mostLines; n > 0 {
		lines = append(lines, fmt.Sprintf("  - and %d more", n))
	}
	text := "this way back loses\n" + strings.Join(lines, "\n")
	if v.AcceptLoss {
		v.tell(Warning, "", "Data will be lost", text)
		return
	}
	v.tell(Error, "", "Data would be lost", text+"\nNothing was changed. To go back all the same, pass -accept-data-loss.")
}
