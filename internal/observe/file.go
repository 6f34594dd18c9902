package observe

import (
	"encoding/json"
	"time"

	"github.com/soctalk/fleet/plan"
)

const (
	// FileKind marks an observation, so that it is not taken for a plan.
	FileKind = "observation"
	// fileVersion is the format that is written; of others with the same major
	// version the unknown fields are ignored.
	fileVersion = "1.0"
	// maxFile bounds what is read: 10,000 tenants with 30 KiB of manifest each
	// are 300 MiB.
	maxFile = 512 << 20
)

// onDisk is an observation as it is written: nothing that may be secret, and no
// digest of it either.
type onDisk struct {
	FormatVersion string    `json:"format_version"`
	Kind          string    `json:"kind"`
	ToolVersion   string    `json:"tool_version"`
	Created       time.Time `json:"created"`

	Clusters []fileCluster `json:"clusters"`
	Releases []fileRelease `json:"releases"`
	Others   []fileOther   `json:"others"`
	// Prerequisites are those that were checked, with why one does not hold.
	Prerequisites map[string]string `json:"prerequisites"`
	Database      *fileDatabase     `json:"database,omitempty"`
}

type fileCluster struct {
	Name string `json:"name"`
	// Problem says why it could not be read, or not to the end.
	Problem     string   `json:"problem,omitempty"`
	Kubernetes  string   `json:"kubernetes,omitempty"`
	Major       string   `json:"major,omitempty"`
	Minor       string   `json:"minor,omitempty"`
	APIVersions []string `json:"api_versions,omitempty"`
}

type fileKey struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Release   string `json:"release"`
	// Tenant is true for the main release of a tenant.
	Tenant bool `json:"tenant,omitempty"`
}

// fileOther is a live release that the files did not name.
type fileOther struct {
	fileKey
}

// fileRelease is one that the files named, and that is live, has a problem or
// has an owner.
type fileRelease struct {
	fileKey
	Address string `json:"address"`
	Problem string `json:"problem,omitempty"`
	Owner   string `json:"owner,omitempty"`
	// Live is missing where the release is not installed or could not be read.
	Live *fileLive `json:"live,omitempty"`
}

type fileLive struct {
	Revision       int            `json:"revision"`
	Status         string         `json:"status"`
	Modified       time.Time      `json:"modified"`
	Took           string         `json:"took,omitempty"`
	Chart          string         `json:"chart"`
	Version        string         `json:"version"`
	AppVersion     string         `json:"app_version,omitempty"`
	ChartDigest    string         `json:"chart_digest,omitempty"`
	SchemaRevision string         `json:"schema_revision,omitempty"`
	Subcharts      []fileSubchart `json:"subcharts,omitempty"`
	// Defaults are the system chart's own values.
	Defaults map[string]any `json:"defaults,omitempty"`
	// Objects are those of the manifest.
	Objects []json.RawMessage `json:"objects"`
}

type fileSubchart struct {
	Name       string `json:"name"`
	Version    string `json:"version,omitempty"`
	AppVersion string `json:"app_version,omitempty"`
}

type fileDatabase struct {
	Revision string `json:"revision,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

func (k fileKey) key() plan.ReleaseKey {
	return plan.ReleaseKey{Cluster: k.Cluster, Namespace: k.Namespace, Name: k.Release}
}

func fileKeyOf(k plan.ReleaseKey, tenant bool) fileKey {
	return fileKey{Cluster: k.Cluster, Namespace: k.Namespace, Release: k.Name, Tenant: tenant}
}
