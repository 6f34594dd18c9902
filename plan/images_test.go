package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pods(kind, name, containers string) string {
	return "kind: " + kind + "\nmetadata: {name: " + name + "}\nspec: {template: {spec: {" + containers + "}}}\n"
}

func acme() identity {
	r := release("tenant.acme", "tenant-acme", "1.0.0")
	return identityOf(&Move{Release: &r, Slug: "acme"})
}

func TestImageChanges(t *testing.T) {
	t.Parallel()
	changes := changesOf(t,
		pods("Deployment", "tenant-acme-api", "initContainers: [{name: db-init, image: r/api:1}], containers: [{name: api, image: r/api:1}, {name: same, image: r/x:1}, {name: gone, image: r/old:1}]")+
			"---\n"+pods("StatefulSet", "wazuh", "containers: [{name: indexer, image: r/acme/indexer:4.12.0}]")+
			"---\nkind: CronJob\nmetadata: {name: tidy}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: r/c:1}]}}}}}\n"+
			"---\nkind: Widget\nmetadata: {name: w}\nspec: {image: r/w:1}\n",
		pods("Deployment", "tenant-acme-api", "initContainers: [{name: db-init, image: r/api:2}], containers: [{name: same, image: r/x:1}, {name: api, image: r/api:2}, {name: new, image: r/new:2}]")+
			"---\n"+pods("StatefulSet", "wazuh", "containers: [{name: indexer, image: r/acme/indexer:5.0.0}]")+
			"---\nkind: CronJob\nmetadata: {name: tidy}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: r/c:2}]}}}}}\n"+
			"---\nkind: Widget\nmetadata: {name: w}\nspec: {image: r/w:2}\n"+
			"---\n"+pods("Job", "once", "containers: [{name: j, image: r/j:2}]"))
	want := []ImageChange{
		{"CronJob/tidy/c", "r/c:1", "r/c:2"},
		{"Deployment/tenant-<slug>-api/api", "r/api:1", "r/api:2"},
		{"Deployment/tenant-<slug>-api/db-init", "r/api:1", "r/api:2"},
		{"Deployment/tenant-<slug>-api/gone", "r/old:1", ""},
		{"Deployment/tenant-<slug>-api/new", "", "r/new:2"},
		{"Job/once/j", "", "r/j:2"},
		{"StatefulSet/wazuh/indexer", "r/<slug>/indexer:4.12.0", "r/<slug>/indexer:5.0.0"},
	}
	if diff := cmp.Diff(want, imageChanges(changes, acme(), &mask{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"breaking: StatefulSet wazuh goes to another major version: r/<slug>/indexer:4.12.0 → r/<slug>/indexer:5.0.0"}, majorImages(changes, acme(), &mask{})); diff != "" {
		t.Error(diff)
	}
	for _, c := range imageChanges(changes, acme(), newMask(sensitive{}, []string{"r/api", "Indexer:5.0.0"}, nil, nil, nil)) {
		if c.To == "r/<slug>/indexer:5.0.0" {
			t.Error("an image that a Secret holds is shown")
		}
	}
}

func TestMajorDiffers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, after string
		want          bool
	}{
		{"postgres:16", "postgres:17", true},
		{"a.test:5000/x/postgres:16.1", "b.test/postgres:16.4", false},
		{"postgres:15-alpine", "postgres:16-alpine@sha256:00", true},
		{"indexer:4.12.0", "indexer:5.0.0", true},
		{"indexer:0.1.0", "indexer:0.2.0", false}, // another minor version of ours
		{"postgres:16", "mysql:9", false},         // another program altogether
		{"postgres:latest", "postgres:16", false},
		{"postgres", "postgres:16", false},
		{"postgres:16", "", false},
	} {
		if got := majorDiffers(c.before, c.after); got != c.want {
			t.Errorf("%s → %s: %v", c.before, c.after, got)
		}
	}
}

// Replicas are numbers of the chart or of a person; either way they tell nobody
// a secret, and they are one field.
func TestReplicasAreShownOnce(t *testing.T) {
	t.Parallel()
	changes := changesOf(t, "kind: Deployment\nmetadata: {name: x}\nspec: {replicas: 1}\n", "kind: Deployment\nmetadata: {name: x}\nspec: {replicas: 3}\n")
	m := newMask(sensitive{}, nil, nil, nil, []map[string]any{{"replicas": float64(3), "other": "3"}})
	diff, _ := objectDiff(changes[0], identity{}, m)
	if want := []FieldDiff{{Path: "spec.replicas", Before: "1", After: "3"}}; !cmp.Equal(want, diff.Fields) {
		t.Error(cmp.Diff(want, diff.Fields))
	}
}
