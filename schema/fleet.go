// Package schema is the fleet language: it turns a folder of HCL files into a
// typed and validated [Fleet]. It knows neither Kubernetes nor Helm.
package schema

import (
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// DefaultCluster is the name of the cluster that a fleet without a cluster
// block runs on: the ambient kubeconfig or in-cluster account.
const DefaultCluster = "default"

// defaultQPS lets a plan of a thousand tenants run as fast as it can be worked
// out, and keeps a program gone wrong from flooding an API server.
const defaultQPS = 1000

// Fleet is one configuration, with every expression evaluated, every default
// applied and every rule that the files alone can show checked. The slices are
// ordered by address or, where order carries meaning, as written.
type Fleet struct {
	// Root is the folder the configuration was read from.
	Root string
	// Inputs are the exact bytes the configuration was made of: every file
	// read, by slash-separated path relative to Root, and every variable set
	// from outside as "var.NAME". They may hold secrets; only a keyed digest
	// of them may be stored or shown.
	Inputs map[string][]byte
	// Files are the parsed sources, for the snippets of diagnostics.
	Files map[string]*hcl.File
	// Sensitive are the string leaves of every sensitive value, longest first.
	// No output may contain one of them.
	Sensitive []string
	// SensitiveVariables are the names of the input variables whose values must
	// not be shown.
	SensitiveVariables map[string]bool
	// Unset are the names of the required variables without a value, where
	// [Options.AllowUnset] lets them be. The fleet is there to be checked then,
	// not to be used: the system may have no version, tenants may be missing,
	// and what is marked Unsure is not as it will be.
	Unset []string

	Clusters      map[string]*Cluster
	Registries    map[string]*Registry
	Prerequisites []*Prerequisite
	Compatibility *Compatibility
	Facts         []*Facts
	System        *System
	Tenants       []*Tenant
	Removed       []*Removed
	Moved         []*Moved
	Windows       map[string]*Window
	Checks        map[string]*Check
	Rollout       *Rollout
}

// Releases returns every release of the fleet: the system, then each tenant
// followed by its companions.
func (f *Fleet) Releases() []*Release {
	all := []*Release{&f.System.Release}
	for _, t := range f.Tenants {
		all = append(all, &t.Release)
		for _, c := range t.Companions {
			all = append(all, &c.Release)
		}
	}
	return all
}

// Source says where in the files something was declared.
type Source struct {
	// Block is the header of the declaring block.
	Block hcl.Range
	// Attrs holds the range of each attribute's expression that was written,
	// wherever it came from (a tenant's own or tenant_defaults).
	Attrs map[string]hcl.Range
}

// At returns the range of the named attribute, or of the block where the
// attribute was not written.
func (s Source) At(attr string) hcl.Range {
	if r, ok := s.Attrs[attr]; ok {
		return r
	}
	return s.Block
}

// Cluster is one Kubernetes API server and how to reach it.
type Cluster struct {
	Name       string
	Kubeconfig string // absolute path; empty: ambient
	Context    string // empty: the kubeconfig's current context
	QPS        float32
	Burst      int
	Source     Source
}

// Registry holds settings for one chart registry host.
type Registry struct {
	Host      string
	PlainHTTP bool
	CAFile    string // absolute path; empty: system roots
	Source    Source
}

// Prerequisite is a property of the cluster that is checked and never changed.
// Exactly one of its probes is set.
type Prerequisite struct {
	Name                string
	CRD                 string
	AnyCRD              []string
	DefaultStorageClass *bool
	Kubernetes          *semver.Constraints
	SnapshotClass       string
	Permission          *Permission
	Source              Source
}

// Permission is one question to the API server's access review.
type Permission struct {
	Verb, Resource, Group, Namespace string
}

// Status is how a pair of system and tenant versions is rated.
type Status string

// The ratings of a version pair, mildest first.
const (
	Supported  Status = "supported"
	Deprecated Status = "deprecated"
	Blocked    Status = "blocked"
)

// Unlisted says what happens to a pair that neither matrix nor rule names.
type Unlisted string

// The policies for unlisted pairs.
const (
	UnlistedRefuse Unlisted = "refuse"
	UnlistedWarn   Unlisted = "warn"
	UnlistedAllow  Unlisted = "allow"
)

// Component is the half of the fleet that a version belongs to.
type Component string

// The two components.
const (
	ComponentSystem Component = "system"
	ComponentTenant Component = "tenant"
)

// Compatibility says which system and tenant versions may run together.
type Compatibility struct {
	Matrix   []Pair
	Rules    []Rule
	Stops    []Stop
	Unlisted Unlisted
	Source   Source
	// Unsure says that something of it is not known, and is not here.
	Unsure bool
}

// Pair is one entry of the matrix.
type Pair struct {
	System, Tenant *semver.Version
	Status         Status
	Notes          string
	// Source is the line of the matrix file where that is known, else the
	// matrix attribute.
	Source Source
}

// Rule rates every pair in two ranges.
type Rule struct {
	System, Tenant *semver.Constraints
	// SystemText and TenantText are the constraints as written.
	SystemText, TenantText string
	Status                 Status
	Notes                  string
	Source                 Source
}

// Stop is a version that no upgrade of the component may jump over.
type Stop struct {
	Component Component
	Version   *semver.Version
	Source    Source
}

// Facts is what a release block says about one version of a component.
type Facts struct {
	Component      Component
	Version        *semver.Version
	SchemaRevision string
	Breaking       []string
	Notes          string
	Source         Source
}

// Chart names a chart, without its version.
type Chart struct {
	// Ref is an oci:// reference, an https:// repository, or an absolute path
	// of a folder or archive.
	Ref string
	// Name is the chart's name in an https repository; empty otherwise.
	Name string
}

// SetValue is one Helm --set assignment, applied after all values.
type SetValue struct {
	Path  string
	Value string
}

// Release is a Helm release that the fleet wants at a version: the system, a
// tenant, or a tenant's companion.
type Release struct {
	Address   string // as on the page "Addresses": system, tenant.acme, tenant.fleet["k"], tenant.acme.companion.wazuh
	Cluster   string // key of Fleet.Clusters
	Name      string // Helm release name
	Namespace string
	Chart     Chart
	Version   *semver.Version
	// Values are the layers of `values`, merged as Helm merges files: maps
	// deeply, anything else by replacement, null kept (it removes a default).
	// Shared between releases where equal: never modify.
	Values map[string]any
	// ValuesFromRelease asks for the live release's own values underneath.
	ValuesFromRelease bool
	// Set is sorted by path.
	Set       []SetValue
	Timeout   time.Duration
	Snapshots []*Snapshot
	Accept    Acceptance
	Source    Source
	// Unsure says that something of it is not known, and so has its default or
	// nothing here.
	Unsure bool
}

// System is the one soctalk-system release.
type System struct {
	Release
	Migration Migration
	Database  *Database // nil when not written
	API       *API      // nil when not written
	OnFailure SystemFailure
}

// SystemFailure says what follows a failed system upgrade.
type SystemFailure string

// The policies for a failed system upgrade.
const (
	SystemStop     SystemFailure = "stop"
	SystemRollback SystemFailure = "rollback"
	SystemRestore  SystemFailure = "restore"
)

// MigrationMode says how the database schema moves.
type MigrationMode string

// The modes of migration. Auto is job where the target chart holds the
// template, init otherwise.
const (
	MigrateAuto MigrationMode = "auto"
	MigrateJob  MigrationMode = "job"
	MigrateInit MigrationMode = "init"
	MigrateNone MigrationMode = "none"
)

// Migration is the system's migration block, with defaults applied.
type Migration struct {
	Mode     MigrationMode
	Template string // path within the chart
	Timeout  time.Duration
	Source   Source
}

// Database is the way into the system database; exactly one way is set.
type Database struct {
	DSNSecret *SecretKey
	DSN       string // may be sensitive
	Exec      *Exec
	Source    Source
}

// API is the way into SocTalk's own API: a Service in the system's namespace,
// or a URL.
type API struct {
	Service string
	Port    int
	URL     string
	// Origin is what logging in has to come from, where SocTalk asks for that.
	Origin string
	// Email and Password are keys of one Secret in the system's namespace.
	Email, Password SecretKey
	Source          Source
}

// SecretKey names one key of a Secret in the system's namespace.
type SecretKey struct{ Name, Key string }

// Exec runs the database's own tools inside its pod.
type Exec struct{ Pod, User, Database, Container string }

// Snapshot is one thing to save before a hop.
type Snapshot struct {
	Name   string
	Driver string // csi, pg_dump, velero, command
	Class  string
	// Location is Velero's BackupStorageLocation; empty for its default.
	Location string
	Store    string
	// Recipients are public keys of age that the release's Secrets are saved for.
	Recipients []string
	When       string // always, breaking, never
	Quiesce    bool
	Keep       int
	Argv       []string // driver command: saves
	// VerifyArgv, RestoreArgv and DeleteArgv are its other programs, each of
	// which may be missing.
	VerifyArgv, RestoreArgv, DeleteArgv []string

	Timeout time.Duration
	Source  Source
}

// Tenant is one customer's release with its companions.
type Tenant struct {
	Release
	Slug       string
	Labels     map[string]string
	Window     string // key of Fleet.Windows; empty: any time
	Companions []*Companion
}

// Companion is a further release of a tenant.
type Companion struct {
	Release
	Label string
	// After is true when it is upgraded after the tenant's main release.
	After bool
}

// Moved says that a tenant changed its address.
type Moved struct {
	From, To string
	Source   Source
}

// Window is a recurring span of time in which work may be done.
type Window struct {
	Name     string
	Days     []time.Weekday // sorted; all seven when not written
	Start    time.Duration  // since local midnight
	Duration time.Duration
	Location *time.Location
	Source   Source
}

// Check is a condition that must hold after an upgrade.
type Check struct {
	Name string
	// Kind is the probe's: http, sql, prometheus, job, command, or the name of a
	// built-in check, such as soctalk_heartbeat.
	Kind     string
	On       string // tenant, system, wave
	Interval time.Duration
	Timeout  time.Duration
	Retries  int
	Source   Source

	unsure bool // something beside its probe is not known
	probe  func(address string, self map[string]cty.Value) (*Probe, hcl.Diagnostics)
}

// Probe is what a check asks; exactly one is set.
type Probe struct {
	HTTP       *HTTPProbe
	SQL        *SQLProbe
	Prometheus *PrometheusProbe
	Job        *JobProbe
	Command    *CommandProbe
	// Builtin is the name of a built-in check.
	Builtin string
}

// HTTPProbe asks a Service through the API server's proxy, or a URL.
type HTTPProbe struct {
	Service  string
	Port     int
	Path     string
	URL      string
	Status   int
	JSONPath string
	Equals   string
}

// SQLProbe asks the system database.
type SQLProbe struct{ Query, Equals string }

// PrometheusProbe asks for an instant value.
type PrometheusProbe struct {
	Address, Query string
	Min, Max       *float64
	Equals         *float64
}

// JobProbe is a Job that must complete.
type JobProbe struct{ Manifest string }

// CommandProbe is a local command that must succeed.
type CommandProbe struct{ Argv []string }

// TenantFailure says what follows a failed tenant upgrade.
type TenantFailure string

// The policies for a failed tenant upgrade.
const (
	TenantRollback TenantFailure = "rollback"
	TenantRestore  TenantFailure = "restore"
	TenantStop     TenantFailure = "stop"
	TenantContinue TenantFailure = "continue"
)

// Budget is a number of tenants, absolute or as a share.
type Budget struct {
	Count   int
	Percent int // 0 to 100; used when IsPercent
	// IsPercent is true when Percent counts and Count does not.
	IsPercent bool
}

// Of returns the budget out of n tenants, in whole tenants, rounded down.
func (b Budget) Of(n int) int {
	if b.IsPercent {
		return n * b.Percent / 100
	}
	return b.Count
}

// Rollout is how tenants are walked.
type Rollout struct {
	MaxParallel int
	MaxFailures Budget
	OnFailure   TenantFailure
	Settle      time.Duration
	// Waves are in order of rollout; the last one takes everything left.
	Waves  []*Wave
	Source Source
}

// Wave is a set of tenants that may go together.
type Wave struct {
	Name string
	// Tenants are the addresses of its members, sorted. Every tenant of the
	// fleet is in exactly one wave.
	Tenants     []string
	MaxParallel int // never more than the rollout's
	Soak        time.Duration
	Checks      []string // keys of Fleet.Checks
	Approve     bool
	Source      Source
}
