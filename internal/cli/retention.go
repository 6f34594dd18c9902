package cli

import (
	"context"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
)

// retain bounds what past runs have left: the journals of old ones go, and
// Helm's history keeps what the others can be rolled back to. What cannot be read
// or deleted stays, and stops no run.
func (a *app) retain(ctx context.Context, s *session, journals *journal.Journal, run *journal.Run) {
	r, err := journals.Retention(ctx, run)
	if err == nil {
		s.set.KeepHistoryOf(r.Kept)
		err = journals.Prune(ctx, r)
	}
	if err != nil {
		a.diagnostics([]plan.Diagnostic{{Severity: plan.Warning, Summary: "Old runs stay for now", Detail: err.Error() + ". The next run tries again."}})
	}
}
