package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/compat"
	"github.com/soctalk/fleet/schema"
)

// findWay gives every move its hops: the shortest way on which each pair of
// versions that can be live at the same time is allowed.
func (d *Draft) findWay() {
	path, err := compat.Solve(d.problem())
	var none *compat.NoPathError
	switch {
	case d.unfetched(err):
		path = nil // told with its chart
	case errors.As(err, &none):
		d.noWay(none)
		path = nil // what would change is shown all the same
	case err != nil:
		d.fail(d.Moves[0].Release, "version", noPath, err.Error())
		path = nil
	default:
		d.tellSkews(path)
		if first := path.Phases[0]; len(path.Phases) > 1 && first.System == nil && len(first.Hops) == 0 {
			path.Phases = path.Phases[1:] // nothing happens beside the live system
		}
		d.phases = len(path.Phases)
	}
	d.follow(path)
}

// unfetched says whether a way is missing to a version whose chart could not be
// had: whoever mends that may well write another version.
func (d *Draft) unfetched(err error) bool {
	var addresses []string
	var none *compat.NoPathError
	var down *compat.DowngradeError
	switch {
	case errors.As(err, &none):
		for _, c := range none.Constraints {
			if c.Kind == compat.PinSystem {
				addresses = append(addresses, d.fleet.System.Address)
			}
			addresses = append(addresses, c.Tenants...)
		}
	case errors.As(err, &down):
		for _, r := range down.Releases {
			addresses = append(addresses, r.Address)
		}
	}
	return slices.ContainsFunc(d.Moves, func(m *Move) bool {
		_, bad := d.catalog.Problems[target(m.Release)]
		return bad && m.To != nil && (m.From == nil || !m.To.Equal(m.From)) && slices.Contains(addresses, m.Release.Address)
	})
}

// problem puts what the moves intend before the solver. A release that is left
// alone stays where it is.
func (d *Draft) problem() compat.Problem {
	p := compat.Problem{Compatibility: d.fleet.Compatibility, Facts: d.fleet.Facts, System: ends(d.Moves[0]), Exists: d.exists()}
	for _, m := range d.Moves[1:] {
		if m.Companion == nil {
			p.Tenants = append(p.Tenants, ends(m))
		}
	}
	return p
}

func ends(m *Move) compat.Release {
	return compat.Release{Address: m.Release.Address, Live: m.From, Target: m.To, Source: m.Release.Source}
}

// exists knows the versions that were looked for in vain. Only those of the
// system and of tenants are: companions make no detours.
func (d *Draft) exists() func(schema.Component, *semver.Version) bool {
	missing := map[schema.Component]map[string]bool{schema.ComponentSystem: {}, schema.ComponentTenant: {}}
	for at := range d.catalog.Missing {
		component := schema.ComponentTenant
		if at.Address == d.fleet.System.Address {
			component = schema.ComponentSystem
		}
		missing[component][at.Version] = true
	}
	return func(c schema.Component, v *semver.Version) bool { return !missing[c][v.Original()] }
}

// follow spells out the hops of every move. Whoever keeps its version, and a
// companion, which no rule is about, goes straight to its target.
func (d *Draft) follow(path *compat.Path) {
	last := d.phases - 1
	ways := hopsOf(path)
	main := map[*schema.Tenant]*Move{}
	for _, m := range d.Moves {
		if m.Action == Unchanged || m.Companion != nil {
			continue
		}
		main[m.Tenant] = m
		if way := ways[m.Release.Address]; len(way) > 0 {
			d.pass(m, way)
		} else {
			phase := last
			if m.System != nil {
				phase = 0
			}
			m.Hops = []*Hop{{Phase: phase, From: m.From, To: m.To, Wanted: m.wanted}}
		}
	}
	for _, m := range d.Moves {
		if m.Companion == nil || m.Action == Unchanged {
			continue
		}
		phase := last
		if main := main[m.Tenant]; main != nil && len(main.Hops) > 0 {
			phase = main.Hops[0].Phase
			if m.Companion.After {
				phase = main.Hops[len(main.Hops)-1].Phase
			}
		}
		m.Hops = []*Hop{{Phase: phase, From: m.From, To: m.To, Wanted: m.wanted}}
	}
}

type leg struct {
	compat.Hop
	phase int
}

// hopsOf sorts a path's hops by release.
func hopsOf(path *compat.Path) map[string][]leg {
	ways := map[string][]leg{}
	if path == nil {
		return ways
	}
	for i, phase := range path.Phases {
		if phase.System != nil {
			ways["system"] = append(ways["system"], leg{*phase.System, i})
		}
		for _, h := range phase.Hops {
			for _, address := range path.Classes[h.Class].Tenants {
				ways[address] = append(ways[address], leg{h.Hop, i})
			}
		}
	}
	return ways
}

// pass turns a way into hops, with what the catalog has of each version.
func (d *Draft) pass(m *Move, way []leg) {
	for i, l := range way {
		h := &Hop{Number: i, Phase: l.phase, From: l.From, To: l.To}
		if i == len(way)-1 {
			h.Wanted = m.wanted
		} else if at := m.At(h); !d.catalog.knows(at) {
			d.Lacks = append(d.Lacks, at)
		} else if p, bad := d.catalog.Problems[at]; bad {
			d.complete = false
			d.fail(m.Release, p.Attr, p.Summary, fmt.Sprintf("%s\nThe way of %s to %s leads over %s.", p.Detail, m.Release.Address, m.To, h.To))
			m.Action, m.Hops = Unchanged, nil
			return
		} else {
			h.Wanted = d.catalog.Wanted[at]
		}
		m.Hops = append(m.Hops, h)
	}
}

const noPath = "No legal path to these versions"

// noWay explains, once, what leaves no path. It points at the rule that forbids
// it or, where there is none, at a version that is asked for.
func (d *Draft) noWay(e *compat.NoPathError) {
	diag := Diagnostic{Severity: Error, Address: d.fleet.System.Address, Summary: noPath}
	var lines []string
	var pin, rule *Range
	for _, c := range e.Constraints {
		at := rangeOf(c.Source.Block)
		switch {
		case c.Kind == compat.PinSystem || c.Kind == compat.PinTenants:
			at = rangeOf(c.Source.At("version"))
			if pin == nil {
				pin = at
			}
			if len(c.Tenants) > 0 {
				diag.Address = c.Tenants[0]
			}
		case rule == nil && c.Source.Block != d.fleet.Compatibility.Source.Block:
			rule = at
		}
		lines = append(lines, c.Text+place(at))
	}
	if diag.Range = rule; rule == nil {
		diag.Range = pin
	}
	diag.Detail = "Every pair of versions that can be live at the same time has to be allowed, and no order of upgrades gets there:\n  - " + strings.Join(lines, "\n  - ")
	if e.Others > 0 {
		diag.Detail += fmt.Sprintf("\n%d more tenants have no path either.", e.Others)
	}
	if len(e.Suggestions) > 0 {
		diag.Detail += "\n" + strings.Join(e.Suggestions, "\n")
	}
	d.diagnostics = append(d.diagnostics, diag)
}

func place(r *Range) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf(" (%s line %d)", r.Filename, r.Start.Line)
}
