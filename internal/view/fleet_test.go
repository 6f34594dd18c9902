package view

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// fleetSize says how large a made-up fleet is. Its document is one that the
// planner could have written: counts, versions and steps agree.
type fleetSize struct {
	tenants, classes, waves, phases int
	name                            func(int) string // of a tenant; nil for short ones
}

func fleetDocument(r *rand.Rand, size fleetSize) *plan.Document {
	if size.name == nil {
		size.name = func(i int) string { return fmt.Sprintf("t%05d", i) }
	}
	b := &fleetBuilder{r: r, size: size, doc: &plan.Document{
		FormatVersion: plan.FormatVersion, ToolVersion: "0.1.0", PlanID: "20260102-030405-00000000", Complete: true, Applyable: true,
		Observed: plan.Observed{Tenants: size.tenants},
		Rollout:  plan.Rollout{MaxParallel: 1 + r.IntN(20), WaveParallel: map[string]int{"w0": 1}},
	}}
	b.releases()
	b.steps()
	return b.doc
}

type fleetBuilder struct {
	r    *rand.Rand
	size fleetSize
	doc  *plan.Document
	last []string
}

var verdicts = []plan.Reversibility{plan.Reversible, plan.RestoreRequired, plan.ForwardOnly}

func (b *fleetBuilder) releases() {
	b.class("S", plan.Upgrade, "soctalk-system", 0)
	b.doc.Classes[0].Count = 1
	b.release("S", "system", "", "")
	for i := range b.size.classes {
		action := []plan.Action{plan.Upgrade, plan.Upgrade, plan.Upgrade, plan.Install, plan.Uninstall}[b.r.IntN(5)]
		b.class(fmt.Sprint(i), action, "soctalk-tenant", b.r.IntN(b.size.phases))
	}
	for i := range b.size.tenants {
		c := &b.doc.Classes[1+i%b.size.classes]
		c.Count++
		name := b.size.name(i)
		b.release(c.ID, "tenant."+name, name, fmt.Sprintf("w%d", i/b.size.classes%b.size.waves))
	}
	b.doc.Classes = slices.DeleteFunc(b.doc.Classes, func(c plan.Class) bool { return c.Count == 0 })
	b.doc.Summary.Unchanged = b.r.IntN(5)
}

// class makes a class whose hops begin in a phase; each phase has a version.
func (b *fleetBuilder) class(id string, action plan.Action, chart string, phase int) {
	c := plan.Class{ID: id, Action: action, Chart: chart, Reversibility: verdicts[b.r.IntN(3)], Relabelled: b.r.IntN(3)}
	first := fmt.Sprintf("0.%d.0", phase)
	last := fmt.Sprintf("0.%d.0", b.size.phases)
	switch action {
	case plan.Install:
		c.To = last
	case plan.Uninstall:
		c.From = first
	default:
		c.From, c.To = first, last
		if b.size.phases-phase > 1 {
			for p := phase; p < b.size.phases; p++ {
				c.Hops = append(c.Hops, plan.ClassHop{From: fmt.Sprintf("0.%d.0", p), To: fmt.Sprintf("0.%d.0", p+1), Phase: p, Reversibility: verdicts[b.r.IntN(3)]})
			}
		}
	}
	b.doc.Classes = append(b.doc.Classes, c)
}

func (b *fleetBuilder) release(class, address, slug, wave string) {
	i := slices.IndexFunc(b.doc.Classes, func(c plan.Class) bool { return c.ID == class })
	c := &b.doc.Classes[i]
	r := plan.Release{Address: address, Slug: slug, Class: class, Wave: wave, Action: c.Action, From: c.From, To: c.To, Reversibility: c.Reversibility}
	for _, h := range c.Hops {
		r.Hops = append(r.Hops, h.To)
		r.Path = append(r.Path, plan.Leg{From: h.From, To: h.To, Phase: h.Phase})
	}
	if len(r.Path) == 0 {
		r.Path = []plan.Leg{{From: c.From, To: c.To, Phase: b.size.phases - 1}}
	}
	switch c.Action {
	case plan.Install:
		b.doc.Summary.Install++
	case plan.Uninstall:
		b.doc.Summary.Uninstall++
	default:
		b.doc.Summary.Upgrade++
	}
	b.doc.Releases = append(b.doc.Releases, r)
}

func (b *fleetBuilder) add(s plan.Step) {
	s.Needs = b.last
	b.doc.Steps = append(b.doc.Steps, s)
	b.last = []string{s.ID}
}

func (b *fleetBuilder) steps() {
	for phase := range b.size.phases {
		b.turn(&b.doc.Releases[0], phase)
		for w := range b.size.waves {
			b.wave(fmt.Sprintf("w%d", w), phase)
		}
	}
	b.add(plan.Step{ID: "system/pins", Kind: plan.StepPins, Address: "system", Phase: b.size.phases - 1})
}

func (b *fleetBuilder) wave(wave string, phase int) {
	gate := plan.Step{ID: fmt.Sprintf("wave.%s/%d/gate", wave, phase), Kind: plan.StepGate, Wave: wave, Phase: phase, Approve: b.r.IntN(3) == 0}
	begun := false
	var done []string
	for i := range b.doc.Releases[1:] {
		r := &b.doc.Releases[1+i]
		if r.Wave != wave || !slices.ContainsFunc(r.Path, func(l plan.Leg) bool { return l.Phase == phase }) {
			continue
		}
		if !begun {
			b.add(gate)
			begun = true
		}
		b.last = []string{gate.ID}
		b.turn(r, phase)
		done = append(done, b.last...)
	}
	if begun {
		b.last = done
		b.add(plan.Step{ID: fmt.Sprintf("wave.%s/%d/soak", wave, phase), Kind: plan.StepSoak, Wave: wave, Phase: phase, Settle: "30m0s"})
	}
}

func (b *fleetBuilder) turn(r *plan.Release, phase int) {
	for hop, l := range r.Path {
		if l.Phase != phase {
			continue
		}
		s := plan.Step{Address: r.Address, Wave: r.Wave, Hop: hop, Phase: phase}
		if r.Slug != "" {
			s.Tenant = r.Address
		}
		snapshot, change, verify := s, s, s
		snapshot.ID, snapshot.Kind, snapshot.Snapshot, snapshot.Driver = plan.StepID(r.Address, hop, plan.StepSnapshot), plan.StepSnapshot, "volumes", "csi"
		b.add(snapshot)
		change.ID, change.Kind, change.From, change.To = plan.StepID(r.Address, hop, plan.StepKind(r.Action)), plan.StepKind(r.Action), l.From, l.To
		b.add(change)
		verify.ID, verify.Kind, verify.Settle, verify.Checks = plan.StepID(r.Address, hop, plan.StepVerify), plan.StepVerify, "1m0s", []string{"heartbeat"}
		b.add(verify)
		b.doc.RollbackPoints = append(b.doc.RollbackPoints, plan.RollbackPoint{ID: change.ID, After: verify.ID, Restores: []string{r.Address}, Snapshots: []string{snapshot.ID}})
	}
}
