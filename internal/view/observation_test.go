package view

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/plan"
)

func observation() *Observation {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := &Observation{Taken: at, SchemaRevision: "v1_0016", Diagnostics: []plan.Diagnostic{{Severity: plan.Error, Summary: "Release cannot be read"}}}
	add := func(address, namespace, chart, version, status, owner string, revision int) {
		o.Releases = append(o.Releases, ObservedRelease{Address: address, Cluster: "mssp", Namespace: namespace, Release: namespace, Chart: chart, Version: version, Status: status, Revision: revision, Updated: at.Add(-time.Hour), Owner: owner})
	}
	add("", "tenant-lost", "soctalk-tenant", "0.1.1", "deployed", "", 1)
	add("tenant.acme", "tenant-acme", "soctalk-tenant", "0.1.9", "deployed", "", 4)
	add(`tenant.fleet["beta"]`, "tenant-beta", "soctalk-tenant", "0.1.9", "pending-upgrade", "Flux HelmRelease flux-system/beta", 5)
	add("system", "soctalk-system", "soctalk-system", "0.1.4", "deployed", "", 7)
	o.Releases[0].Updated = time.Time{}
	return o
}

func TestObservationViews(t *testing.T) {
	t.Parallel()
	var human, markdown strings.Builder
	if err := ObservationHuman(&human, observation(), Style{}); err != nil {
		t.Fatal(err)
	}
	if err := ObservationMarkdown(&markdown, observation()); err != nil {
		t.Fatal(err)
	}
	checkMarkdown(t, "observation", markdown.String())
	for path, got := range map[string]string{"testdata/observation.human.txt": human.String(), "testdata/observation.md": markdown.String()} {
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: -want +got, -update accepts it:\n%s", path, diff)
		}
	}
}

func TestObservationMarkdownFits(t *testing.T) {
	t.Parallel()
	o := observation()
	for i := range 10_000 {
		o.Releases = append(o.Releases, ObservedRelease{Address: fmt.Sprintf("tenant.t%d|</details>`@team", i), Chart: "- ```" + fmt.Sprint(i%50), Version: "<b>", Status: strings.Repeat("_", 300)})
	}
	var b strings.Builder
	if err := ObservationMarkdown(&b, o); err != nil {
		t.Fatal(err)
	}
	checkMarkdown(t, "observation", b.String())
	if !strings.Contains(b.String(), "**Left out**") {
		t.Error("it does not say what is left out")
	}
}
