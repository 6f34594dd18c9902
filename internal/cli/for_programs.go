package cli

import (
	"slices"
	"time"

	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
)

// tellPrograms has errors and warnings go where -json puts everything else, from
// the first on: also those about the command line itself. Of a stream they are
// lines like others.
func (a *app) tellPrograms(args []string) {
	if !slices.Contains(args, "--json") && !slices.Contains(args, "--json=true") {
		return
	}
	switch {
	case slices.Contains(args, "validate"):
		a.told = func(diags []plan.Diagnostic) { _ = a.validation(diags) }
	case slices.ContainsFunc([]string{"plan", "apply", "rollback"}, func(command string) bool { return slices.Contains(args, command) }):
		stream := &view.RunJSON{W: a.out, Now: time.Now}
		a.told = func(diags []plan.Diagnostic) {
			for _, d := range diags {
				stream.Diagnostic(d)
			}
		}
	}
}
