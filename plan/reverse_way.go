package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/compat"
)

// stop is a state of the run that the fleet passes on its way back: the one that
// it was in once the steps up to an index had ended. On the way to a stop the
// tenants go first, then the system.
type stop struct{ until int }

// findStops chooses the fewest stops with which no forbidden pair of versions
// comes to be live.
func (v *Reversal) findStops() {
	can := v.boundaries()
	best := make([][]stop, len(can))
	for to := range can {
		for from := -1; from < to; from++ {
			var way []stop
			var start *stop
			if from >= 0 {
				if way, start = best[from], &can[from]; way == nil {
					continue
				}
			}
			if shorter := best[to] == nil || len(way)+1 < len(best[to]); shorter && len(v.conflicts(start, can[to])) == 0 {
				best[to] = append(slices.Clone(way), can[to])
			}
		}
	}
	last := len(can) - 1
	if best[last] == nil {
		v.forbid(v.conflicts(nil, can[last]))
		return
	}
	if p, needed := v.beforePins(); needed {
		v.stops = append(v.stops, p)
	}
	v.stops = append(v.stops, best[last]...)
}

// boundaries are the stops that there may be, the point last: the states before
// each hop of the system that is undone.
func (v *Reversal) boundaries() []stop {
	all := []stop{{v.at}}
	if !v.systemMoves() {
		return all
	}
	seen := map[int]bool{v.at: true}
	for _, i := range v.steps["system"] {
		s := v.Plan.Steps[i]
		if i <= v.at || !v.Deeds.Begun[s.ID] || s.Kind == StepPins {
			continue
		}
		first := slices.IndexFunc(v.Plan.Steps, func(x Step) bool { return x.Address == s.Address && x.Phase == s.Phase && x.Kind != StepPins })
		if until := max(first-1, v.at); !seen[until] {
			seen[until] = true
			all = append(all, stop{until})
		}
	}
	slices.SortFunc(all, func(a, b stop) int { return b.until - a.until })
	return all
}

// beforePins is the state before SocTalk's own provisioning was pinned to the
// tenants' new versions. Tenants do not go back while it is, or an edit of the
// settings would take them forward again.
func (v *Reversal) beforePins() (stop, bool) {
	tenants := slices.ContainsFunc(v.Returns, func(r *Return) bool { return !r.fixed && r.Tenant != "" })
	for _, i := range v.steps["system"] {
		if s := v.Plan.Steps[i]; s.Kind == StepPins && i > v.at && v.Deeds.Begun[s.ID] {
			return stop{i - 1}, tenants && v.systemMoves()
		}
	}
	return stop{}, false
}

func (v *Reversal) systemMoves() bool {
	r := v.byAddress["system"]
	return r != nil && !r.fixed
}

// conflict is a forbidden pair that would come to be live.
type conflict struct {
	verdict compat.Verdict
	tenants []string
}

// conflicts are the forbidden pairs that the way from one stop to another
// passes: the tenants of the second beside the system of the first, then beside
// that of the second. A start of nil is what is live.
func (v *Reversal) conflicts(from *stop, to stop) []*conflict {
	found := map[string]*conflict{}
	var all []*conflict
	now, before, after := v.versionAt("system", nil), v.versionAt("system", from), v.versionAt("system", &to)
	for _, t := range v.Fleet.Tenants {
		live, next := v.versionAt(t.Address, nil), v.versionAt(t.Address, &to)
		for _, system := range []string{before, after} {
			if next == "" || system == "" || system == now && next == live || v.inherited(system, next) {
				continue
			}
			key := system + " " + next
			if found[key] == nil {
				rated := compat.Rate(v.Fleet.Compatibility, semver.MustParse(system), semver.MustParse(next))
				found[key] = &conflict{verdict: rated}
				if !rated.Allowed() {
					all = append(all, found[key])
				}
			}
			if c := found[key]; len(c.tenants) == 0 || c.tenants[len(c.tenants)-1] != t.Address {
				c.tenants = append(c.tenants, t.Address)
			}
		}
	}
	return all
}

// versionAt is the version of a release at a stop; nil is now.
func (v *Reversal) versionAt(address string, at *stop) string {
	r := v.byAddress[address]
	if at == nil || r == nil || r.fixed {
		return v.liveAt(address).version
	}
	return v.footingAt(r, *at).version
}

// inherited says whether a forbidden pair was live already before the run.
func (v *Reversal) inherited(system, tenant string) bool {
	return slices.ContainsFunc(v.Plan.Skews, func(s Skew) bool { return s.Inherited && s.System == system && s.Tenant == tenant })
}

func (v *Reversal) forbid(conflicts []*conflict) {
	for _, c := range conflicts {
		names := strings.Join(c.tenants[:min(3, len(c.tenants))], ", ")
		if n := len(c.tenants) - 3; n > 0 {
			names += fmt.Sprintf(" and %d more", n)
		}
		v.diagnostics = append(v.diagnostics, Diagnostic{
			Severity: Error, Address: c.tenants[0], Range: rangeOf(c.verdict.Source.Block), Summary: "Forbidden pair of versions on the way back",
			Detail: fmt.Sprintf("%s would run %s beside system %s: %s. Roll those tenants back too, or the system, or choose another point.", names, c.verdict.Tenant, c.verdict.System, c.verdict.Why),
		})
	}
}
