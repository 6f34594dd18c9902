package cli

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
)

// snapshotsReady refuses a plan of which a snapshot could not be taken.
func (s *session) snapshotsReady(ctx context.Context, doc *plan.Document) error {
	if err := snapshotFleet(s.fleet, s.clusters, s.allowExec).Ready(ctx, doc); err != nil {
		return advise(fmt.Errorf("what the plan saves cannot be saved, so nothing was started: %w", err), "Mend that, and apply again.")
	}
	return nil
}

// restorable refuses a saved way back whose snapshots went or changed since it was
// planned.
func (s *session) restorable(ctx context.Context, doc *plan.Document) error {
	system := s.fleet.System
	records, err := journal.Snapshots(ctx, s.clusters[system.Cluster].Kube, system.Namespace, journal.SnapshotFilter{State: plan.Taken})
	if err != nil {
		return err
	}
	if err := snapshotFleet(s.fleet, s.clusters, s.allowExec).Restorable(ctx, doc, records); err != nil {
		return advise(fmt.Errorf("what the plan restores cannot be restored, so nothing was started: %w", err), seeSnapshots)
	}
	return nil
}
