package plan

import "github.com/soctalk/fleet/schema"

// At is a release at one version, as the version was written.
type At struct{ Address, Version string }

// Catalog is what is known of the charts that a plan may pass through. A
// release at a version is in one of its maps once somebody has looked for it.
type Catalog struct {
	Wanted   map[At]*Wanted
	Problems map[At]Problem
	// Missing are the versions that there is no chart of.
	Missing map[At]bool
}

// NewCatalog returns one that knows nothing.
func NewCatalog() *Catalog {
	return &Catalog{Wanted: map[At]*Wanted{}, Problems: map[At]Problem{}, Missing: map[At]bool{}}
}

func (c *Catalog) knows(at At) bool {
	_, problem := c.Problems[at]
	return c.Wanted[at] != nil || problem || c.Missing[at]
}

// target is where a release of the fleet has to get.
func target(r *schema.Release) At { return At{Address: r.Address, Version: r.Version.Original()} }
