package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/schema"
)

// StepID names a step: the release at its hop, or the wave in its phase, and
// the kind.
func StepID(address string, number int, kind StepKind) string {
	return fmt.Sprintf("%s/%d/%s", address, number, kind)
}

// steps turns moves into a DAG, phase by phase: the system makes its hop, then
// tenants make theirs, wave by wave. Waves are gates: every tenant of a wave
// needs its gate, and the next gate needs every tenant of the wave before, so
// that the number of edges grows with the tenants and not with their square.
func (d *Draft) steps() []Step {
	b := &stepBuilder{draft: d, scheduled: map[string]scheduled{}}
	b.leaving(d.Leaving)
	for phase := range d.phases {
		b.phase = phase
		b.system(d.Moves[0])
		b.tenantCRDs(d.Moves[1:])
		for _, w := range d.fleet.Rollout.Waves {
			b.wave(w, d.Moves[1:])
		}
	}
	if m := d.Moves[0]; pinsHop(m) != nil {
		s := b.step(m, pinsHop(m), StepPins, m.Release.Timeout)
		s.Restarts = pinsHop(m).restarts
		b.add(s, union(b.tenants, b.last))
	}
	return b.steps
}

type stepBuilder struct {
	draft *Draft
	phase int
	steps []Step
	// last is what the next step needs.
	last []string
	// settled is the end of the system's part of the phase: no wave begins
	// without it, whatever became of the wave before.
	settled []string
	// tenants are the ends of every tenant's turn in the phase. The system does
	// not move on while one of them is behind: the version that it was left at
	// need not be allowed beside the system's next.
	tenants []string
	// scheduled are the definitions brought so far, by cluster and name.
	scheduled map[string]scheduled
}

func (b *stepBuilder) add(s Step, needs []string) {
	s.Phase, s.Needs = b.phase, append([]string{}, needs...)
	b.steps = append(b.steps, s)
	b.last = []string{s.ID}
}

// system adds the system's hop of the phase.
func (b *stepBuilder) system(m *Move) {
	h := hopIn(m, b.phase)
	if h == nil {
		return
	}
	b.last, b.tenants = union(b.tenants, b.last), nil
	b.snapshots(m)
	b.crds(m, h)
	if m.Action == Upgrade && migratesByJob(m, h) && !(h.migrated && b.draft.MigrationStands) {
		s := b.step(m, h, StepMigrate, m.System.Migration.Timeout)
		s.Template = m.System.Migration.Template
		b.add(s, b.last)
	}
	b.add(b.step(m, h, StepKind(m.Action), m.Release.Timeout), b.last)
	if checks := b.draft.systemChecks(); len(checks) > 0 {
		s := b.step(m, h, StepVerify, 0)
		s.From, s.To, s.Timeout, s.Checks = "", "", "", checks
		b.add(s, b.last)
	}
	b.settled = b.last
}

// snapshots saves what the hops of the phase need saved, once each.
func (b *stepBuilder) snapshots(m *Move) {
	taken := map[string]bool{}
	for _, h := range m.Hops {
		if h.Phase != b.phase {
			continue
		}
		for _, snap := range snapshotsOf(m, h.breaking) {
			if taken[snap.Name] {
				continue
			}
			taken[snap.Name] = true
			s := b.step(m, h, StepSnapshot, snap.Timeout)
			s.ID += "/" + snap.Name
			s.Snapshot, s.Driver, s.From, s.To = snap.Name, snap.Driver, "", ""
			s.NoRestore = snap.Driver == "command" && len(snap.RestoreArgv) == 0
			b.add(s, b.last)
		}
	}
}

func (b *stepBuilder) step(m *Move, h *Hop, kind StepKind, timeout time.Duration) Step {
	s := Step{
		ID: StepID(m.Release.Address, h.Number, kind), Kind: kind, Address: m.Release.Address, Hop: h.Number,
		From: versionText(h.From), To: versionText(h.To), Wave: m.Wave, Timeout: timeout.String(),
	}
	if m.Tenant != nil {
		s.Tenant, s.Window = m.Tenant.Address, m.Tenant.Window
	}
	return s
}

// union appends what of b is not in a.
func union(a, b []string) []string {
	in := make(map[string]bool, len(a))
	for _, id := range a {
		in[id] = true
	}
	out := slices.Clone(a)
	for _, id := range b {
		if !in[id] {
			out = append(out, id)
		}
	}
	return out
}

// hopIn returns the hop that a release makes in a phase, if any. The system
// makes at most one.
func hopIn(m *Move, phase int) *Hop {
	for _, h := range m.Hops {
		if h.Phase == phase && !h.pins {
			return h
		}
	}
	return nil
}

// wave adds the gate of a wave, its tenants, and its soak.
func (b *stepBuilder) wave(w *schema.Wave, moves []*Move) {
	turns := b.turns(w, moves)
	if len(turns) == 0 {
		return
	}
	address := "wave." + w.Name
	gate := Step{ID: StepID(address, b.phase, StepGate), Kind: StepGate, Address: address, Wave: w.Name, Approve: w.Approve}
	b.add(gate, union(b.settled, b.last))
	var done []string
	for _, turn := range turns {
		b.last = []string{gate.ID}
		b.turn(turn, b.draft.waveChecks(w, onTenant))
		done = append(done, b.last...)
	}
	b.last = done
	b.tenants = append(b.tenants, done...)
	if w.Soak > 0 || len(w.Checks) > 0 {
		b.add(Step{ID: StepID(address, b.phase, StepSoak), Kind: StepSoak, Address: address, Wave: w.Name, Settle: w.Soak.String(), Checks: b.draft.waveChecks(w, onTenant, onWave)}, union([]string{gate.ID}, done))
	}
}

// turns are the moves of a wave that have something to do in the phase, tenant
// by tenant.
func (b *stepBuilder) turns(w *schema.Wave, moves []*Move) [][]*Move {
	var turns [][]*Move
	for _, m := range moves {
		if m.Wave != w.Name || hopIn(m, b.phase) == nil {
			continue
		}
		if n := len(turns); n > 0 && turns[n-1][0].Tenant == m.Tenant {
			turns[n-1] = append(turns[n-1], m)
		} else {
			turns = append(turns, []*Move{m})
		}
	}
	return turns
}

// turn adds what one tenant does in a phase: first everything that has to be
// saved, then its releases in their order, then proof that it is well.
func (b *stepBuilder) turn(moves []*Move, checks []string) {
	for _, m := range moves {
		b.snapshots(m)
	}
	for _, m := range moves {
		for _, h := range m.Hops {
			if h.Phase == b.phase {
				b.add(b.step(m, h, StepKind(m.Action), m.Release.Timeout), b.last)
			}
		}
	}
	tenant := moves[0].Tenant
	b.add(Step{
		ID: StepID(tenant.Address, b.phase, StepVerify), Kind: StepVerify, Address: tenant.Address, Tenant: tenant.Address,
		Wave: moves[0].Wave, Settle: b.draft.fleet.Rollout.Settle.String(), Checks: checks,
	}, b.last)
}
