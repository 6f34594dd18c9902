package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// csiDriver saves volumes by VolumeSnapshots.
const csiDriver = "csi"

// checkVolumes finds, among the volumes that the plan's steps are to save, those
// of which no snapshot is possible. They are refused, unless the files accept
// that they are not saved. Tenants of which the same is true are told of
// together.
func (d *Draft) checkVolumes(steps []Step, outcomes map[string]*Outcome) {
	moves := map[string]*Move{}
	for _, m := range d.Moves {
		moves[m.Release.Address] = m
	}
	groups := map[string]*volumeGroup{}
	var order []string
	for i := range steps {
		s := &steps[i]
		m := moves[s.Address]
		if s.Kind != StepSnapshot || s.Driver != csiDriver || m == nil || outcomes[s.Address] == nil {
			continue
		}
		volumes := d.observation.Volumes[m.Release.Cluster]
		if volumes == nil {
			continue // an observation from a file
		}
		for _, p := range volumes.problems(m.Release, s.Snapshot, outcomes[s.Address].Turns[s.Hop].Before) {
			if p.acceptable {
				d.asked[s.Address] = append(d.asked[s.Address], schema.NoSnapshotWord)
				if p.accepted {
					s.Unsaved = append(s.Unsaved, p.claim)
				}
			}
			key := fmt.Sprint(p.accepted, p.acceptable, identityOf(m).remove(p.detail), m.System != nil, m.Companion != nil)
			if groups[key] == nil {
				groups[key] = &volumeGroup{problem: p}
				order = append(order, key)
			}
			groups[key].moves = append(groups[key].moves, m)
		}
	}
	for _, key := range order {
		groups[key].tell(d)
	}
}

// volumeProblem is why one volume cannot be saved.
type volumeProblem struct {
	claim, detail string
	// acceptable says that the files may accept it, accepted that they do.
	acceptable, accepted bool
}

// problems are those of the volumes that a snapshot of a release is to save.
func (v *Volumes) problems(r *schema.Release, snapshot string, f Footprint) []volumeProblem {
	if v.Problem != "" {
		return []volumeProblem{{detail: fmt.Sprintf("whether snapshot %q can save its volumes is not known: %s. It is looked at again before the snapshot is taken.", snapshot, v.Problem), accepted: true}}
	}
	i := slices.IndexFunc(r.Snapshots, func(s *schema.Snapshot) bool { return s.Name == snapshot })
	var out []volumeProblem
	for _, name := range f.claimNames() {
		c, live := v.Claims[ClaimKey{r.Namespace, name}]
		if !live || !c.Bound || c.Provisioner == "" {
			continue // there is nothing on it, or the cluster has to be asked about the volume itself
		}
		_, err := ChooseClass(v.Classes, c.Provisioner, r.Snapshots[i].Class)
		if err == nil {
			continue
		}
		p := volumeProblem{claim: name}
		var none *NoClassError
		p.acceptable = errors.As(err, &none)
		p.accepted = p.acceptable && r.Accept.NoSnapshot()
		p.detail = fmt.Sprintf("snapshot %q is to save claim %s (StorageClass %s), and %v", snapshot, name, c.StorageClass, err)
		out = append(out, p)
	}
	return out
}

// claimNames are the claims that a manifest makes or that its pods mount.
func (f Footprint) claimNames() []string {
	names := slices.Clone(f.Mounts)
	for _, c := range f.Claims {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// volumeGroup are releases with the same problem.
type volumeGroup struct {
	problem volumeProblem
	moves   []*Move
}

func (g *volumeGroup) tell(d *Draft) {
	p, first := g.problem, g.moves[0]
	who := describe(first.Release)
	if len(g.moves) > 1 {
		who = tenants(g.moves)
		p.detail = identityOf(first).remove(p.detail)
	}
	detail := who + ": " + strings.TrimSuffix(p.detail, ".") + "."
	switch {
	case p.accepted && !p.acceptable:
		d.tell(Warning, first.Release, "", "Volumes could not be looked at", detail)
	case p.accepted:
		d.tell(Warning, first.Release, "accept", "Volume is not saved", detail+" As accepted, nothing of it is saved, so there is no way back to its data.")
	case p.acceptable:
		d.tell(Error, first.Release, "", "Volume cannot be snapshotted", fmt.Sprintf(
			"%s Install a VolumeSnapshotClass for that driver, move the data to a StorageClass whose driver can, or save it in another way (driver command, or velero where it can take a snapshot of that storage). If the data may be lost, write\n    accept = [%q]", detail, schema.NoSnapshotWord))
	default:
		d.tell(Error, first.Release, "", "No class for a volume's snapshot", detail)
	}
}
