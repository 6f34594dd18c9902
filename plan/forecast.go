package plan

import (
	"slices"
	"time"
)

// forecast says how the run is expected to go. Only what the live releases took
// the last time is known; a release without that is taken for one like the
// others of its kind.
func (d *Draft) forecast(doc *Document) *Forecast {
	if len(doc.Steps) == 0 {
		return nil
	}
	f := &Forecast{WorstFailures: worstFailures(doc)}
	f.AtMost = doc.Makespan(d.atMost).Round(time.Second).String()
	if took, known := d.took(); known {
		f.Expected = doc.Makespan(took).Round(time.Second).String()
	}
	return f
}

// worstFailures is how many tenants may have failed when the run stops: those
// that the budget allows, the one that breaks it, and what is in flight then.
func worstFailures(doc *Document) int {
	tenants := map[string]bool{}
	width := 0
	for _, s := range doc.Steps {
		if s.Tenant == "" {
			continue
		}
		tenants[s.Tenant] = true
		width = max(width, widthOf(doc.Rollout, s.Wave))
	}
	budget := doc.Rollout.MaxFailures
	if doc.Rollout.OnFailure == "stop" {
		budget = 0
	}
	return min(len(tenants), budget+width)
}

func widthOf(r Rollout, wave string) int {
	if w := r.WaveParallel[wave]; w > 0 {
		return min(w, r.MaxParallel)
	}
	return r.MaxParallel
}

// atMost is what a step takes if it uses all the time it is given.
func (d *Draft) atMost(s Step) time.Duration {
	return duration(s.Timeout) + duration(s.Settle) + d.longest(s)
}

// took returns a guess at what a step takes; false when nothing is known.
func (d *Draft) took() (func(Step) time.Duration, bool) {
	last := map[string]time.Duration{}
	var system, tenant []time.Duration
	for _, m := range d.Moves {
		if m.Live == nil || m.Live.Took == 0 {
			continue
		}
		last[m.Release.Address] = m.Live.Took
		if m.System != nil {
			system = append(system, m.Live.Took)
		} else {
			tenant = append(tenant, m.Live.Took)
		}
	}
	otherwise := map[bool]time.Duration{true: median(system), false: median(tenant)}
	return func(s Step) time.Duration {
		total := duration(s.Settle)
		if changes(s) {
			own, known := last[s.Address]
			if !known {
				own = otherwise[s.Tenant == ""]
			}
			total += own
		}
		return total
	}, len(last) > 0
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// Makespan is how long the run takes if each step takes what takes says: the
// system's steps one after the other, the tenants of a wave as many at a time as
// may move, in their order.
func (doc *Document) Makespan(takes func(Step) time.Duration) time.Duration {
	var now time.Duration
	for i := 0; i < len(doc.Steps); {
		s := doc.Steps[i]
		if s.Tenant == "" {
			now += takes(s)
			i++
			continue
		}
		var turns []time.Duration
		for tenant := ""; i < len(doc.Steps) && doc.Steps[i].Tenant != ""; i++ {
			if t := doc.Steps[i]; t.Tenant != tenant {
				tenant = t.Tenant
				turns = append(turns, 0)
			}
			turns[len(turns)-1] += takes(doc.Steps[i])
		}
		now += sideBySide(turns, widthOf(doc.Rollout, s.Wave))
	}
	return now
}

// sideBySide is when the last of some turns ends of which width go at a time.
func sideBySide(turns []time.Duration, width int) time.Duration {
	free := make([]time.Duration, max(1, min(width, len(turns))))
	for _, t := range turns {
		first := 0
		for i, at := range free {
			if at < free[first] {
				first = i
			}
		}
		free[first] += t
	}
	return slices.Max(free)
}

func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0 // not written: the step waits for nothing
	}
	return d
}
