package schema

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// crossCheck holds the resolved parts against each other.
func (l *loader) crossCheck() {
	if l.fleet.System == nil || l.sink.errs > 0 && l.fleet.System.Version == nil {
		return
	}
	l.probeEverything()
	l.breakingTargets()
	l.idleParts()
}

// probeEverything evaluates each check for everything that it could run on,
// so that none fails in the middle of a rollout.
func (l *loader) probeEverything() {
	waveOf := map[string][]*Wave{}
	for _, w := range l.fleet.Rollout.Waves {
		for _, c := range w.Checks {
			waveOf[c] = append(waveOf[c], w)
		}
	}
	for _, n := range l.top.blocks["check"] {
		c := l.fleet.Checks[n.name()]
		if c.unsure {
			continue
		}
		record := func(address string, diags hcl.Diagnostics) {
			for _, d := range diags {
				if e, ok := d.Extra.(addressExtra); ok {
					d.Extra = e.inner
				}
				l.sink.add(address, d)
			}
		}
		each := n.perInstance()
		switch {
		case c.On == "system":
			_, diags := c.ForSystem(l.fleet.System)
			record("check."+c.Name, diags)
		case c.On == "wave":
			for _, w := range l.fleet.Rollout.Waves {
				_, diags := c.ForWave(w)
				record("check."+c.Name, diags)
			}
		default:
			for _, t := range l.fleet.Tenants {
				_, diags := c.ForTenant(t)
				if each {
					record(t.Address, diags)
				} else {
					record("check."+c.Name, diags)
					break
				}
			}
		}
		if n.one("sql") != nil && l.fleet.System.Database == nil {
			l.sink.error("", n.one("sql").header, "Check without database", "An sql probe needs to know the way into the system database; add a database block to the system.")
		}
		if c.On != "system" && len(waveOf[c.Name]) == 0 && !l.incomplete() {
			l.sink.warn("", n.label, "Check that never runs", fmt.Sprintf("No wave lists check.%s. Add it to a wave: checks = [check.%s].", c.Name, c.Name))
		}
	}
}

// breakingTargets holds tenants that are to run a release declared breaking
// against what such a release makes mandatory.
func (l *loader) breakingTargets() {
	breaking := map[string]*Facts{}
	for _, f := range l.fleet.Facts {
		if f.Component == ComponentTenant && len(f.Breaking) > 0 {
			breaking[f.Version.String()] = f
		}
	}
	if len(breaking) == 0 {
		return
	}
	for _, t := range l.fleet.Tenants {
		f := breaking[t.Version.String()]
		if f == nil || t.Unsure {
			continue
		}
		if !takesSnapshots(t.Snapshots) {
			l.sink.warn(t.Address, t.Source.At("version"), "Breaking release without snapshot", fmt.Sprintf("Release %s is declared breaking at %s:%d, which makes a snapshot mandatory for the upgrade, and the tenant has none.", t.Version, f.Source.Block.Filename, f.Source.Block.Start.Line))
		}
		if t.Window == "" {
			l.sink.warn(t.Address, t.Source.At("version"), "Breaking release without window", fmt.Sprintf("Release %s is declared breaking at %s:%d, which makes a window mandatory for the upgrade, and the tenant has none.", t.Version, f.Source.Block.Filename, f.Source.Block.Start.Line))
		}
	}
}

// idleParts warns of windows that nothing uses.
func (l *loader) idleParts() {
	used := map[string]bool{}
	for _, t := range l.fleet.Tenants {
		used[t.Window] = true
	}
	for _, n := range l.top.blocks["window"] {
		if !used[n.name()] && !l.incomplete() {
			l.sink.warn("", n.label, "Window that nothing uses", fmt.Sprintf("No tenant has window = window.%s.", n.name()))
		}
	}
}
