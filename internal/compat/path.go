package compat

import "github.com/Masterminds/semver/v3"

// Path is how a fleet gets from its live versions to its targets.
type Path struct {
	// Classes are sorted by live version, then by target.
	Classes []Class
	// Phases are in order; there is always a first one, in which the system is
	// what it is now (or gets installed).
	Phases []Phase
	// Skews are the deprecated pairs that the path meets, and the forbidden
	// ones that it starts from, by phase, then by tenant version.
	Skews []Skew
}

// Class is the tenants that go the same way.
type Class struct {
	// Live is nil when the tenants are not installed.
	Live, Target *semver.Version
	Tenants      []string // addresses, sorted
	Hops         []Hop    // over all phases
}

// Hop is one version change of one release.
type Hop struct {
	// Number counts the hops of the release from 0.
	Number int
	// From is nil when the release gets installed.
	From, To *semver.Version
}

// Phase is one hop of the system, and then hops of tenants beside it.
type Phase struct {
	// System is nil in a first phase that leaves the system as it is.
	System *Hop
	// Version is what the system runs while the phase's tenants move; nil when
	// there is no system.
	Version *semver.Version
	// Hops are sorted by class; those of one class are made in this order.
	Hops []ClassHop
}

// ClassHop is a hop that every tenant of a class makes.
type ClassHop struct {
	Class int // index into Path.Classes
	Hop
}

// Skew is a pair of versions that is live for some time although it should not
// be live for long.
type Skew struct {
	Verdict
	Phase   int   // index into Path.Phases
	Classes []int // indexes into Path.Classes
	Tenants int
	// Inherited is true when the pair is live before the path begins.
	Inherited bool
	// Hops is how many hops, of any release, are made at most after the one
	// that brings the pair about, up to and with the one that ends it. 0 when
	// nothing ends it.
	Hops int
	// Stays is true when nothing on the path ends it.
	Stays bool
}
