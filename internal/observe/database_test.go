package observe_test

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/release"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/schema"
)

// TestDatabaseCannotBeRead is a problem, unless there is no system yet. What
// can be read is tested with a real PostgreSQL.
func TestDatabaseCannotBeRead(t *testing.T) {
	t.Parallel()
	const password = "c4n4ry-p4ss"
	f := newFleet(t)
	c := observe.Clusters{"main": direct(t)}
	if live := f.observe(t, c); live.Database != nil {
		t.Errorf("without a way in: %+v", live.Database)
	}
	f.System.Database = &schema.Database{DSN: "postgresql+asyncpg://u:" + password + "@127.0.0.1:1/x"}
	d := f.observe(t, c).Database
	if d == nil || d.Revision != "" || !strings.Contains(d.Problem, "connect to the database at 127.0.0.1:1: nothing listens there") || strings.Contains(d.Problem, password) {
		t.Errorf("got %+v", d)
	}
	f.System.Database = &schema.Database{Exec: &schema.Exec{Pod: "nobody", User: "u", Database: "x"}}
	if d := f.observe(t, c).Database; d == nil || !strings.Contains(d.Problem, `pods "nobody" not found`) {
		t.Errorf("got %+v", d)
	}
	f.System.Name = "later"
	if d := f.observe(t, c).Database; d == nil || d.Problem != "" || d.Revision != "" {
		t.Errorf("before the system: %+v", d)
	}
	stored(t, f.namespace, "later", func(r *release.Release) { r.Info.Status = release.StatusUninstalled })
	if d := f.observe(t, c).Database; d == nil || d.Problem != "" {
		t.Errorf("after the system: %+v", d)
	}
}
