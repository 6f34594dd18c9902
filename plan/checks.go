package plan

import (
	"slices"
	"time"

	"github.com/soctalk/fleet/schema"
)

// systemChecks are the names of the checks that follow the system's upgrades.
func (d *Draft) systemChecks() []string {
	var names []string
	for name, c := range d.fleet.Checks {
		if c.On == onSystem {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// waveChecks are those of a wave's checks that are on one of some things.
func (d *Draft) waveChecks(w *schema.Wave, on ...string) []string {
	var names []string
	for _, name := range w.Checks {
		if slices.Contains(on, d.fleet.Checks[name].On) {
			names = append(names, name)
		}
	}
	return names
}

// What a check can be on.
const (
	onTenant = "tenant"
	onSystem = "system"
	onWave   = "wave"
)

// checks say of all checks of some steps how they are asked; nil without any.
func (d *Draft) checks(steps []Step) map[string]Check {
	var all map[string]Check
	for _, s := range steps {
		for _, name := range s.Checks {
			if all == nil {
				all = map[string]Check{}
			}
			c := d.fleet.Checks[name]
			all[name] = Check{On: c.On, Probe: c.Kind, Interval: c.Interval.String(), Timeout: c.Timeout.String(), Retries: c.Retries}
		}
	}
	return all
}

// longest is what the checks of a step may take: they are asked side by side. A
// soak waits for those of the wave alone, the others pass already.
func (d *Draft) longest(s Step) time.Duration {
	var most time.Duration
	for _, name := range s.Checks {
		if c := d.fleet.Checks[name]; s.Kind != StepSoak || c.On == onWave {
			most = max(most, c.Timeout)
		}
	}
	return most
}
