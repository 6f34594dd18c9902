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
	Rollout        Rollout         `json:"rollout"`
	Diagnostics    []Diagnostic    `json:"diagnostics"`
}

// Summary counts releases by action.
type Summary struct {
	Install   int `json:"install"`
	Upgrade   int `json:"upgrade"`
	Uninstall int `json:"uninstall"`
	Unchanged int `json:"unchanged"`
}

// Observed is what the plan was made against.
type Observed struct {
	System    ObservedSystem `json:"system"`
	Tenants   int            `json:"tenants"`
	Unmanaged []string       `json:"unmanaged"`
}

// ObservedSystem is the live system; Version is empty when it is not installed.
type ObservedSystem struct {
	Version  string `json:"version"`
	Revision int    `json:"revision"`
	// SchemaRevision is what the live chart says its code needs.
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
	Address       string        `json:"address"`
	Slug          string        `json:"slug,omitempty"`
	Cluster       string        `json:"cluster"`
	Namespace     string        `json:"namespace"`
	Name          string        `json:"release"`
	Chart         string        `json:"chart"`
	ChartDigest   string        `json:"chart_digest"`
	Action        Action        `json:"action"`
	From          string        `json:"from,omitempty"`
	To            string        `json:"to,omitempty"`
	Hops          []string      `json:"hops"`
	Class         string        `json:"class,omitempty"`
	Wave          string        `json:"wave,omitempty"`
	Reversibility Reversibility `json:"reversibility,omitempty"`
	// Base is the live revision that the plan was made against.
	Base         Base   `json:"base"`
	ValuesDigest string `json:"values_digest"`
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
	Diff          []ObjectDiff  `json:"diff"`
	// Restarts are the workloads whose pods are replaced, as Kind/name.
	Restarts []string `json:"restarts,omitempty"`
	// Relabelled counts objects of which only version labels change.
	Relabelled int `json:"relabelled,omitempty"`
	// Notes are the reasons for the verdict and other remarks, one a line.
	Notes []string `json:"notes,omitempty"`
	// Changes are the release notes of the target, from the chart.
	Changes []string `json:"changes,omitempty"`
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
	Path   string `json:"path"`
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
)

// Step is one node of the DAG.
type Step struct {
	ID      string   `json:"id"`
	Kind    StepKind `json:"kind"`
	Address string   `json:"address,omitempty"`
	// Tenant is the address of the tenant whose turn the step is part of.
	Tenant string   `json:"tenant,omitempty"`
	From   string   `json:"from,omitempty"`
	To     string   `json:"to,omitempty"`
	Needs  []string `json:"needs"`
	Wave   string   `json:"wave,omitempty"`
	// Timeout and Settle are Go durations.
	Timeout string `json:"timeout,omitempty"`
	Settle  string `json:"settle,omitempty"`
	// Template is the chart's migration Job, for kind migrate.
	Template string `json:"template,omitempty"`
}

// RollbackPoint is a state that the run can go back to as a whole.
type RollbackPoint struct {
	ID       string   `json:"id"`
	After    string   `json:"after"`
	Restores []string `json:"restores"`
}

// Rollout is what the applier needs to know beside the DAG.
type Rollout struct {
	MaxParallel   int            `json:"max_parallel"`
	WaveParallel  map[string]int `json:"wave_parallel"`
	MaxFailures   int            `json:"max_failures"`
	OnFailure     string         `json:"on_failure"`
	SystemFailure string         `json:"system_on_failure"`
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
