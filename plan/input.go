package plan

import (
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/redact"
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
	// Releases are those that the fleet names and that are live, and those that
	// leave it; see [Leaves].
	Releases map[ReleaseKey]*Live
	// Unmanaged are live tenant releases that the fleet does not name.
	Unmanaged []ReleaseKey
	// Elsewhere are live releases of the system's name in other namespaces of its
	// cluster, with their chart, where that is known; looked for only where the
	// system is not installed.
	Elsewhere map[ReleaseKey]string
	// Tenants counts the live tenant releases, managed or not.
	Tenants int
	// Prerequisites holds, by name, why a prerequisite does not hold.
	Prerequisites map[string]string
	// Problems are releases that could not be read.
	Problems map[ReleaseKey]string
	// Clusters holds, by name, why a cluster could not be read at all, or not
	// to the end. Nothing on it is planned.
	Clusters map[string]string
	// Owners are other tools that manage a release too, as "Flux HelmRelease
	// flux-system/acme".
	Owners map[ReleaseKey]string
	// Database is what the system's database says of itself; nil where the
	// files give no way into it.
	Database *Database
	// Bounds are the live ResourceQuotas, with their status, and LimitRanges of
	// namespaces that the fleet's releases are in.
	Bounds map[Namespace][]Object
	// Volumes are what clusters say of storage, by name; nil where nothing is to be
	// saved by VolumeSnapshots, or that was not looked at.
	Volumes map[string]*Volumes
	// Offline is true when this was read from a file that `soctalk observe`
	// wrote: no secret is in it, so values cannot be compared.
	Offline bool
}

// Namespace identifies a namespace across clusters.
type Namespace struct{ Cluster, Name string }

// Redacted stands in an offline observation for what was taken out of it.
const Redacted = "(redacted)"

// Database is what was read from the system's database.
type Database struct {
	// Revision is the one row of alembic_version; empty when there is no such
	// table yet or Problem is set.
	Revision string
	// Problem says why it could not be read, or that it has several heads.
	Problem string
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
	Values map[string]any
	// Defaults are the live chart's own values; only the system's are needed.
	Defaults map[string]any
	// Subcharts are those that the live values enable; of some the version is
	// not known.
	Subcharts []Subchart
	// Took is how long the revision took to get ready, where Helm waited for it;
	// 0 when that is not known.
	Took time.Duration
	// Run is the run that made the revision; empty when another program did.
	Run string
}

// Deployed says whether there is anything to upgrade.
func (l *Live) Deployed() bool { return l != nil && l.Status != "uninstalled" }

// Wanted is what a release of the fleet should be, with its chart at hand.
type Wanted struct {
	Chart *Chart
	// Values are what the upgrade will be given: base layer, values and set.
	Values map[string]any
	// LeftOut are the paths of values that the files give to the target and that
	// this version, which is passed on the way, does not know.
	LeftOut []string
	// SameEffect is true when the live release is at this version, and the values
	// come to those that it has: they may differ in what is the default anyway.
	SameEffect bool
}

// Chart is what the planner knows about one version of a chart.
type Chart struct {
	Name, Version, AppVersion string
	Digest                    string
	SchemaRevision            string
	// Changes are the chart's own release notes, one a line.
	Changes []string
	// Breaking are its breaking changes, one a line.
	Breaking []string
	// Defaults are its own values; only the system's are needed. Never modified.
	Defaults map[string]any
	// Templates are the paths of the chart's own templates.
	Templates map[string]bool
}

// Rendered is a release as the cluster would get it.
type Rendered struct {
	Objects []Object
	// Hooks are the objects that Helm makes before and after.
	Hooks []Object
	// Again is a second render of the same; what differs is unstable.
	Again []Object
	// Subcharts are those that the values enable.
	Subcharts []Subchart
	// CRDs are the custom resource definitions that come with the chart, and
	// LiveCRDs those of the same names on the cluster, both in its form.
	CRDs, LiveCRDs []Object
	// Secrets are what live Secrets hold that the templates read.
	Secrets []string
	// Words are what the chart itself says, which is nobody's secret. Nil has none.
	Words *redact.ChartWords
}

// Problem is why one release could not be prepared, with where to look.
type Problem struct {
	Summary, Detail string
	// Attr is the attribute of the release to point at.
	Attr string
}
