package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/schema"
)

// restoreTimeout is how long a restore may take whose snapshot had no bound.
const restoreTimeout = 30 * time.Minute

// returnSteps turns the ways back into a DAG, stop by stop: the tenants, the last
// wave first, and once they are all back, the system.
func (v *Reversal) returnSteps() []Step {
	b := &returnBuilder{v: v, hops: map[string]int{}}
	for stop := range v.stops {
		b.stop, b.settled = stop, b.last
		for _, w := range slices.Backward(v.Fleet.Rollout.Waves) {
			b.wave(w.Name)
		}
		b.wave("")
		b.system()
	}
	return b.steps
}

type returnBuilder struct {
	v     *Reversal
	stop  int
	steps []Step
	last  []string
	// settled is where the system arrived at the stop before.
	settled []string
	// tenants are the ends of every turn towards the stop: the system does not go
	// while one of them is ahead of where it goes.
	tenants []string
	hops    map[string]int // legs so far, by address
}

func (b *returnBuilder) add(s Step, needs []string) {
	s.Phase, s.Needs = b.stop, append([]string{}, needs...)
	b.steps = append(b.steps, s)
	b.last = []string{s.ID}
}

// legAt returns the leg of a release to the stop, if any.
func (b *returnBuilder) legAt(r *Return) *ReturnLeg {
	for _, l := range r.Legs {
		if l.stop == b.stop {
			return l
		}
	}
	return nil
}

func (b *returnBuilder) system() {
	r := b.v.byAddress["system"]
	if r == nil || b.legAt(r) == nil {
		return
	}
	b.last, b.tenants = union(b.tenants, b.last), nil
	b.leg(r)
}

// wave adds the gate of a wave and its tenants; the tenants that no wave names
// any more go under an empty name.
func (b *returnBuilder) wave(name string) {
	turns := b.turns(name)
	if len(turns) == 0 {
		return
	}
	needs := b.settled
	if name != "" {
		address := "wave." + name
		b.add(Step{ID: StepID(address, b.stop, StepGate), Kind: StepGate, Address: address, Wave: name}, union(b.settled, b.last))
		needs = b.last
	}
	var done []string
	for _, turn := range turns {
		b.last = needs
		b.turn(turn)
		done = append(done, b.last...)
	}
	b.last = done
	b.tenants = append(b.tenants, done...)
}

// turns are the releases of a wave that go back, tenant by tenant.
func (b *returnBuilder) turns(wave string) [][]*Return {
	var turns [][]*Return
	for _, r := range b.v.Returns {
		if r.Tenant == "" || b.v.waveOf(r) != wave || b.legAt(r) == nil {
			continue
		}
		if n := len(turns); n > 0 && turns[n-1][0].Tenant == r.Tenant {
			turns[n-1] = append(turns[n-1], r)
		} else {
			turns = append(turns, []*Return{r})
		}
	}
	return turns
}

// waveOf is the wave that the run had a release in, if the files still know it.
func (v *Reversal) waveOf(r *Return) string {
	if slices.ContainsFunc(v.Fleet.Rollout.Waves, func(w *schema.Wave) bool { return w.Name == r.Release.Wave }) {
		return r.Release.Wave
	}
	return ""
}

// turn adds what one tenant does: its releases in reverse, then proof that it is
// well, where anything of it is left.
func (b *returnBuilder) turn(returns []*Return) {
	left := false
	for _, r := range slices.Backward(returns) {
		left = b.leg(r) || left
	}
	if !left {
		return
	}
	tenant := returns[0].Tenant
	b.add(Step{
		ID: StepID(tenant, b.stop, StepVerify), Kind: StepVerify, Address: b.home(returns), Tenant: tenant,
		Wave: b.v.waveOf(returns[0]), Settle: b.v.Fleet.Rollout.Settle.String(),
	}, b.last)
}

// home is the release that a tenant's proof is about: its own, if the run had it.
func (b *returnBuilder) home(returns []*Return) string {
	if tenant := returns[0].Tenant; b.v.byAddress[tenant] != nil {
		return tenant
	}
	return returns[0].Release.Address
}

// leg adds the steps of one release, and says whether it is there afterwards.
func (b *returnBuilder) leg(r *Return) bool {
	leg := b.legAt(r)
	hop := b.hops[r.Release.Address]
	b.hops[r.Release.Address]++
	step := func(kind StepKind, timeout string) Step {
		return Step{
			ID: StepID(r.Release.Address, hop, kind), Kind: kind, Address: r.Release.Address, Tenant: r.Tenant,
			Hop: hop, Wave: b.v.waveOf(r), Timeout: timeout,
		}
	}
	timeout := b.v.timeoutOf(r.Release)
	var records []string
	for _, record := range leg.restores {
		s := step(StepRestore, cmp.Or(leg.timeouts[record.ID], restoreTimeout.String()))
		s.ID += "/" + record.Name
		s.Snapshot, s.Driver, s.Records = record.Name, record.Driver, []string{record.ID}
		b.add(s, b.last)
		records = append([]string{record.ID}, records...) // the first that was scaled down holds the counts
	}
	switch {
	case leg.to.revision == 0:
		s := step(StepUninstall, timeout)
		s.From = leg.from.version
		b.add(s, b.last)
		return false
	case leg.moves():
		s := step(StepRollback, timeout)
		s.From, s.To, s.Revision = leg.from.version, leg.to.version, leg.to.revision
		b.add(s, b.last)
	}
	if len(records) > 0 {
		s := step(StepScaleUp, timeout)
		s.Records = records
		b.add(s, b.last)
	}
	return true
}

// timeoutOf is what the run gave a release.
func (v *Reversal) timeoutOf(rel Release) string {
	for _, i := range v.steps[rel.Address] {
		if s := v.Plan.Steps[i]; revises(s) && s.Timeout != "" {
			return s.Timeout
		}
	}
	return fmt.Sprint(leaveTimeout)
}
