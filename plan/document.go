// Package plan decides what to do: it holds a fleet's configuration against
// what is live and returns a document that people review and the applier runs.
// It is pure: no clock, no network, no disk.
package plan

import "time"

// FormatVersion is the version of the plan document. Minor versions only add.
const FormatVersion = "1.0"

// Document is a plan. Every view is rendered from it alone. It holds no secret
// value, in clear or in a form that can be guessed offline.
type Document struct {
	FormatVersion string    `json:"format_version"`
	ToolVersion   string    `json:"tool_version"`
	Created       time.Time `json:"created"`
	PlanID        string    `json:"plan_id"`
	// ConfigDigest is keyed; see [Keyed].
	ConfigDigest string `json:"config_digest"`
	// Complete is false when a release could not be observed or planned.
	Complete bool `json:"complete"`
	// Applyable is false when there is an error or nothing to do.
	Applyable bool    `json:"applyable"`
	Summary   Summary `json:"summary"`

	Observed       Observed        `json:"observed"`
	Releases       []Release       `json:"releases"`
	Classes        []Class         `json:"classes"`
	Steps          []Step          `json:"steps"`
	RollbackPoints []RollbackPoint `json:"rollback_points"`
	// NoReturn is the first step after which the fleet as a whole does not get
	// back to where it was by Helm alone; absent when there is none.
	NoReturn *NoReturn `json:"point_of_no_return,omitempty"`
	// Skews are the pairs of versions that live side by side for a while
	// although they should not for long.
	Skews    []Skew    `json:"skews,omitempty"`
	Forecast *Forecast `json:"forecast,omitempty"`
	Rollout  Rollout   `json:"rollout"`
	// Touches are what a run of the plan has to be allowed to change.
	Touches []Touches `json:"touches,omitempty"`
	// Reverses says which run the plan rolls back; absent in any other plan.
	Reverses *Reverses `json:"reverses,omitempty"`
	// Losses are the data that the plan gives up.
	Losses []Loss `json:"losses,omitempty"`

	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Summary counts releases by action.
type Summary struct {
	Install   int `json:"install"`
	Upgrade   int `json:"upgrade"`
	Uninstall int `json:"uninstall"`
	Unchanged int `json:"unchanged"`
	// Rollback counts those that go back to an earlier revision.
	Rollback int `json:"rollback,omitempty"`
}

// Reverses is a run and how far it is rolled back.
type Reverses struct {
	Run    string `json:"run"`
	PlanID string `json:"plan_id"`
	// Point is the rollback point, or "start".
	Point string `json:"point"`
}

// Loss is what was written since a moment, and is not there any more once the
// plan was carried out.
type Loss struct {
	Address string `json:"address"`
	// Snapshot is the one that is gone back to; empty for a release that is
	// uninstalled with its volumes.
	Snapshot string     `json:"snapshot,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	// What is lost, in words.
	What string `json:"what"`
}

// Observed is what the plan was made against.
type Observed struct {
	System    ObservedSystem `json:"system"`
	Tenants   int            `json:"tenants"`
	Unmanaged []string       `json:"unmanaged"`
	// Offline is true when the plan was made from a file that `soctalk observe`
	// wrote, without a look at the clusters. Such a plan is never applyable.
	Offline bool `json:"offline,omitempty"`
}

// ObservedSystem is the live system; Version is empty when it is not installed.
type ObservedSystem struct {
	Version  string `json:"version"`
	Revision int    `json:"revision"`
	// SchemaRevision is what the database says it is at, or, where the files
	// give no way into it, what the live chart says its code needs.
	SchemaRevision string `json:"schema_revision,omitempty"`
}

// Action is what happens to a release.
type Action string

// The actions.
const (
	Install   Action = "install"
	Upgrade   Action = "upgrade"
	Uninstall Action = "uninstall"
	Unchanged Action = "unchanged"
	Rollback  Action = "rollback"
)

// Reversibility says how one gets back from a hop.
type Reversibility string

// The verdicts.
const (
	Reversible      Reversibility = "reversible"
	RestoreRequired Reversibility = "restore-required"
	ForwardOnly     Reversibility = "forward-only"
)

// Release is one Helm release of the fleet and what becomes of it.
type Release struct {
	Address     string   `json:"address"`
	Slug        string   `json:"slug,omitempty"`
	Cluster     string   `json:"cluster"`
	Namespace   string   `json:"namespace"`
	Name        string   `json:"release"`
	Chart       string   `json:"chart"`
	ChartDigest string   `json:"chart_digest"`
	Action      Action   `json:"action"`
	From        string   `json:"from,omitempty"`
	To          string   `json:"to,omitempty"`
	Hops        []string `json:"hops"`
	// Path says of each of the hops what it is made with.
	Path          []Leg         `json:"path,omitempty"`
	Class         string        `json:"class,omitempty"`
	Wave          string        `json:"wave,omitempty"`
	Reversibility Reversibility `json:"reversibility,omitempty"`
	// Base is the live revision that the plan was made against.
	Base         Base   `json:"base"`
	ValuesDigest string `json:"values_digest"`
	// Owner is another tool that also manages the release, such as "Flux
	// HelmRelease flux-system/acme".
	Owner string `json:"owner,omitempty"`
}

// Leg is one hop of a release. Phases are counted from 0: in each, the system
// makes at most one hop, and then the tenants make theirs.
type Leg struct {
	From          string        `json:"from,omitempty"`
	To            string        `json:"to"`
	Phase         int           `json:"phase,omitempty"`
	ChartDigest   string        `json:"chart_digest"`
	ValuesDigest  string        `json:"values_digest"`
	Reversibility Reversibility `json:"reversibility,omitempty"`
	// Held says what a hop of the system leaves the pins for SocTalk's own
	// provisioning at, until all tenants are where they should be.
	Held *HeldPins `json:"held_pins,omitempty"`
}

// HeldPins are the tenants that SocTalk's own provisioning is pinned to in the
// meantime: those of a version, or, where that is empty, of the live system.
type HeldPins struct {
	Version    string `json:"version,omitempty"`
	AppVersion string `json:"app_version,omitempty"`
}

// Base identifies a live revision; zero when the release is not installed.
type Base struct {
	Revision int    `json:"revision"`
	Digest   string `json:"digest,omitempty"`
}

// Class is a set of releases whose transition is the same once their own
// identity is taken out.
type Class struct {
	ID            string        `json:"id"`
	Action        Action        `json:"action"`
	Chart         string        `json:"chart"`
	From          string        `json:"from,omitempty"`
	To            string        `json:"to,omitempty"`
	Reversibility Reversibility `json:"reversibility,omitempty"`
	Count         int           `json:"count"`
	// Hops say what each hop does, where there are several; Diff is what they
	// come to in the end.
	Hops []ClassHop   `json:"hops,omitempty"`
	Diff []ObjectDiff `json:"diff"`
	// Images are the container images that change, old and new.
	Images []ImageChange `json:"images,omitempty"`
	// Subcharts are the vendored charts that change their version.
	Subcharts []SubchartChange `json:"subcharts,omitempty"`
	// CRDs are the custom resource definitions that change. Helm never upgrades
	// them, so a step of their own does.
	CRDs []CRDChange `json:"crds,omitempty"`
	// Restarts are the workloads whose pods are replaced, as Kind/name.
	Restarts []string `json:"restarts,omitempty"`
	// Relabelled counts objects of which only version labels change.
	Relabelled int `json:"relabelled,omitempty"`
	// Notes are the reasons for the verdict and other remarks, one a line.
	Notes []string `json:"notes,omitempty"`
	// Changes are the release notes of the target, from the chart.
	Changes []string `json:"changes,omitempty"`
	// NotesURL is where the configuration says that the release is described.
	NotesURL string `json:"notes_url,omitempty"`
	// Snapshots are taken before the hop, as "name (driver)".
	Snapshots []string `json:"snapshots,omitempty"`
}

// ClassHop is one of several hops of a class.
type ClassHop struct {
	From          string        `json:"from,omitempty"`
	To            string        `json:"to"`
	Phase         int           `json:"phase,omitempty"`
	Reversibility Reversibility `json:"reversibility,omitempty"`
	Restarts      []string      `json:"restarts,omitempty"`
	Notes         []string      `json:"notes,omitempty"`
	Changes       []string      `json:"changes,omitempty"`
	NotesURL      string        `json:"notes_url,omitempty"`
	Snapshots     []string      `json:"snapshots,omitempty"`
}

// ImageChange is a container whose image changes; one side is empty when the
// container is new or goes.
type ImageChange struct {
	// Container is Kind/name/container, identity taken out.
	Container string `json:"container"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
}

// SubchartChange is a vendored chart at another version; one side is empty when
// it is new or goes.
type SubchartChange struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Breaking is true when the major version changes.
	Breaking bool `json:"breaking,omitempty"`
}

// CRDChange is a custom resource definition that the target chart brings.
type CRDChange struct {
	Name   string       `json:"name"`
	Action ObjectAction `json:"action"`
	// Breaking says what of it stored objects may not survive, one a line.
	Breaking []string `json:"breaking,omitempty"`
}

// ObjectAction is what happens to one Kubernetes object.
type ObjectAction string

// The object actions.
const (
	Create  ObjectAction = "create"
	Change  ObjectAction = "change"
	Delete  ObjectAction = "delete"
	Replace ObjectAction = "replace"
)

// ObjectDiff is the change of one object, identity taken out.
type ObjectDiff struct {
	Kind      string       `json:"kind"`
	Namespace string       `json:"namespace,omitempty"`
	Name      string       `json:"name"`
	Action    ObjectAction `json:"action"`
	// Paths are the changed fields, in JSON-path-like notation.
	Paths  []string    `json:"paths"`
	Fields []FieldDiff `json:"fields,omitempty"`
}

// FieldDiff is the change of one field. Before and After are JSON; one is
// empty when the field is added or removed, both when Masked.
type FieldDiff struct {
	Path   string `json:"path,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Masked says why the values are not shown: "secret", "checksum" (of what
	// may be secret), "value" (it came from a values file) or "unstable" (it
	// differs from render to render).
	Masked string `json:"masked,omitempty"`
}

// StepKind says what a step does.
type StepKind string

// The kinds of step.
const (
	StepSnapshot  StepKind = "snapshot"
	StepMigrate   StepKind = "migrate"
	StepUpgrade   StepKind = "upgrade"
	StepInstall   StepKind = "install"
	StepUninstall StepKind = "uninstall"
	StepVerify    StepKind = "verify"
	StepGate      StepKind = "gate"
	StepSoak      StepKind = "soak"
	StepPins      StepKind = "pins"
	// StepCRDs brings custom resource definitions to the target chart's.
	StepCRDs StepKind = "crds"
	// StepRollback puts a release back to an earlier revision.
	StepRollback StepKind = "rollback"
	// StepRestore scales down what writes to what was saved, and brings back the
	// snapshot; StepScaleUp undoes the first.
	StepRestore StepKind = "restore"
	StepScaleUp StepKind = "scale-up"
)

// Step is one node of the DAG.
type Step struct {
	ID      string   `json:"id"`
	Kind    StepKind `json:"kind"`
	Address string   `json:"address,omitempty"`
	// Tenant is the address of the tenant whose turn the step is part of.
	Tenant string `json:"tenant,omitempty"`
	// Hop is the number of the release's hop that the step is part of.
	Hop   int    `json:"hop,omitempty"`
	Phase int    `json:"phase,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	// Needs are the steps that have to end well before this one starts. Gates
	// and soaks await the steps of tenants, however these end.
	Needs []string `json:"needs"`
	Wave  string   `json:"wave,omitempty"`
	// Timeout and Settle are Go durations.
	Timeout string `json:"timeout,omitempty"`
	Settle  string `json:"settle,omitempty"`
	// Template is the chart's migration Job, for kind migrate.
	Template string `json:"template,omitempty"`
	// Snapshot is the label of the snapshot block, and Driver how it is taken,
	// for kinds snapshot and restore.
	Snapshot string `json:"snapshot,omitempty"`
	Driver   string `json:"driver,omitempty"`
	// Unsaved are volume claims that the snapshot leaves out, as the files accept,
	// so that it makes no way back.
	Unsaved []string `json:"unsaved,omitempty"`
	// NoRestore says that nothing brings the snapshot back, as the files have no
	// program that does.
	NoRestore bool `json:"no_restore,omitempty"`
	// Revision is Helm's, for kind rollback.
	Revision int `json:"revision,omitempty"`
	// Records are the ids of the snapshots that are brought back, for kind restore,
	// or were, for kind scale-up.
	Records []string `json:"records,omitempty"`
	// Checks must hold, for kinds verify and soak.
	Checks []string `json:"checks,omitempty"`
	// Approve stops the run here until somebody approves, for kind gate.
	Approve bool `json:"approve,omitempty"`
	// Window is the time that the step may only run in.
	Window string `json:"window,omitempty"`
	// CRDs are the names of the definitions, for kind crds.
	CRDs []string `json:"crds,omitempty"`
	// Restarts are the workloads whose pods are replaced, for kind pins.
	Restarts []string `json:"restarts,omitempty"`
}

// RollbackPoint is a state that the run can go back to as a whole.
type RollbackPoint struct {
	ID       string   `json:"id"`
	After    string   `json:"after"`
	Restores []string `json:"restores"`
	// Snapshots are the steps whose snapshots the way back needs; none when
	// Helm alone gets there.
	Snapshots []string `json:"snapshots,omitempty"`
}

// NoReturn is where a plan leaves what Helm can bring back.
type NoReturn struct {
	Step string `json:"step"`
	Why  string `json:"why"`
	// Snapshots are the steps before it that make a way back; none: there is
	// only the way forward.
	Snapshots []string `json:"snapshots,omitempty"`
}

// Skew is a pair of versions that is live for a while.
type Skew struct {
	System  string `json:"system"`
	Tenant  string `json:"tenant"`
	Status  string `json:"status"` // deprecated or blocked
	Why     string `json:"why"`
	Tenants int    `json:"tenants"`
	// Steps is how many hops, of any release, it lasts at most; 0 when it stays.
	Steps int  `json:"steps"`
	Stays bool `json:"stays,omitempty"`
	// Inherited is true when the pair is live already.
	Inherited bool `json:"inherited,omitempty"`
}

// Forecast is how the run is expected to go.
type Forecast struct {
	// Expected and AtMost are Go durations: Expected from how long each release
	// took the last time, AtMost if every step takes its whole timeout. Expected
	// is empty when nothing is known.
	Expected string `json:"expected,omitempty"`
	AtMost   string `json:"at_most,omitempty"`
	// WorstFailures is how many tenants may have failed when the run stops.
	WorstFailures int `json:"worst_failures"`
}

// Rollout is what the applier needs to know beside the DAG.
type Rollout struct {
	MaxParallel   int            `json:"max_parallel"`
	WaveParallel  map[string]int `json:"wave_parallel"`
	MaxFailures   int            `json:"max_failures"`
	OnFailure     string         `json:"on_failure"`
	SystemFailure string         `json:"system_on_failure"`
	// Windows are those that steps keep to, by name.
	Windows map[string]Window `json:"windows,omitempty"`
	// Checks are those that steps have, by name.
	Checks map[string]Check `json:"checks,omitempty"`
}

// Check is how a check is asked. What it asks stays in the files.
type Check struct {
	// On is tenant, system or wave.
	On string `json:"on"`
	// Probe is http, sql, prometheus, job, command, or a built-in check.
	Probe string `json:"probe"`
	// Interval and Timeout are Go durations: from one question to the next, and
	// until it has to pass.
	Interval string `json:"interval"`
	Timeout  string `json:"timeout"`
	// Retries are the failing answers in a row that a soak tolerates.
	Retries int `json:"retries,omitempty"`
}

// Window is a recurring span of time.
type Window struct {
	// Days are sun, mon, … on which it opens.
	Days []string `json:"days"`
	// Start is hours and minutes by the clocks of the time zone, Duration a Go
	// duration, Timezone an IANA name.
	Start    string `json:"start"`
	Duration string `json:"duration"`
	Timezone string `json:"timezone"`
}

// Touches are kinds of objects that a run may change, and the namespaces in
// which it may: who runs the plan needs to be allowed to.
type Touches struct {
	Cluster string `json:"cluster"`
	// Kinds are written as apiVersion/Kind, such as "apps/v1/Deployment". Those
	// that belong to no namespace stand among the others.
	Kinds      []string `json:"kinds"`
	Namespaces []string `json:"namespaces"`
}

// Severity of a diagnostic.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is something that a person should know, with where in the files
// it comes from.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`
	Address  string   `json:"address,omitempty"`
	Range    *Range   `json:"range,omitempty"`
	Snippet  *Snippet `json:"snippet,omitempty"`
}

// Range is a place in a file, relative to the configuration's folder.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// Pos is a position; lines and columns (in grapheme clusters) count from 1.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Snippet is the source around a diagnostic, so that it can be shown where the
// files are not at hand.
type Snippet struct {
	Context   string `json:"context,omitempty"` // e.g. tenant "acme"
	Code      string `json:"code"`
	StartLine int    `json:"start_line"`
	// HighlightStart and HighlightEnd are byte offsets into Code.
	HighlightStart int `json:"highlight_start_offset"`
	HighlightEnd   int `json:"highlight_end_offset"`
	// Values are the variables of the failing expression, "var.x is 3".
	Values []string `json:"values,omitempty"`
}
