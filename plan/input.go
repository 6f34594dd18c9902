package plan

import (
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// Object is one Kubernetes object as decoded from its manifest.
type Object = map[string]any

// ReleaseKey identifies a Helm release across clusters.
type ReleaseKey struct{ Cluster, Namespace, Name string }

// KeyOf returns the key of a release of the fleet.
func KeyOf(r *schema.Release) ReleaseKey {
	return ReleaseKey{Cluster: r.Cluster, Namespace: r.Namespace, Name: r.Name}
}

// Observation is what was read from the live clusters at one moment.
type Observation struct {
	// Releases are those that the fleet names and that are live.
	Releases map[ReleaseKey]*Live
	// Unmanaged are live tenant releases that the fleet does not name.
	Unmanaged []ReleaseKey
	// Tenants counts the live tenant releases, managed or not.
	Tenants int
	// Prerequisites holds, by name, why a prerequisite does not hold.
	Prerequisites map[string]string
	// Problems are releases that could not be read.
	Problems map[ReleaseKey]string
}

// Live is the newest revision of one live release.
type Live struct {
	Revision int
	// Status is Helm's: deployed, failed, pending-upgrade, uninstalled, …
	Status   string
	Modified time.Time
	Version  *semver.Version
	Chart    string // the chart's name
	// AppVersion is what the live chart was made for.
	AppVersion string
	// ChartDigest is empty when the revision was not made by this program.
	ChartDigest    string
	SchemaRevision string
	// Digest identifies the stored revision. It is derived from secrets: only
	// a keyed digest of it may be stored or shown.
	Digest string
	// Values are the user-supplied values, without the chart's defaults.
	Values  map[string]any
	Objects []Object
}

// Deployed says whether there is anything to upgrade.
func (l *Live) Deployed() bool { return l != nil && l.Status != "uninstalled" }

// Wanted is what a release of the fleet should be, with its chart at hand.
type Wanted struct {
	Chart *Chart
	// Values are what the upgrade will be given: base layer, values and set.
	Values map[string]any
}

// Chart is what the planner knows about one version of a chart.
type Chart struct {
	Name, Version, AppVersion string
	Digest                    string
	SchemaRevision            string
	// Changes are the chart's own release notes, one a line.
	Changes []string
	// Templates are the paths of the chart's own templates.
	Templates map[string]bool
}

// Rendered is a release as the cluster would get it.
type Rendered struct {
	Objects []Object
	// Again is a second render of the same; what differs is unstable.
	Again []Object
}

// Problem is why one release could not be prepared, with where to look.
type Problem struct {
	Summary, Detail string
	// Attr is the attribute of the release to point at.
	Attr string
}
