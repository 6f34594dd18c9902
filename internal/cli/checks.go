package cli

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/snapshot"
	"github.com/soctalk/fleet/plan"
)

// usable are the clusters that can be used, by name.
func usable(all observe.Clusters) map[string]*kube.Cluster {
	clusters := map[string]*kube.Cluster{}
	for name, c := range all {
		if c.Failed == nil {
			clusters[name] = c.Kube
		}
	}
	return clusters
}

// mayExec refuses a plan that runs programs on this machine, unless that is
// allowed.
func mayExec(doc *plan.Document, allowed bool) error {
	names := programs(doc)
	if allowed || len(names) == 0 {
		return nil
	}
	return advise(fmt.Errorf("the plan runs programs on this machine: %s", strings.Join(names, ", ")),
		"Nothing was started. Look at the commands in the files, and pass -allow-exec.")
}

// programs are the checks and snapshots of a plan that run programs on this
// machine.
func programs(doc *plan.Document) []string {
	var names []string
	for _, name := range check.Programs(doc) {
		names = append(names, "check "+name)
	}
	for _, name := range snapshot.Programs(doc) {
		names = append(names, "snapshot "+name)
	}
	return names
}
