package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

func (a *app) observeCommand() *cobra.Command {
	var vars variables
	var out string
	var parallel int
	cmd := &cobra.Command{
		Use:   "observe",
		Short: "Write down what is live, for planning without access to the clusters",
		Long: `Reads what is live and writes it to a file that soctalk plan -observed=FILE plans
from where the clusters cannot be reached. The file holds versions, states and
manifests; whatever was supplied as a value or is in a Secret is taken out of
them, and no hash of it is left.`,
		Args: noArgs,
	}
	vars.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write")
	parallelismFlag(cmd, &parallel, "how many releases are read at a time")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if out == "" {
			return advise(errors.New("observe needs a file to write to"), "Write it as -out=FILE.")
		}
		f, err := a.load(&vars)
		if err != nil {
			return err
		}
		live, err := a.writeObservation(cmd.Context(), f, out, parallel)
		if err != nil {
			return err
		}
		a.diagnostics(unread(live, addresses(f)))
		fmt.Fprintf(a.out, "Observed %d releases. Written to %s.\n", len(live.Releases), out)
		a.hint("To plan from it, with or without access to the clusters:\n  soctalk plan -observed=%s", out)
		return nil
	}
	return cmd
}

func (a *app) writeObservation(ctx context.Context, f *schema.Fleet, out string, parallel int) (*observe.Live, error) {
	defer a.working("Reading what is live")()
	clusters, err := observe.Connect(ctx, f, userAgent())
	if err != nil {
		return nil, clusterFault(f, err)
	}
	live, err := observe.Observe(ctx, f, clusters, parallel)
	if err != nil {
		return nil, clusterFault(f, err)
	}
	return live, observe.Write(ctx, a.path(out), f, clusters, live, version)
}

// unread says what is missing from an observation. A plan from it says so too,
// so that these are warnings.
func unread(live *observe.Live, addresses map[plan.ReleaseKey]string) []plan.Diagnostic {
	var diags []plan.Diagnostic
	warn := func(address, summary, detail string) {
		diags = append(diags, plan.Diagnostic{Severity: plan.Warning, Summary: summary, Detail: detail, Address: address})
	}
	for name, why := range live.Clusters {
		warn("", "Cluster could not be read", fmt.Sprintf("Cluster %s: %s.", name, why))
	}
	for key, why := range live.Problems {
		address := addresses[key]
		warn(address, "Release could not be read", fmt.Sprintf("%s: %s.", cmp.Or(address, key.String()), why))
	}
	if live.Database != nil && live.Database.Problem != "" {
		warn("system", "Schema revision could not be read", live.Database.Problem+".")
	}
	slices.SortFunc(diags, func(x, y plan.Diagnostic) int {
		return cmp.Or(strings.Compare(x.Address, y.Address), strings.Compare(x.Detail, y.Detail))
	})
	return diags
}

func addresses(f *schema.Fleet) map[plan.ReleaseKey]string {
	all := map[plan.ReleaseKey]string{}
	for _, r := range f.Releases() {
		all[plan.KeyOf(r)] = r.Address
	}
	return all
}
