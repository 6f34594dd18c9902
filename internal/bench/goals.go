package bench

import "fmt"

// goal is a promise about speed, held against what was measured.
type goal struct {
	what, got string
	met       bool
}

const (
	coldSeconds, unchangedSeconds = 15, 3
	peakMiB                       = 300
	coldRequests                  = 3   // a tenant
	unchangedRequests             = 0.1 // a tenant
	costGrowth                    = 1.3
	statusSeconds, statusTenants  = 2, 200
)

// peerRatios are the goals against the peers, in their order.
var peerRatios = []float64{50, 10}

// goals are stated for a thousand tenants. Times and memory are checked up to
// that size, everything else at every size.
func (r *Report) goals() []goal {
	var all []goal
	add := func(n int, met bool, got string, what string, args ...any) {
		all = append(all, goal{fmt.Sprintf("%d tenants, ", n) + fmt.Sprintf(what, args...), got, met})
	}
	for _, s := range r.sizes {
		for i, p := range s.peers {
			ratio := p.seconds / s.cold.seconds
			add(s.n, ratio >= peerRatios[i], fmt.Sprintf("%.1f times", ratio), "cold, at least %.0f times faster than %s", peerRatios[i], p.name)
		}
		if s.n <= 1000 {
			add(s.n, s.cold.seconds < coldSeconds, fmt.Sprintf("%.2f s", s.cold.seconds), "cold, under %d s", coldSeconds)
			add(s.n, s.unchanged.seconds < unchangedSeconds, fmt.Sprintf("%.2f s", s.unchanged.seconds), "nothing changed, under %d s", unchangedSeconds)
			peak := max(s.cold.peak, s.unchanged.peak) >> 20
			add(s.n, peak < peakMiB, fmt.Sprintf("%d MiB", peak), "peak memory, under %d MiB", peakMiB)
		}
		if s.n <= statusTenants {
			add(s.n, s.status.seconds < statusSeconds, fmt.Sprintf("%.2f s", s.status.seconds), "status without a cache, under %d s", statusSeconds)
		}
		cold, unchanged := float64(s.cold.requests)/float64(s.n), float64(s.unchanged.requests)/float64(s.n)
		add(s.n, cold < coldRequests, fmt.Sprintf("%.2f", cold), "cold, fewer than %d API requests a tenant", coldRequests)
		add(s.n, unchanged < unchangedRequests, fmt.Sprintf("%.3f", unchanged), "nothing changed, fewer than %.1f API requests a tenant", unchangedRequests)
		if s.applied != nil {
			all = append(all, s.applied.goals(s.n)...)
		}
	}
	few, many := r.size(small), r.size(large)
	if few != nil && many != nil {
		growth := many.cold.seconds / large / (few.cold.seconds / small)
		add(large, growth <= costGrowth, fmt.Sprintf("%.2f times", growth), "cost of a tenant at most %.1f times that of %d", costGrowth, small)
	}
	return all
}
