package plan

import (
	"slices"
	"testing"

	"github.com/soctalk/fleet/schema"
)

// migrating is a fleet whose system keeps its version, has its values changed, and
// has a migration Job that this program has run.
func migrating() *world {
	w := newWorld("0.2.1", "0.2.1")
	job := func() Object {
		return Object{
			"apiVersion": "batch/v1", "kind": "Job", "metadata": tree{"name": "alembic"},
			"spec": tree{"template": tree{"spec": tree{"containers": []any{tree{
				"name": "alembic", "image": "soctalk/api:0.2.1",
				"env": []any{tree{"name": "PGPASSWORD", "valueFrom": tree{"secretKeyRef": tree{"name": "creds", "key": "password"}}}},
			}}}}},
		}
	}
	all := func() []Object {
		return append(objects(&w.fleet.System.Release, "0.2.1"), job(), secret("creds", "", tree{"password": "eA=="}), secret("other", "", tree{"a": "eA=="}))
	}
	w.before["system"] = all()
	after := all()
	after[0]["spec"].(tree)["replicas"] = int64(2)
	w.rendered["system"] = &Rendered{Objects: after, Again: after}
	w.wanted["system"].Values = tree{"api": tree{"replicas": 2}}
	w.wanted["system"].Chart.Templates["templates/jobs/alembic-upgrade.yaml"] = true
	w.wanted["system"].Chart.SchemaRevision = "v1"
	w.systemLive().SchemaRevision = "v1"
	return w
}

func (w *world) systemLive() *Live { return w.live.Releases[KeyOf(&w.fleet.System.Release)] }

// TestMigrationWithNothingToDo leaves the migration Job out only where everything
// says that it has nothing to do.
func TestMigrationWithNothingToDo(t *testing.T) {
	t.Parallel()
	job := func(w *world) tree {
		return w.rendered["system"].Objects[1]["spec"].(tree)["template"].(tree)["spec"].(tree)["containers"].([]any)[0].(tree)
	}
	both := func(w *world, image string) {
		job(w)["image"] = image
		w.before["system"][1] = w.rendered["system"].Objects[1]
	}
	for name, c := range map[string]struct {
		change func(w *world)
		runs   bool
	}{
		"values alone":              {func(*world) {}, false},
		"a Secret it has no use of": {func(w *world) { w.rendered["system"].Objects[3]["data"] = tree{"a": "eQ=="} }, false},
		"the database says so":      {func(w *world) { w.live.Database = &Database{Revision: "v1"} }, false},
		"the files say so": {func(w *world) {
			w.systemLive().SchemaRevision, w.wanted["system"].Chart.SchemaRevision = "", ""
			w.fleet.Facts = []*schema.Facts{{Component: schema.ComponentSystem, Version: w.fleet.System.Version, SchemaRevision: "v1"}}
		}, false},
		"an image by its digest": {func(w *world) { both(w, "soctalk/api@sha256:00") }, false},

		"its image":              {func(w *world) { job(w)["image"] = "soctalk/api:0.2.2" }, true},
		"its command":            {func(w *world) { job(w)["command"] = []any{"true"} }, true},
		"its environment":        {func(w *world) { job(w)["env"] = []any{} }, true},
		"a Secret that it reads": {func(w *world) { w.rendered["system"].Objects[2]["data"] = tree{"password": "eQ=="} }, true},
		"it is new":              {func(w *world) { w.before["system"] = slices.Delete(w.before["system"], 1, 2) }, true},
		"it is no part of these": {func(w *world) {
			w.before["system"], w.rendered["system"].Objects = w.before["system"][:1], w.rendered["system"].Objects[:1]
		}, true},
		"an image that moves":      {func(w *world) { both(w, "registry:5000/soctalk/api") }, true},
		"an image of latest":       {func(w *world) { both(w, "soctalk/api:latest") }, true},
		"an image always pulled":   {func(w *world) { both(w, "soctalk/api:0.2.1"); job(w)["imagePullPolicy"] = "Always" }, true},
		"an earlier one failed":    {func(w *world) { w.left = true }, true},
		"a failed revision":        {func(w *world) { w.systemLive().Status = "failed" }, true},
		"made by another program":  {func(w *world) { w.systemLive().ChartDigest = "" }, true},
		"the chart was made anew":  {func(w *world) { w.systemLive().ChartDigest = "another" }, true},
		"the database is behind":   {func(w *world) { w.live.Database = &Database{Revision: "v0"} }, true},
		"the schema is not known":  {func(w *world) { w.systemLive().SchemaRevision, w.wanted["system"].Chart.SchemaRevision = "", "" }, true},
		"it is to run in any case": {func(w *world) { w.fleet.System.Migration.Mode = schema.MigrateJob; job(w)["env"] = []any{} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := migrating()
			c.change(w)
			doc := w.plan()
			runs := slices.ContainsFunc(doc.Steps, func(s Step) bool { return s.Kind == StepMigrate })
			upgrades := slices.ContainsFunc(doc.Steps, func(s Step) bool { return s.Kind == StepUpgrade })
			if runs != c.runs || !upgrades || HasErrors(doc.Diagnostics) {
				t.Errorf("steps %v, %v", stepIDs(doc), doc.errorSummaries())
			}
		})
	}
}

func TestJobStands(t *testing.T) {
	t.Parallel()
	manifest := Object{"spec": tree{"backoffLimit": int64(0), "template": tree{"spec": tree{"containers": []any{tree{
		"name": "a", "image": "x:1", "args": []any{}, "env": []any{tree{"name": "A", "value": ""}}, "resources": tree{"limits": tree{"cpu": 0.5}},
	}}}}}}
	live := func(image, condition string) Object {
		return Object{
			"spec": tree{"backoffLimit": float64(0), "completions": int64(1), "template": tree{"metadata": tree{"labels": tree{"controller-uid": "u"}}, "spec": tree{"dnsPolicy": "ClusterFirst", "containers": []any{tree{
				"name": "a", "image": image, "imagePullPolicy": "IfNotPresent", "env": []any{tree{"name": "A"}}, "resources": tree{"limits": tree{"cpu": "500m"}},
			}}}}},
			"status": tree{"conditions": []any{tree{"type": condition, "status": "True"}}},
		}
	}
	if !JobStands(manifest, live("x:1", "Complete")) {
		t.Error("it does stand")
	}
	if JobStands(manifest, live("x:2", "Complete")) || JobStands(manifest, live("x:1", "Failed")) || JobStands(manifest, nil) {
		t.Error("another image, a failure, or none at all")
	}
	fewer := live("x:1", "Complete")
	fewer["spec"].(tree)["template"].(tree)["spec"].(tree)["containers"] = []any{}
	if JobStands(manifest, fewer) {
		t.Error("other containers")
	}
}
