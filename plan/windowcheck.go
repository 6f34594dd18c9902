package plan

import (
	"fmt"
	"time"

	"github.com/soctalk/fleet/schema"
)

// noTurnFits is the summary of a turn that is longer than its window.
const noTurnFits = "Turn does not fit its window"

func turnTooLong(tenant string, need time.Duration, w *schema.Window) string {
	return fmt.Sprintf("%s may take %s by its timeouts, and window %s is open for %s: it would never start. Make the window longer or the timeouts shorter.", tenant, need, w.Name, w.Duration)
}

// NeverFits says why no upgrade of one of a tenant's releases can ever fit into
// the tenant's window, whatever is live; nil where one can or nobody knows. The shortest turn
// with an upgrade in it saves what is always saved, and upgrades nothing else.
func NeverFits(f *schema.Fleet, t *schema.Tenant, r *schema.Release) *Problem {
	w := f.Windows[t.Window]
	if w == nil || w.Duration == 0 || r.Unsure {
		return nil
	}
	need := r.Timeout
	for _, s := range r.Snapshots {
		if s.When == "always" {
			need += s.Timeout
		}
	}
	if need <= w.Duration {
		return nil
	}
	return &Problem{Attr: "window", Summary: noTurnFits, Detail: turnTooLong("The upgrade of "+r.Address, need, w)}
}

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
				d.fail(m.Release, "window", noTurnFits, turnTooLong(s.Tenant, need, w))
			}
		}
	}
}
