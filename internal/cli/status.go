package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/soctalk/fleet/internal/compat"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

func (a *app) statusCommand() *cobra.Command {
	var vars variables
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what is wanted and what is live, a row a release",
		Args:  noArgs,
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of text")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := a.load(&vars)
		if err != nil {
			return err
		}
		status, err := a.fleetStatus(cmd.Context(), f)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(a.out).Encode(status)
		}
		return view.StatusHuman(a.out, status, a.style(a.out))
	}
	return cmd
}

func (a *app) fleetStatus(ctx context.Context, f *schema.Fleet) (*view.Status, error) {
	defer a.working("Reading what is live")()
	clusters, err := observe.Connect(ctx, f, userAgent())
	if err != nil {
		return nil, clusterFault(f, err)
	}
	live, err := observe.Observe(ctx, f, clusters, defaultParallelism)
	if err != nil {
		return nil, clusterFault(f, err)
	}
	health, err := observe.Health(ctx, clusters, live)
	if err != nil {
		return nil, clusterFault(f, err)
	}
	status := &view.Status{FormatVersion: plan.FormatVersion, Releases: []view.ReleaseStatus{}, Unmanaged: []string{}}
	system := live.Releases[plan.KeyOf(&f.System.Release)]
	tenants := map[string]bool{}
	for _, t := range f.Tenants {
		tenants[t.Address] = true
	}
	for _, r := range f.Releases() {
		row := rowOf(r, live, health)
		if tenants[r.Address] && row.Live != "" && system.Deployed() {
			row.Compatibility = string(compat.Rate(f.Compatibility, system.Version, live.Releases[plan.KeyOf(r)].Version).Status)
		}
		status.Releases = append(status.Releases, row)
	}
	for _, k := range live.Unmanaged {
		status.Unmanaged = append(status.Unmanaged, k.String())
	}
	return status, nil
}

func rowOf(r *schema.Release, live *observe.Live, health map[plan.ReleaseKey]string) view.ReleaseStatus {
	key := plan.KeyOf(r)
	row := view.ReleaseStatus{Address: r.Address, Cluster: r.Cluster, Namespace: r.Namespace, Release: r.Name, Wanted: r.Version.String()}
	if why, bad := live.Clusters[key.Cluster]; bad {
		row.Health = why
		return row
	}
	if why, bad := live.Problems[key]; bad {
		row.Health = why
		return row
	}
	l := live.Releases[key]
	if !l.Deployed() {
		row.Health = "not installed"
		return row
	}
	row.Live, row.Revision, row.Updated = l.Version.String(), l.Revision, l.Modified
	row.Health = health[key]
	if l.Status != "deployed" {
		row.Health = fmt.Sprintf("%s, %s", l.Status, row.Health)
	}
	row.Drift = !l.Version.Equal(r.Version)
	row.LastRun = live.Bodies[key].Labels[helm.LabelRun]
	return row
}
