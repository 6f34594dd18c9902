package cli

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
)

// begunBefore refuses a plan that a run has begun to carry out: one that is not
// finished is gone on with, and one that is complete has nothing left to do. A
// failed one may be tried again; what it changed is found release by release.
func begunBefore(runs []*journal.Run, doc *plan.Document) error {
	for _, r := range runs {
		if r.PlanID != doc.PlanID {
			continue
		}
		switch r.State {
		case journal.Waiting, journal.Interrupted, journal.Running:
			next := &view.Report{Next: "soctalk apply" + execOption(doc), Result: &apply.Result{RunID: r.ID, Awaits: r.Awaits, Stopped: string(r.State), Resumable: true}}
			return advise(fmt.Errorf("run %s has begun to carry out this plan and is %s", r.ID, r.State), "Go on with that run:\n  "+next.Command())
		case journal.Complete:
			return advise(fmt.Errorf("run %s has carried out this plan", r.ID), "What it did: soctalk history "+r.ID+". What is left to do: soctalk plan")
		}
	}
	return nil
}

// whyNoKey says more of a plan that cannot be opened where its own run has
// changed the system, and with it the key.
func whyNoKey(ctx context.Context, k *kube.Cluster, file *planfile.File, err error) error {
	runs, unread := journal.Runs(ctx, k, file.Where.Namespace)
	if unread != nil {
		return err // who may not see runs still learns that the plan is refused
	}
	if begun := begunBefore(runs, file.Document); begun != nil {
		return begun
	}
	return err
}
