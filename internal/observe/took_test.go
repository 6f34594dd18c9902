package observe_test

import (
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
	helmtime "helm.sh/helm/v3/pkg/time"

	"github.com/soctalk/fleet/internal/observe"
)

func TestTook(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	began := func(ago time.Duration, status release.Status) func(*release.Release) {
		return func(r *release.Release) {
			r.Info.LastDeployed, r.Info.Status = helmtime.Time{Time: time.Now().Add(-ago)}, status
		}
	}
	for name, edit := range map[string]func(*release.Release){
		"slow":   began(10*time.Hour, release.StatusDeployed),
		"future": began(-time.Hour, release.StatusDeployed),
		"failed": began(10*time.Hour, release.StatusFailed),
		"never":  func(r *release.Release) { r.Info.LastDeployed = helmtime.Time{} },
	} {
		f.tenant(t, "main", name, false)
		stored(t, f.namespace, name, edit)
	}
	live := f.observe(t, observe.Clusters{"main": direct(t)})
	if got := live.Releases[f.key("main", "slow")].Took; got < 10*time.Hour-time.Second || got > 10*time.Hour+time.Minute || got%time.Second != 0 {
		t.Errorf("took %s, want ten hours", got)
	}
	for _, key := range []string{"future", "failed", "never"} {
		if got := live.Releases[f.key("main", key)].Took; got != 0 {
			t.Errorf("%s took %s, want nothing", key, got)
		}
	}
}
