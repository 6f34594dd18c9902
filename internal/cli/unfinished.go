package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// awaitRun waits for a run that changes the fleet, so that what is planned from
// stays as it is read.
func (a *app) awaitRun(ctx context.Context, f *schema.Fleet, most time.Duration) error {
	defer a.working("Waiting for another run to end")()
	k, err := systemCluster(ctx, f)
	if err != nil {
		return err
	}
	err = journal.Await(ctx, k, f.System.Namespace, most)
	var locked *journal.LockedError
	if errors.As(err, &locked) {
		return advise(err, "Wait longer, with another -lock-timeout, or plan without it from what is live now.")
	}
	return err
}

// unfinished warns of a newest run that has not come to its end: what it has
// brought counts as live, though a soak or a check of it may be missing. Who may
// not see runs plans without.
func (s *session) unfinished(ctx context.Context) []plan.Diagnostic {
	run, err := journal.Unfinished(ctx, s.clusters[s.fleet.System.Cluster].Kube, s.fleet.System.Namespace)
	if err != nil || run == nil {
		return nil
	}
	var how string
	switch run.State {
	case journal.Running:
		return []plan.Diagnostic{{Severity: plan.Warning, Summary: "A run is under way", Detail: fmt.Sprintf("Run %s by %s changes the fleet while this plan is made, so it may be out of date before it is read.", run.ID, run.By)}}
	case journal.Failed:
		how = "failed, and stays as it is though its checks did not pass: " + strings.Join(run.Unproven, ", ")
	default:
		how = "is " + string(run.State) + ": " + run.Stopped
	}
	return []plan.Diagnostic{{Severity: plan.Warning, Summary: "Unfinished run", Detail: fmt.Sprintf("Run %s %s. A new plan starts from what is live: it does not soak or check again what that run has brought. To go on with the run instead:\n  soctalk apply -resume=%s", run.ID, how, run.ID)}}
}
