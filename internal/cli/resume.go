package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/releases"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

const seeHistory = "The runs of this fleet: soctalk history"

// applyResumed goes on with a run. Its plan, and the variables that it was made
// with, come from the cluster; this configuration says only where that is.
func (a *app) applyResumed(ctx context.Context, id string, flags *applyFlags) error {
	f, err := a.loadQuietly(&flags.vars) // warnings come with the run's own configuration
	if err != nil {
		return err
	}
	k, err := systemCluster(ctx, f)
	if err != nil {
		return err
	}
	namespace := f.System.Namespace
	run, _, err := journal.Find(ctx, k, namespace, id)
	var none *journal.NoRunError
	if errors.As(err, &none) {
		return advise(err, seeHistory)
	}
	if err != nil {
		return err
	}
	data, key, err := journal.Plan(ctx, k, namespace, id)
	var pruned *journal.NoPlanError
	if errors.As(err, &pruned) {
		return advise(fmt.Errorf("run %s (%s) cannot be resumed: %w", id, run.State, err), "What it left undone is planned anew: soctalk plan")
	}
	if err != nil {
		return err
	}
	file, err := planfile.Decode(data)
	if err != nil {
		return fmt.Errorf("read the plan of run %s: %w", id, err)
	}
	if run.State == journal.Complete {
		return a.alreadyComplete(file.Document, id, flags.asJSON)
	}
	inputs, s, err := a.reopenSession(ctx, file, key, flags.plan.parallelism)
	if err != nil {
		return err
	}
	if err := s.asPlanned(ctx, file.Document, key); err != nil {
		return err
	}
	if file.Document.Reverses == nil {
		if err := s.prepare(ctx, file.Document, flags.plan.parallelism); err != nil {
			return err
		}
	}
	return a.run(ctx, s, &task{doc: file.Document, run: run, next: a.applyAgain(inputs, file.Document), approval: "resumed"}, flags)
}

func (a *app) alreadyComplete(doc *plan.Document, id string, asJSON bool) error {
	if asJSON {
		a.runView(&task{doc: doc}, true, nil).End(&apply.Result{RunID: id})
		return nil
	}
	fmt.Fprintf(a.out, "Run %s is complete: nothing of it is left to do.\n", id)
	return nil
}

// systemCluster is where the journals are.
func systemCluster(ctx context.Context, f *schema.Fleet) (*kube.Cluster, error) {
	clusters, err := observe.Connect(ctx, f, userAgent())
	if err != nil {
		return nil, clusterFault(f, err)
	}
	return clusters[f.System.Cluster].Kube, nil
}

// asPlanned puts the session back to when the plan was made, as far as values
// are made from live releases: by now the run has changed some of them. The key
// of that time is needed for the plan's digests.
func (s *session) asPlanned(ctx context.Context, doc *plan.Document, key plan.Key) error {
	base := map[string]int{}
	for _, r := range doc.Releases {
		if len(r.Path) > 0 && doc.Reverses == nil {
			base[r.Address] = r.Base.Revision
		}
	}
	for _, r := range s.fleet.Releases() {
		revision, id := base[r.Address], plan.KeyOf(r)
		layered := r.ValuesFromRelease || r.Address == s.fleet.System.Address
		if _, moves := base[r.Address]; !moves || !layered {
			continue
		}
		if revision == 0 {
			delete(s.live.Releases, id)
			delete(s.live.Bodies, id)
			continue
		}
		if live := s.live.Releases[id]; live != nil && live.Revision == revision {
			continue
		}
		body, err := s.clusters[r.Cluster].Helm.Get(ctx, r.Namespace, r.Name, revision)
		if err != nil {
			return fmt.Errorf("read what %s was when the plan was made: %w", r.Address, err)
		}
		live, err := observe.LiveOf(body, r.Address == s.fleet.System.Address)
		if err != nil {
			return fmt.Errorf("read what %s was when the plan was made: %w", r.Address, err)
		}
		s.live.Releases[id], s.live.Bodies[id] = live, body
	}
	charts, err := newResolver(s.fleet)
	if err != nil {
		return err
	}
	s.key, s.set = key, releases.New(s.fleet, s.clusters, charts, s.live, key)
	return nil
}
