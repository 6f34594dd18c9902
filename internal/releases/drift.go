package releases

import (
	"context"
	"fmt"
	"slices"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/plan"
)

// Drift is what of a live release is not as its revision made it, or why that
// is not known.
type Drift struct {
	Findings []plan.LiveFinding
	Problem  error
}

// FindDrift holds every live release against its stored manifest. It reads all
// objects of the kinds that the releases have, for some releases at a time.
func FindDrift(ctx context.Context, clusters observe.Clusters, live *observe.Live, parallel int) map[plan.ReleaseKey]*Drift {
	found := map[plan.ReleaseKey]*Drift{}
	byCluster := map[string][]plan.ReleaseKey{}
	for key, l := range live.Releases {
		if l.Deployed() {
			byCluster[key.Cluster] = append(byCluster[key.Cluster], key)
		}
	}
	for cluster, keys := range byCluster {
		for some := range slices.Chunk(keys, inspected) {
			findDrift(ctx, clusters[cluster].Helm, live, some, parallel, found)
		}
	}
	return found
}

func findDrift(ctx context.Context, client *helm.Client, live *observe.Live, keys []plan.ReleaseKey, parallel int, found map[plan.ReleaseKey]*Drift) {
	var asked []plan.ReleaseKey
	var all []helm.LiveRelease
	for _, key := range keys {
		body := live.Bodies[key]
		stored, err := body.Objects()
		if err != nil {
			found[key] = &Drift{Problem: fmt.Errorf("read the live manifest: %w", err)}
			continue
		}
		asked = append(asked, key)
		all = append(all, helm.LiveRelease{Namespace: key.Namespace, Name: key.Name, Stored: stored, Hide: []map[string]any{body.Config}})
	}
	results, err := client.Inspect(ctx, all, parallel)
	for i, key := range asked {
		d := &Drift{Problem: err}
		if err == nil {
			d.Problem = results[i].Err
			for _, f := range results[i].Findings {
				d.Findings = append(d.Findings, plan.LiveFinding(f))
			}
		}
		found[key] = d
	}
}
