// Package compat says which system and tenant versions may run together, which
// upgrades jump over a version that must not be jumped over, and by which path
// a fleet gets from its live versions to its targets without breaking either
// rule on the way.
package compat

import (
	"fmt"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// Basis is what a verdict rests on.
type Basis string

// The bases of a verdict.
const (
	ByMatrix   Basis = "matrix"   // an exact entry
	ByRule     Basis = "rule"     // a rule over ranges
	ByOrder    Basis = "order"    // the tenant would be ahead of the system
	ByUnlisted Basis = "unlisted" // the policy for what nothing names
)

// Verdict is the rating of one pair and where it comes from.
type Verdict struct {
	System, Tenant *semver.Version
	Status         schema.Status
	Basis          Basis
	// Why is half a sentence for a person: "listed as blocked in the matrix".
	Why string
	// Source is the line that decides, or the compatibility block.
	Source schema.Source
}

// Allowed says whether the pair may be live, even for a moment.
func (v Verdict) Allowed() bool { return v.Status != schema.Blocked }

// Rate rates a pair. An exact entry of the matrix wins over every rule, the
// strictest matching rule wins among rules, and what nothing names falls under
// the unlisted policy. A tenant ahead of the system is blocked unless an exact
// entry says otherwise: charts of one release do not always share a number, but
// a range cannot know that.
func Rate(c *schema.Compatibility, system, tenant *semver.Version) Verdict {
	v := Verdict{System: system, Tenant: tenant, Source: c.Source}
	for _, p := range c.Matrix {
		if p.System.Equal(system) && p.Tenant.Equal(tenant) {
			v.Status, v.Basis, v.Source = p.Status, ByMatrix, p.Source
			v.Why = withNotes(fmt.Sprintf("listed as %s in the matrix", p.Status), p.Notes)
			return v
		}
	}
	if tenant.GreaterThan(system) {
		v.Status, v.Basis = schema.Blocked, ByOrder
		v.Why = "the tenant would be ahead of the system, and the matrix does not list this exact pair"
		return v
	}
	matched := false
	for _, r := range c.Rules {
		if !r.System.Check(system) || !r.Tenant.Check(tenant) {
			continue
		}
		if matched && !stricter(r.Status, v.Status) {
			continue
		}
		matched = true
		v.Status, v.Basis, v.Source = r.Status, ByRule, r.Source
		v.Why = withNotes(fmt.Sprintf("rated %s by the rule for system %q and tenant %q", r.Status, r.SystemText, r.TenantText), r.Notes)
	}
	if matched {
		return v
	}
	v.Basis = ByUnlisted
	switch c.Unlisted {
	case schema.UnlistedAllow:
		v.Status, v.Why = schema.Supported, `not listed, and unlisted = "allow"`
	case schema.UnlistedWarn:
		v.Status, v.Why = schema.Deprecated, `not listed, and unlisted = "warn"`
	default:
		v.Status, v.Why = schema.Blocked, `not listed, and unlisted = "refuse"`
	}
	return v
}

// Jumped returns the stops of a component that lie strictly between two
// versions, in the order they were written.
func Jumped(c *schema.Compatibility, component schema.Component, from, to *semver.Version) []schema.Stop {
	var jumped []schema.Stop
	for _, s := range c.Stops {
		if s.Component == component && s.Version.GreaterThan(from) && s.Version.LessThan(to) {
			jumped = append(jumped, s)
		}
	}
	return jumped
}

func stricter(a, b schema.Status) bool { return severity(a) > severity(b) }

func severity(s schema.Status) int {
	switch s {
	case schema.Blocked:
		return 2
	case schema.Deprecated:
		return 1
	}
	return 0
}

func withNotes(why, notes string) string {
	if notes == "" {
		return why
	}
	return why + ": " + notes
}
