package plan

import (
	"fmt"
	"time"
)

// checkWindows refuses turns of tenants that would not fit into their window if
// every step of them took its whole timeout: they could never start.
func (d *Draft) checkWindows(steps []Step) {
	type turn struct {
		tenant string
		phase  int
	}
	needs, refused := map[turn]time.Duration{}, map[string]bool{}
	for _, s := range steps {
		if timeout, err := time.ParseDuration(s.Timeout); err == nil && s.Window != "" {
			needs[turn{s.Tenant, s.Phase}] += timeout
		}
	}
	for _, s := range steps {
		w := d.fleet.Windows[s.Window]
		need := needs[turn{s.Tenant, s.Phase}]
		if w == nil || need <= w.Duration || refused[s.Tenant] {
			continue
		}
		refused[s.Tenant] = true
		for _, m := range d.Moves {
			if m.Tenant != nil && m.Tenant.Address == s.Tenant && m.Companion == nil {
				d.fail(m.Release, "window", "Turn does not fit its window", fmt.Sprintf(
					"%s may take %s by its timeouts, and window %s is open for %s: it would never start. Make the window longer or the timeouts shorter.", s.Tenant, need, s.Window, w.Duration))
			}
		}
	}
}
