package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

// steppingStones is a fleet whose target is only reached by way of 0.2.0.
func steppingStones() *world {
	w := newWorld("0.1.0", "0.3.0")
	w.tenant("acme", "0.1.0", "0.3.0")
	for _, p := range [][2]string{{"0.2.0", "0.1.0"}, {"0.2.0", "0.2.0"}, {"0.3.0", "0.2.0"}, {"0.3.0", "0.3.0"}} {
		w.fleet.Compatibility.Matrix = append(w.fleet.Compatibility.Matrix, schema.Pair{System: semver.MustParse(p[0]), Tenant: semver.MustParse(p[1]), Status: schema.Supported, Source: schema.Source{Block: line("pair", 5)}})
	}
	w.fleet.Compatibility.Unlisted = schema.UnlistedRefuse
	return w
}

func TestPathOfSeveralHops(t *testing.T) {
	t.Parallel()
	w := steppingStones()
	w.tenant("beta", "0.2.0", "0.3.0")
	doc := w.plan()
	want := []string{
		"system/0/upgrade ← ",
		"wave.rest/0/gate ← system/0/upgrade",
		"tenant.acme/0/upgrade ← wave.rest/0/gate",
		"tenant.acme/0/verify ← tenant.acme/0/upgrade",
		"system/1/upgrade ← tenant.acme/0/verify",
		"wave.rest/1/gate ← system/1/upgrade",
		"tenant.acme/1/upgrade ← wave.rest/1/gate", "tenant.acme/1/verify ← tenant.acme/1/upgrade",
		"tenant.beta/0/upgrade ← wave.rest/1/gate", "tenant.beta/1/verify ← tenant.beta/0/upgrade",
	}
	if diff := cmp.Diff(want, stepIDs(doc)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if !doc.Applyable {
		t.Errorf("not applyable: %v", doc.errorSummaries())
	}
	acme := doc.Releases[slices.IndexFunc(doc.Releases, func(r Release) bool { return r.Slug == "acme" })]
	if !slices.Equal(acme.Hops, []string{"0.2.0", "0.3.0"}) || acme.Path[0].ChartDigest != "digest-0.2.0" || acme.Path[1].ChartDigest != "digest-0.3.0" {
		t.Errorf("acme goes %v, %+v", acme.Hops, acme.Path)
	}
	class := doc.Classes[slices.IndexFunc(doc.Classes, func(c Class) bool { return c.ID == acme.Class })]
	if len(class.Hops) != 2 || class.From != "0.1.0" || class.To != "0.3.0" || class.Diff[0].Fields[0].Before != `"soctalk/api:0.1.0"` || class.Diff[0].Fields[0].After != `"soctalk/api:0.3.0"` {
		t.Errorf("class %+v", class)
	}
}

// Where there is no chart of the version between, there is no way.
func TestNoChartOnTheWay(t *testing.T) {
	t.Parallel()
	w := steppingStones()
	w.catalog.Missing[At{Address: "system", Version: "0.2.0"}] = true
	doc := w.plan()
	if !slices.Contains(doc.errorSummaries(), noPath) || !strings.Contains(doc.Diagnostics[0].Detail, "There is a path by way of system 0.2.0, but no chart to go there.") {
		t.Errorf("diagnostics %+v", doc.Diagnostics)
	}
}

// What an image tag follows on the way is the version on the way.
func TestPassingValues(t *testing.T) {
	t.Parallel()
	got := PassingValues(map[string]any{
		"image":   map[string]any{"tag": "0.3.0", "repository": "soctalk/api"},
		"adapter": map[string]any{"imageTag": "0.3.0-2"},
		"name":    "0.3.0", "wazuh": map[string]any{"tag": "4.12.0"}, "list": []any{map[string]any{"tag": "0.3.0"}},
	}, &Chart{Version: "0.3.0-2", AppVersion: "0.3.0"}, &Chart{Version: "0.2.0", AppVersion: "0.2.0"})
	want := map[string]any{
		"image":   map[string]any{"tag": "0.2.0", "repository": "soctalk/api"},
		"adapter": map[string]any{"imageTag": "0.2.0"},
		"name":    "0.3.0", "wazuh": map[string]any{"tag": "4.12.0"}, "list": []any{map[string]any{"tag": "0.2.0"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// A snapshot before the schema moves is what makes a way back to the start.
func TestRollbackPointsAndNoReturn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		snapshots []*schema.Snapshot
		points    []string
		protected []string
	}{
		"without a snapshot": {nil, []string{"system/0"}, nil},
		"with one": {[]*schema.Snapshot{{Name: "postgres", Driver: "pg_dump", When: "breaking"}},
			[]string{"start", "system/0"}, []string{"system/0/snapshot/postgres"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("0.2.0", "0.2.1")
			w.tenant("acme", "0.2.0", "0.2.1")
			w.live.Releases[KeyOf(&w.fleet.System.Release)].SchemaRevision = "one"
			w.wanted["system"].Chart.SchemaRevision = "two"
			w.fleet.System.Snapshots = tt.snapshots
			doc := w.plan()
			var points []string
			for _, p := range doc.RollbackPoints {
				points = append(points, p.ID)
			}
			if diff := cmp.Diff(tt.points, points); diff != "" {
				t.Errorf("points (-want +got):\n%s", diff)
			}
			if doc.NoReturn == nil || doc.NoReturn.Step != "system/0/upgrade" || !strings.Contains(doc.NoReturn.Why, "from one to two") || !slices.Equal(doc.NoReturn.Snapshots, tt.protected) {
				t.Errorf("no return: %+v", doc.NoReturn)
			}
		})
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		db       Database
		summary  string
		severity Severity
	}{
		"where the live version left it": {Database{Revision: "one"}, "", ""},
		"migrated, but not upgraded":     {Database{Revision: "two"}, "Database is ahead of the live system", Warning},
		"ahead of the target":            {Database{Revision: "three"}, "Database is ahead of the target", Error},
		"at a revision of nobody":        {Database{Revision: "other"}, "Unknown database revision", Warning},
		"with two heads":                 {Database{Problem: "two heads"}, "Database cannot be judged", Error},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("0.2.0", "0.2.1")
			w.live.Releases[KeyOf(&w.fleet.System.Release)].SchemaRevision = "one"
			w.wanted["system"].Chart.SchemaRevision = "two"
			w.fleet.Facts = []*schema.Facts{{Component: schema.ComponentSystem, Version: semver.MustParse("0.3.0"), SchemaRevision: "three"}}
			w.live.Database = &tt.db
			doc := w.plan()
			if tt.summary == "" {
				if len(doc.Diagnostics) != 0 {
					t.Errorf("diagnostics %+v", doc.Diagnostics)
				}
				return
			}
			if len(doc.Diagnostics) != 1 || doc.Diagnostics[0].Summary != tt.summary || doc.Diagnostics[0].Severity != tt.severity || doc.Applyable != (tt.severity == Warning) {
				t.Errorf("applyable %v, diagnostics %+v", doc.Applyable, doc.Diagnostics)
			}
		})
	}
}

func TestForecast(t *testing.T) {
	t.Parallel()
	w := newWorld("0.2.0", "0.2.1")
	w.live.Releases[KeyOf(&w.fleet.System.Release)].Took = 30 * time.Second
	for _, slug := range []string{"a", "b", "c"} {
		w.live.Releases[KeyOf(&w.tenant(slug, "0.2.0", "0.2.1").Release)].Took = 10 * time.Second
	}
	w.fleet.Rollout.MaxFailures = schema.Budget{Count: 0}
	f := w.plan().Forecast
	// Two at a time, 1 s to settle: 30 + 2 × 11; timeouts of a minute: 60 + 2 × 61.
	if want := (Forecast{Expected: "52s", AtMost: "3m2s", WorstFailures: 2}); *f != want {
		t.Errorf("forecast %+v, want %+v", *f, want)
	}
}
