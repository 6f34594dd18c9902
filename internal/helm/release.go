package helm

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/chart"
)

// Labels that soctalk puts on the revisions it makes.
const (
	LabelRun         = "soctalk.io/run"
	LabelStep        = "soctalk.io/step"
	LabelChartDigest = "soctalk.io/chart-digest"
	// LabelRevision holds the revision that the other labels belong to: Helm
	// hands labels down from revision to revision.
	LabelRevision = "soctalk.io/revision"
)

const labelPrefix = "soctalk.io/"

// The statuses of Helm that matter here.
const (
	statusUninstalled = "uninstalled"
	statusSuperseded  = "superseded"
)

// Meta is what the labels of a revision's Secret tell about it.
type Meta struct {
	Namespace, Name string
	Revision        int
	// Status is Helm's word: deployed, failed, pending-upgrade, …
	Status   string
	Modified time.Time
	// State changes whenever the stored revision does.
	State string
	// Labels are those that Helm does not use itself. Those of soctalk are
	// there only when soctalk made this revision.
	Labels map[string]string
}

// known are all statuses that Helm gives a revision.
var known = map[string]bool{
	"unknown": true, "deployed": true, statusUninstalled: true, statusSuperseded: true, "failed": true,
	"uninstalling": true, "pending-install": true, "pending-upgrade": true, "pending-rollback": true,
}

// KnownStatus says whether Helm gives revisions this status.
func KnownStatus(status string) bool { return known[status] }

// Leaving says that a revision with this status is on its way out, or that its
// history alone is left.
func Leaving(status string) bool { return status == "uninstalling" || status == statusUninstalled }

// Pending says that an operation is in progress, or ended without cleaning up.
func (m Meta) Pending() bool { return strings.HasPrefix(m.Status, "pending-") }

// Release is one revision, body and all.
type Release struct {
	Meta
	ChartName, ChartVersion, AppVersion string
	ChartAnnotations                    map[string]string
	// ChartDefaults are the chart's own values, as JSON, since few need them.
	ChartDefaults json.RawMessage
	// Subcharts are those that the values enable. Version is empty where the
	// revision does not tell it, AppVersion always.
	Subcharts   []chart.Subchart
	Description string
	// LastDeployed is when the action began that made the revision.
	LastDeployed time.Time
	// Config is what the user supplied, without the chart's defaults.
	Config map[string]any
	// Manifest is all objects but hooks.
	Manifest Packed
	// BodyDigest identifies the revision: the SHA-256 of its stored body.
	BodyDigest string
	// ChartDigest is the chart's digest as far as a label can hold it; see
	// [DigestLabel]. Empty when soctalk did not make this revision.
	ChartDigest string
	// stored is the body as Helm keeps it, where the newest revision was asked for.
	stored []byte
}

// Hook is one object that Helm creates around an upgrade.
type Hook struct {
	Name, Kind, Path string
	Manifest         string
	Events           []string
	Weight           int
	DeletePolicies   []string
}
