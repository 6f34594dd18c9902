package cli

import (
	"context"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/plan"
)

// retain bounds what past runs have left: the journals of old ones go, and
// Helm's history keeps what the others can be rolled back to.
func (a *app) retain(ctx context.Context, s *session, journals *journal.Journal, run *journal.Run) error {
	r, err := journals.Retention(ctx, run)
	if err != nil {
		return err
	}
	if err := journals.Prune(ctx, r); err != nil {
		a.diagnostics([]plan.Diagnostic{{Severity: plan.Warning, Summary: "Old runs stay for now", Detail: err.Error() + ". The next run tries again."}})
	}
	s.set.KeepHistoryOf(r.Kept)
	return nil
}
