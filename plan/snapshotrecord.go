package plan

import "time"

// SnapshotState says whether there is something to go back to.
type SnapshotState string

// The states of a snapshot.
const (
	// Taking is also the state of a snapshot whose program was killed: what there
	// is of it is of no use.
	Taking SnapshotState = "taking"
	// Taken snapshots are whole and were read back.
	Taken SnapshotState = "taken"
)

// Snapshot is the record of a snapshot that a run took: enough to find it, to
// prove it and to go back to it, and no secret.
type Snapshot struct {
	ID    string        `json:"id"`
	State SnapshotState `json:"state"`
	// Run and Step took it: the step is one of the run's plan.
	Run  string `json:"run"`
	Step string `json:"step"`
	// Name is the label of the snapshot block, Driver how it is taken.
	Name   string `json:"name"`
	Driver string `json:"driver"`

	// Address, Cluster, Namespace and Release say what it is of; Version and
	// Revision are what that release was at.
	Address   string `json:"address"`
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Release   string `json:"release"`
	Version   string `json:"version,omitempty"`
	Revision  int    `json:"revision,omitempty"`

	Began time.Time `json:"began"`
	// Taken is the moment that it shows: what was written later is not in it.
	Taken *time.Time `json:"taken_at,omitempty"`

	// Store is the URL of the store and Object what it is called there; both are
	// empty for what is kept in the cluster. Size is in bytes, SHA256 in hex.
	Store  string `json:"store,omitempty"`
	Object string `json:"object,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`

	// SchemaRevision and ServerVersion are the database's.
	SchemaRevision string `json:"schema_revision,omitempty"`
	ServerVersion  string `json:"server_version,omitempty"`

	// Rows are counted by table, where there are not too many of them.
	Rows map[string]int64 `json:"rows,omitempty"`

	// Quiesced says that nothing was written while it was taken. ScaledDown are
	// the workloads that have not been scaled up again since.
	Quiesced   bool     `json:"quiesced,omitempty"`
	ScaledDown []Scaled `json:"scaled_down,omitempty"`

	Claims []ClaimSnapshot `json:"claims,omitempty"`
	// Unsaved are claims whose volumes cannot be snapshotted, which the files
	// accept.
	Unsaved []string `json:"unsaved,omitempty"`
	// Secrets are those of the release's namespace, saved beside the snapshot.
	Secrets *SavedSecrets `json:"secrets,omitempty"`
	// Backup is what another tool made, in its own words: a Velero Backup's name.
	Backup string `json:"backup,omitempty"`
}

// SavedSecrets is an object in the snapshot's store that holds Secrets,
// encrypted with age. Size is in bytes, SHA256 in hex.
type SavedSecrets struct {
	Object string `json:"object"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Count is how many Secrets there are in it, Recipients the public keys that
	// they are encrypted to.
	Count      int      `json:"count"`
	Recipients []string `json:"recipients"`
}

// Scaled is a Deployment or StatefulSet with the replicas that it is to have.
type Scaled struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Replicas  int32  `json:"replicas"`
}

// ClaimSnapshot is the part of a snapshot that holds one claim's volume.
type ClaimSnapshot struct {
	Claim string `json:"claim"`
	// UID is the claim's, as it was when the snapshot was taken.
	UID string `json:"uid"`
	// StorageClass and Request are what a claim that is restored needs again.
	StorageClass string   `json:"storage_class,omitempty"`
	Request      string   `json:"request,omitempty"`
	AccessModes  []string `json:"access_modes,omitempty"`
	VolumeMode   string   `json:"volume_mode,omitempty"`
	// Node is where the volume is to be made, for a class that waits for a pod.
	Node string `json:"node,omitempty"`
	// Labels are the claim's, and Annotations those that make it Helm's.
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Class is the VolumeSnapshotClass, Snapshot and Content the objects.
	Class    string `json:"class,omitempty"`
	Snapshot string `json:"snapshot,omitempty"`
	Content  string `json:"content,omitempty"`
	// Size is in bytes, as the driver reports it; 0 where it does not.
	Size int64 `json:"size,omitempty"`
}
