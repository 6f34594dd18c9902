package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// Release is where one release is and where it has to get.
type Release struct {
	Address string
	// Live is nil when the release is not installed.
	Live *semver.Version
	// Target equals Live where the release has to stay, and is nil where it
	// has to stay uninstalled.
	Target *semver.Version
	// Source is the line that asks for Target.
	Source schema.Source
}

// Problem is a fleet that has to get from its live versions to its targets.
type Problem struct {
	Compatibility *schema.Compatibility
	Facts         []*schema.Facts
	System        Release
	Tenants       []Release
	// Exists says whether there is a chart of a version, so that a release can
	// pass through it; nil: there always is. It is not asked about targets.
	Exists func(schema.Component, *semver.Version) bool
}

// DowngradeError names the releases that are live at a newer version than the
// one they should get to.
type DowngradeError struct{ Releases []Release }

func (e *DowngradeError) Error() string {
	first := e.Releases[0]
	s := fmt.Sprintf("%s: live is %s, the configuration wants %s", first.Address, first.Live, first.Target)
	if more := len(e.Releases) - 1; more > 0 {
		s += fmt.Sprintf(", and %d more", more)
	}
	return s + ": database migrations only go forward, so an older version is not an upgrade; to go back, use `soctalk rollback RUN`"
}

// downgrades returns the releases whose target is older than what is live.
func (p *Problem) downgrades() []Release {
	var down []Release
	for _, r := range append([]Release{p.System}, p.Tenants...) {
		if r.Live != nil && r.Target != nil && r.Target.LessThan(r.Live) {
			down = append(down, r)
		}
	}
	slices.SortStableFunc(down, func(a, b Release) int { return cmp.Compare(a.Address, b.Address) })
	return down
}

// Known returns the versions of a component that the problem names anywhere,
// oldest first: in the matrix, in release blocks, as stops, live or as targets.
func (p *Problem) Known(component schema.Component) []*semver.Version {
	var all []*semver.Version
	for _, pair := range p.Compatibility.Matrix {
		if component == schema.ComponentSystem {
			all = append(all, pair.System)
		} else {
			all = append(all, pair.Tenant)
		}
	}
	for _, f := range p.Facts {
		if f.Component == component {
			all = append(all, f.Version)
		}
	}
	for _, s := range p.Compatibility.Stops {
		if s.Component == component {
			all = append(all, s.Version)
		}
	}
	releases := p.Tenants
	if component == schema.ComponentSystem {
		releases = []Release{p.System}
	}
	for _, r := range releases {
		all = append(all, r.Live, r.Target)
	}
	return ascending(all)
}

// ascending sorts versions and leaves out nil and what is the same version.
func ascending(all []*semver.Version) []*semver.Version {
	all = slices.DeleteFunc(all, func(v *semver.Version) bool { return v == nil })
	slices.SortFunc(all, func(a, b *semver.Version) int {
		return cmp.Or(a.Compare(b), strings.Compare(a.Original(), b.Original()))
	})
	return slices.CompactFunc(all, func(a, b *semver.Version) bool { return a.Equal(b) })
}

func (p *Problem) exists(component schema.Component, v *semver.Version) bool {
	return p.Exists == nil || p.Exists(component, v)
}
