package snapshot

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Driver saves and restores in one way. What it needs to find a snapshot again
// is in the snapshot's record, which is all that is left of it after a kill.
type Driver interface {
	// Check finds out, as cheaply as it can, what would keep Take from working. It
	// leaves nothing behind, and is asked before anything else is done.
	Check(ctx context.Context, c *schema.Snapshot, s *plan.Snapshot) error
	// Writers are the workloads that write to what a snapshot is of, which run at
	// the moment.
	Writers(ctx context.Context, s *plan.Snapshot) ([]plan.Scaled, error)
	// Take takes a snapshot and notes in the record what it made. It ends with
	// its context. Whatever it makes has to be found by [Driver.Delete] from the
	// record as it was when Take began, or as it was last kept.
	Take(ctx context.Context, a *Attempt) error
	// Verify makes sure that a snapshot is there, whole and readable, without
	// restoring it. It changes nothing.
	Verify(ctx context.Context, s *plan.Snapshot) error
	// Rehearse restores a snapshot into a scratch place, holds what comes out
	// against the record, and removes the place again.
	Rehearse(ctx context.Context, s *plan.Snapshot, report apply.Report) error
	// Restore brings back what was saved; what was written since is lost. It may
	// be done again after it was cut off. Whoever calls it has seen to it that
	// nothing writes meanwhile.
	Restore(ctx context.Context, s *plan.Snapshot, report apply.Report) error
	// Delete removes a snapshot, also one that is torn or partly gone.
	Delete(ctx context.Context, s *plan.Snapshot) error
}

// Attempt is one try at a snapshot.
type Attempt struct {
	// Config is how the files say that it is taken.
	Config *schema.Snapshot
	// Record has Quiesced set when the writers are scaled down.
	Record *plan.Snapshot
	Report apply.Report
	// Keep writes the record as it is now, ahead of what has to be found again.
	Keep func(ctx context.Context) error
}

// Fleet is what drivers work on.
type Fleet struct {
	Files    *schema.Fleet
	Clusters map[string]*kube.Cluster
	// AllowExec lets programs of the files run on this machine.
	AllowExec bool
}

// Driver returns the driver of a name.
func (f *Fleet) Driver(name string) (Driver, error) {
	switch name {
	case "command":
		return &command{f}, nil
	case "csi":
		return &csi{f}, nil
	case "pg_dump":
		return &pgDump{f}, nil
	case "velero":
		return &velero{f}, nil
	}
	return nil, fmt.Errorf("this version of soctalk has no snapshot driver %q", name)
}

// cluster returns the cluster that a snapshot is of.
func (f *Fleet) cluster(s *plan.Snapshot) (*kube.Cluster, error) {
	if k := f.Clusters[s.Cluster]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("snapshot %s is of cluster %q, which the files do not name or which cannot be used", s.ID, s.Cluster)
}
