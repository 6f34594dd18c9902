package schema

import (
	"fmt"
	"math/big"
	"sort"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// restWave is the name of the wave that is added for what no wave takes.
const restWave = "rest"

func (l *loader) rollout() {
	n := l.top.one("rollout")
	if n == nil {
		n = &node{spec: language.block("rollout")}
	}
	x := &instance{l: l}
	r := &Rollout{MaxParallel: x.integer(n, "max_parallel"), MaxFailures: x.budget(n, "max_failures"), OnFailure: TenantFailure(x.text(n, "on_failure")), Settle: x.duration(n, "settle"), Source: n.source()}
	l.fleet.Rollout = r
	bySlug := make(map[string]*Tenant, len(l.fleet.Tenants))
	for _, t := range l.fleet.Tenants {
		bySlug[t.Slug] = t
	}
	var selectors []*selector
	for _, b := range n.blocks["wave"] {
		selectors = append(selectors, x.selector(b, r, bySlug))
	}
	l.reserve(selectors)
	rest := l.assign(selectors)
	for _, s := range selectors {
		r.Waves = append(r.Waves, s.wave)
	}
	if len(rest) > 0 {
		r.Waves = append(r.Waves, &Wave{Name: restWave, Tenants: rest, MaxParallel: r.MaxParallel, Source: r.Source})
	}
}

// budget reads a number of tenants or a share of them.
func (x *instance) budget(n *node, name string) Budget {
	v, a, ok := x.value(n, name, cty.DynamicPseudoType)
	if !ok {
		return Budget{}
	}
	if v.Type() == cty.Number {
		if f := v.AsBigFloat(); f.IsInt() && f.Sign() >= 0 && f.Cmp(big.NewFloat(1e9)) < 0 {
			i, _ := f.Int64()
			return Budget{Count: int(i)}
		}
	}
	if v.Type() == cty.String {
		if p, found := strings.CutSuffix(v.AsString(), "%"); found {
			if i, err := strconv.Atoi(p); err == nil && i >= 0 && i <= 100 {
				return Budget{Percent: i, IsPercent: true}
			}
		} else if i, err := strconv.Atoi(v.AsString()); err == nil && i >= 0 && i < 1e9 {
			return Budget{Count: i}
		}
	}
	x.fail(a, "Invalid value for "+name, fmt.Sprintf("The %s must be a whole number of tenants, such as 2, or a share from \"0%%\" to \"100%%\".", name))
	return Budget{}
}

// selector is a wave while its members are being found.
type selector struct {
	node    *node
	wave    *Wave
	named   []*Tenant
	match   map[string]string
	percent int
	rest    bool // takes everything left
}

func (x *instance) selector(n *node, r *Rollout, bySlug map[string]*Tenant) *selector {
	l := x.l
	w := &Wave{Name: n.name(), MaxParallel: r.MaxParallel, Soak: x.duration(n, "soak"), Approve: x.boolean(n, "approve"), Checks: x.refs(n, "checks"), Source: n.source()}
	if a := x.written(n, "max_parallel"); a != nil {
		if p := x.integer(n, "max_parallel"); p > r.MaxParallel && x.unsure {
			w.MaxParallel = p
		} else if p > r.MaxParallel {
			x.warn(a, "Limit without effect", fmt.Sprintf("The rollout allows %d at the same time, so the wave's %d is never reached.", r.MaxParallel, p))
		} else if p > 0 {
			w.MaxParallel = p
		}
	}
	s := &selector{node: n, wave: w, match: x.stringMap(n, "match"), percent: x.integer(n, "percent")}
	s.rest = x.written(n, "tenants") == nil && x.written(n, "match") == nil && x.written(n, "percent") == nil
	if n.name() == restWave && x.surely(n, "tenants", "match", "percent") {
		l.sink.error("", n.label, "Wave rest selects", fmt.Sprintf("The wave %q takes everything left, so it cannot select. Name this wave something else.", restWave))
	}
	if a := n.attrs["match"]; a != nil && s.match != nil && len(s.match) == 0 {
		x.warn(a, "Empty match", "An empty match selects every tenant.")
	}
	for _, slug := range x.strings(n, "tenants") {
		t := bySlug[slug]
		if t == nil {
			if len(l.missing) == 0 {
				x.fail(n.attrs["tenants"], "Unknown tenant in wave", fmt.Sprintf("There is no tenant with the slug %q.%s", slug, didYouMean(slug, sortedKeys(bySlug))))
			}
			continue
		}
		s.named = append(s.named, t)
	}
	for _, name := range w.Checks {
		if c := l.fleet.Checks[name]; c != nil && c.Source.Block.Filename == "" {
			if why := l.lacking(c.Kind); why != "" {
				x.fail(n.attrs["checks"], "Check without its way in", why)
			}
		}
		if c := l.fleet.Checks[name]; c != nil && c.On == "system" {
			x.warn(n.attrs["checks"], "Check without effect", fmt.Sprintf("check.%s is on = \"system\": it runs after each upgrade of the system, never in a wave.", name))
		}
	}
	return s
}

// reserve gives waves the tenants that they name.
func (l *loader) reserve(selectors []*selector) {
	by := map[string]*selector{}
	for _, s := range selectors {
		kept := s.named[:0]
		for _, t := range s.named {
			first := by[t.Slug]
			switch {
			case first == s:
				(&instance{l: l}).warn(s.node.attrs["tenants"], "Tenant written twice", fmt.Sprintf("The wave names %q twice.", t.Slug))
				continue
			case first != nil:
				(&instance{l: l}).fail(s.node.attrs["tenants"], "Tenant in two waves", fmt.Sprintf("The tenant %q is already in wave %q, at %s:%d. A tenant can be in one wave only.", t.Slug, first.wave.Name, first.node.header.Filename, first.node.header.Start.Line))
				continue
			}
			by[t.Slug] = s
			kept = append(kept, t)
		}
		s.named = kept
	}
}

// assign puts every tenant into exactly one wave: first those that a wave
// names, then what it matches, then its share of the rest. It returns the
// addresses that are left over.
func (l *loader) assign(selectors []*selector) (rest []string) {
	taken := make(map[string]bool, len(l.fleet.Tenants))
	for _, s := range selectors {
		for _, t := range s.named {
			taken[t.Address] = true
		}
	}
	left := func() []*Tenant {
		var out []*Tenant
		for _, t := range l.fleet.Tenants {
			if !taken[t.Address] {
				out = append(out, t)
			}
		}
		return out
	}
	var caught string
	for _, s := range selectors {
		var members []string
		take := func(t *Tenant) {
			taken[t.Address] = true
			members = append(members, t.Address)
		}
		for _, t := range s.named {
			members = append(members, t.Address)
		}
		if s.match != nil {
			for _, t := range left() {
				if matches(t.Labels, s.match) {
					take(t)
				}
			}
		}
		if s.percent > 0 {
			pool := left()
			for _, t := range pool[:(len(pool)*s.percent+99)/100] {
				take(t)
			}
		}
		if s.rest {
			for _, t := range left() {
				take(t)
			}
		}
		sort.Strings(members)
		s.wave.Tenants = members
		if len(members) == 0 && len(l.fleet.Tenants) > 0 && !l.incomplete() && s.wave.Name != restWave {
			why := "No tenant is left for it or matches it."
			if caught != "" {
				why = fmt.Sprintf("Wave %q, before it, takes everything that is left.", caught)
			} else if s.match != nil {
				why = "No tenant that is left has these labels."
			}
			l.sink.warn("wave."+s.wave.Name, s.node.header, "Wave that nobody can be in", why)
		}
		if s.rest && caught == "" {
			caught = s.wave.Name
		}
	}
	for _, t := range left() {
		rest = append(rest, t.Address)
	}
	return rest
}

func matches(labels, want map[string]string) bool {
	for k, v := range want {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}
