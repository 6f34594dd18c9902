package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/releases"
	"github.com/soctalk/fleet/plan"
)

// undoing is a run that is rolled back, with its releases at hand.
type undoing struct {
	*plan.Undo
	past *releases.Past
}

// undo reads what is known of a run.
func (s *session) undo(ctx context.Context, id string, parallel int) (*undoing, error) {
	k, namespace := s.clusters[s.fleet.System.Cluster].Kube, s.fleet.System.Namespace
	run, doc, entries, err := recorded(ctx, k, namespace, id)
	if err != nil {
		return nil, err
	}
	if run.State == journal.Running {
		alive, err := journal.Alive(ctx, k, namespace, id)
		if err != nil {
			return nil, err
		}
		if alive {
			return nil, advise(fmt.Errorf("run %s is still going, by %s", id, run.By), "Interrupt it, or wait until it has ended; then roll it back.")
		}
	}
	if err := s.reaches(doc); err != nil {
		return nil, err
	}
	u := &plan.Undo{Run: id, Plan: doc, Deeds: apply.Deeds(doc, entries), Fleet: s.fleet, Database: s.live.Database}
	if u.Snapshots, err = journal.Snapshots(ctx, k, namespace, journal.SnapshotFilter{Run: id, State: plan.Taken}); err != nil {
		return nil, err
	}
	own, err := reversals(ctx, k, namespace, u)
	if err != nil {
		return nil, err
	}
	past, err := s.set.NewPast(ctx, u, own, parallel)
	return &undoing{u, past}, err
}

// recorded reads a run, its plan and its journal.
func recorded(ctx context.Context, k *kube.Cluster, namespace, id string) (*journal.Run, *plan.Document, []apply.Entry, error) {
	run, entries, err := journal.Find(ctx, k, namespace, id)
	var none *journal.NoRunError
	if errors.As(err, &none) {
		return nil, nil, nil, advise(err, seeHistory)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	data, _, err := journal.Plan(ctx, k, namespace, id)
	var pruned *journal.NoPlanError
	if errors.As(err, &pruned) {
		return nil, nil, nil, advise(fmt.Errorf("run %s cannot be rolled back: %w", id, err), seeHistory)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	file, err := planfile.Decode(data)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("read the plan of run %s: %w", id, err)
	}
	return run, file.Document, entries, nil
}

// reversals notes what earlier rollbacks of a run have put back, and rollbacks of
// those, and returns the runs whose revisions count as its own: itself and them.
// Of rollbacks of later runs it notes which revisions are earlier ones again.
func reversals(ctx context.Context, k *kube.Cluster, namespace string, u *plan.Undo) (map[string]bool, error) {
	own := map[string]bool{u.Run: true}
	runs, err := journal.Runs(ctx, k, namespace)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(runs) { // the oldest first
		if r.Reverses == "" || r.ID < u.Run {
			continue
		}
		_, doc, entries, err := recorded(ctx, k, namespace, r.ID)
		var pruned *journal.NoPlanError
		if errors.As(err, &pruned) {
			continue // what it made counts as somebody else's
		}
		if err != nil {
			return nil, err
		}
		deeds := apply.Deeds(doc, entries)
		if own[r.Reverses] {
			own[r.ID] = true
			maps.Copy(u.Deeds.Restored, deeds.Restored)
		}
		for address, again := range deeds.Again {
			for made, earlier := range again {
				u.Deeds.Back(address, made, earlier)
			}
		}
	}
	return own, nil
}

// damaged says which snapshots cannot be gone back to, and why.
func (s *session) damaged(ctx context.Context, snapshots []*plan.Snapshot) map[string]string {
	damaged := map[string]string{}
	for _, record := range snapshots {
		driver, err := snapshotFleet(s.fleet, s.clusters, s.allowExec).Driver(record.Driver)
		if err == nil {
			err = driver.Verify(ctx, record)
		}
		if err != nil {
			damaged[record.ID] = err.Error()
		}
	}
	return damaged
}
