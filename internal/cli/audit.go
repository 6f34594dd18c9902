package cli

import (
	"context"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/announce"
	"github.com/soctalk/fleet/internal/journal"
)

// approvedNow says on whose word a plan is carried out that was made just now.
func approvedNow(auto bool) string {
	if auto {
		return "approved by -auto-approve"
	}
	return "approved at the prompt"
}

// attempt says who is at work.
func (s *session) attempt(ctx context.Context, approval string) journal.Attempt {
	// Whom the API server takes this for is worth knowing, and not worth failing for.
	user, _ := s.clusters[s.fleet.System.Cluster].Kube.Whoami(ctx)
	return journal.Attempt{By: whoami(), KubernetesUser: user, ToolVersion: version, Started: time.Now().UTC(), Approval: approval}
}

// announce begins to write Kubernetes Events of a run.
func (s *session) announce(ctx context.Context, run *journal.Run, t *task) *announce.Announcer {
	about := announce.Run{ID: run.ID, Cluster: s.fleet.System.Cluster, Namespace: s.fleet.System.Namespace, Record: journal.RecordName(run.ID)}
	told := announce.New(ctx, usable(s.clusters), about, t.doc)
	told.Started(whoami(), t.run != nil)
	return told
}

// eventsTo passes events on to several readers.
func eventsTo(readers ...func(apply.Event)) func(apply.Event) {
	return func(e apply.Event) {
		for _, read := range readers {
			read(e)
		}
	}
}

// gatesInto notes in a run's record who opened its gates.
func gatesInto(run *journal.Run) func(apply.Event) {
	return func(e apply.Event) {
		if e.Type == apply.Gate && e.By != "" {
			run.Gates = append(run.Gates, journal.GateApproval{Wave: e.Step.Wave, By: e.By, Time: e.Time.UTC()})
		}
	}
}

func outcomeOf(r *apply.Result) *journal.Outcome {
	return &journal.Outcome{
		Installed: r.Installed, Upgraded: r.Upgraded, Uninstalled: r.Uninstalled, Failed: len(r.Failed), RolledBack: len(r.RolledBack) + r.Returned,
		Quarantined: len(r.Quarantined), NotStarted: len(r.NotStarted),
	}
}
