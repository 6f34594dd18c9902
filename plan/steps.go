package plan

import (
	"fmt"
	"time"

	"github.com/soctalk/fleet/schema"
)

// StepID names a step: the release or wave, the hop, the kind.
func StepID(address string, hop int, kind StepKind) string {
	return fmt.Sprintf("%s/%d/%s", address, hop, kind)
}

// steps turns moves into a DAG. Waves are gates: every tenant of a wave needs
// its gate, and the next gate needs every tenant of the wave before, so that
// the number of edges grows with the tenants and not with their square.
func steps(f *schema.Fleet, moves []*Move) []Step {
	b := &stepBuilder{fleet: f}
	if m := moves[0]; m.Action != Unchanged {
		b.system(m)
	}
	settled := b.last
	for _, w := range f.Rollout.Waves {
		settled = b.wave(w, moves[1:], settled)
	}
	return b.steps
}

type stepBuilder struct {
	fleet *schema.Fleet
	steps []Step
	last  []string // what the next step needs
}

func (b *stepBuilder) add(s Step, needs []string) {
	s.Needs = append([]string{}, needs...)
	b.steps = append(b.steps, s)
	b.last = []string{s.ID}
}

func (b *stepBuilder) system(m *Move) {
	if m.Action == Upgrade && migratesByJob(m) {
		s := b.step(m, StepMigrate, m.System.Migration.Timeout)
		s.Template = m.System.Migration.Template
		b.add(s, b.last)
	}
	b.release(m)
}

func (b *stepBuilder) release(m *Move) {
	b.add(b.step(m, StepKind(m.Action), m.Release.Timeout), b.last)
}

func (b *stepBuilder) step(m *Move, kind StepKind, timeout time.Duration) Step {
	var tenant string
	if m.Tenant != nil {
		tenant = m.Tenant.Address
	}
	return Step{
		Tenant: tenant,
		ID:     StepID(m.Release.Address, 0, kind), Kind: kind, Address: m.Release.Address,
		From: versionText(m.From), To: versionText(m.To), Wave: m.Wave, Timeout: timeout.String(),
	}
}

// wave adds the gate of a wave, its tenants, and its soak, and returns what the
// next wave's gate needs.
func (b *stepBuilder) wave(w *schema.Wave, moves []*Move, needs []string) []string {
	var tenants [][]*Move
	for _, m := range moves {
		if m.Wave != w.Name || m.Action == Unchanged {
			continue
		}
		if n := len(tenants); n > 0 && tenants[n-1][0].Tenant == m.Tenant {
			tenants[n-1] = append(tenants[n-1], m)
		} else {
			tenants = append(tenants, []*Move{m})
		}
	}
	if len(tenants) == 0 {
		return needs
	}
	address := "wave." + w.Name
	gate := Step{ID: address + "/gate", Kind: StepGate, Address: address, Wave: w.Name}
	b.add(gate, needs)
	var done []string
	for _, t := range tenants {
		b.last = []string{gate.ID}
		for _, m := range t {
			b.release(m)
		}
		verify := b.step(t[len(t)-1], StepVerify, 0)
		verify.ID = StepID(t[0].Tenant.Address, 0, StepVerify)
		verify.Address = t[0].Tenant.Address
		verify.From, verify.To, verify.Timeout = "", "", ""
		verify.Settle = b.fleet.Rollout.Settle.String()
		b.add(verify, b.last)
		done = append(done, verify.ID)
	}
	if w.Soak > 0 {
		b.add(Step{ID: address + "/soak", Kind: StepSoak, Address: address, Wave: w.Name, Settle: w.Soak.String()}, done)
		return b.last
	}
	return done
}

// migratesByJob says whether the schema is moved by the chart's own Job before
// the upgrade (true), or by the upgrade itself.
func migratesByJob(m *Move) bool {
	switch m.System.Migration.Mode {
	case schema.MigrateJob:
		return true
	case schema.MigrateAuto:
		return m.Wanted.Chart.Templates[m.System.Migration.Template]
	}
	return false
}
