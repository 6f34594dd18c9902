package observe_test

import (
	"testing"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/plan"
)

// A system that is not where the files say is looked for by its name, and what is
// found is held against its chart by the plan.
func TestSystemElsewhere(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.System.Name = "system-" + f.namespace // others have releases of their own here
	stored(t, f.namespace, f.System.Name)
	_, c := through(t, faultproxy.Options{})
	clusters := observe.Clusters{"main": c}
	if live := f.observe(t, clusters); len(live.Elsewhere) != 0 {
		t.Errorf("it is installed, and looked for in %v", live.Elsewhere)
	}
	there := plan.ReleaseKey{Cluster: "main", Namespace: f.namespace, Name: f.System.Name}
	f.System.Namespace = "mistyped"
	live := f.observe(t, clusters)
	if len(live.Elsewhere) != 1 || live.Elsewhere[there] != "small" {
		t.Errorf("found %v", live.Elsewhere)
	}
}
