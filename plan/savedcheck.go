package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// checkSaved warns of what a way back may need and no snapshot of the plan saves.
func (d *Draft) checkSaved(steps []Step, outcomes map[string]*Outcome) {
	saved := map[string]bool{} // releases
	homes := map[string]bool{} // tenants with such a release
	for _, s := range steps {
		if s.Kind == StepSnapshot {
			saved[s.Address], homes[s.Tenant] = true, true
		}
	}
	d.tellSecrets(saved)
	d.tellUncovered(saved, homes, outcomes)
}

// tellSecrets warns where Secrets are not part of what is saved, in one line for
// all releases.
func (d *Draft) tellSecrets(saved map[string]bool) {
	var first *schema.Snapshot
	var of []*Move
	system := false
	for _, m := range d.Moves {
		blocks := m.Release.Snapshots
		if !saved[m.Release.Address] || slices.ContainsFunc(blocks, func(s *schema.Snapshot) bool { return len(s.Recipients) > 0 }) {
			continue
		}
		if first == nil {
			first = blocks[0]
		}
		if system = system || m.System != nil; m.System == nil && (len(of) == 0 || of[len(of)-1].Tenant != m.Tenant) {
			of = append(of, m)
		}
	}
	if first == nil {
		return
	}
	var who []string
	if system {
		who = append(who, "the system")
	}
	if len(of) > 0 {
		who = append(who, tenants(of))
	}
	d.diagnostics = append(d.diagnostics, Diagnostic{
		Severity: Warning, Range: rangeOf(first.Source.Block), Summary: "Secrets are not saved",
		Detail: fmt.Sprintf("The snapshots of %s are taken without the Secrets of their namespaces, because no recipients are given to encrypt them to: generated passwords and signing keys, and Helm's record of the live revision, are then nowhere but in the cluster. A way back needs them there. To save them too, give the snapshot block recipients, which are public keys of age, and a store.", strings.Join(who, " and ")),
	})
}

// tellUncovered warns of releases that keep data on volumes beside another release
// of the same tenant whose data are saved, and are not saved themselves.
func (d *Draft) tellUncovered(saved, homes map[string]bool, outcomes map[string]*Outcome) {
	groups := map[string]*volumeGroup{}
	var order []string
	for _, m := range d.Moves {
		o := outcomes[m.Release.Address]
		if m.Tenant == nil || !homes[m.Tenant.Address] || m.Action != Upgrade || len(m.Release.Snapshots) > 0 || o == nil || len(o.Turns) == 0 {
			continue
		}
		claims := d.written(m.Release, o.Turns[0].Before)
		if len(claims) == 0 {
			continue
		}
		p := volumeProblem{detail: "it is upgraded and keeps data on " + strings.Join(claims, ", ")}
		key := fmt.Sprint(identityOf(m).remove(p.detail), m.Companion == nil)
		if groups[key] == nil {
			groups[key] = &volumeGroup{problem: p}
			order = append(order, key)
		}
		groups[key].moves = append(groups[key].moves, m)
	}
	for _, key := range order {
		g := groups[key]
		first, detail := g.moves[0], g.problem.detail
		who := describe(first.Release)
		if len(g.moves) > 1 {
			who, detail = tenants(g.moves)+", as "+first.Release.Address, identityOf(first).remove(detail)
		}
		d.tell(Warning, first.Release, "", "Volumes are not saved", fmt.Sprintf(
			"%s: %s, and no snapshot block covers that: the tenant's others save what is of their own release. Give this release a snapshot block of its own, or set when = \"never\" in one if its data need not be saved.", who, detail))
	}
}

// written are the claims of a release that may hold data.
func (d *Draft) written(r *schema.Release, f Footprint) []string {
	volumes := d.observation.Volumes[r.Cluster]
	return slices.DeleteFunc(f.claimNames(), func(name string) bool {
		if volumes == nil || volumes.Problem != "" {
			return false
		}
		c, live := volumes.Claims[ClaimKey{r.Namespace, name}]
		return live && !c.Bound
	})
}
