package plan

import (
	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// Move is what becomes of one release, before anything is rendered.
type Move struct {
	Release   *schema.Release
	System    *schema.System    // set for the system
	Tenant    *schema.Tenant    // set for a tenant and its companions
	Companion *schema.Companion // set for a companion
	Slug      string
	Wave      string

	Live   *Live
	From   *semver.Version // nil when not installed
	To     *semver.Version
	Action Action
	// Hops lead from From to To; none when the release is left as it is. One
	// whose From and To are equal may turn out to change nothing.
	Hops []*Hop
	// Reasons say why a release at its target version is still touched.
	Reasons []string
	// notes are remarks for the class that are no reason for a verdict.
	notes []string

	wanted *Wanted // at To
}

// Hop is one version change of a release, or a change of its values alone.
type Hop struct {
	Number int
	// Phase is which hop of the system it is made beside; see [Leg].
	Phase    int
	From, To *semver.Version
	Wanted   *Wanted
	// Held is set while the system's provisioning pins are not yet what the files
	// ask for, and pins is true of the hop that makes them so.
	Held *HeldPins
	pins bool
	// What is known once the hop is compared.
	breaking bool
	crds     []CRDWant
	migrated bool     // the migration Job would have nothing to do
	restarts []string // of the hop that sets the pins
}

// At identifies the release at the hop's end.
func (m *Move) At(h *Hop) At { return At{m.Release.Address, h.To.Original()} }

// component is empty for a companion, of which no rule or fact is known.
func (m *Move) component() schema.Component {
	switch {
	case m.System != nil:
		return schema.ComponentSystem
	case m.Companion != nil:
		return ""
	}
	return schema.ComponentTenant
}

// moves says whether the version changes.
func (m *Move) moves() bool {
	return m.Action == Install || m.Action == Upgrade && !m.From.Equal(m.To)
}

// tenantMoves returns a tenant's releases in the order they are upgraded.
func tenantMoves(t *schema.Tenant, wave string) []*Move {
	var before, after []*Move
	for _, c := range t.Companions {
		m := &Move{Release: &c.Release, Tenant: t, Companion: c, Slug: t.Slug, Wave: wave}
		if c.After {
			after = append(after, m)
		} else {
			before = append(before, m)
		}
	}
	main := &Move{Release: &t.Release, Tenant: t, Slug: t.Slug, Wave: wave}
	return append(append(before, main), after...)
}
