package view

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/plan"
)

var update = flag.Bool("update", false, "write what is printed now into testdata/plans")

// planViews are all forms of a plan, by the ending of their golden files.
var planViews = map[string]func(io.Writer, *plan.Document) error{
	"human.txt":   func(w io.Writer, d *plan.Document) error { return PlanHuman(w, d, Style{}, Full) },
	"compact.txt": func(w io.Writer, d *plan.Document) error { return PlanHuman(w, d, Style{}, Compact) },
	"md":          func(w io.Writer, d *plan.Document) error { return PlanMarkdown(w, d, Full) },
	"dot":         GraphDOT,
	"mmd":         GraphMermaid,
	"svg":         GraphSVG,
	"html":        planHTML,
}

// planDocuments are those of testdata, and a fleet that is too large for it.
func planDocuments(t *testing.T) map[string]*plan.Document {
	t.Helper()
	paths, err := filepath.Glob("testdata/plans/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no documents", err)
	}
	docs := map[string]*plan.Document{"thousand": thousand()}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc := &plan.Document{}
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(doc); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		docs[strings.TrimSuffix(filepath.Base(path), ".json")] = doc
	}
	return docs
}

func TestPlanViews(t *testing.T) {
	t.Parallel()
	for name, doc := range planDocuments(t) {
		for ending, write := range planViews {
			t.Run(name+"."+ending, func(t *testing.T) {
				t.Parallel()
				var b strings.Builder
				if err := write(&b, doc); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata/plans", name+"."+ending)
				if *update {
					if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), b.String()); diff != "" {
					t.Errorf("-want +got, -update accepts it:\n%s", diff)
				}
				// What a chart or a file says must not rewrite the terminal.
				if i := strings.IndexAny(b.String(), "\x1b\r\x00\u202e"); i >= 0 {
					t.Errorf("a control character at byte %d", i)
				}
			})
		}
	}
}

// thousand is a fleet of 1,000 tenants in two waves, all in one class but one.
func thousand() *plan.Document {
	doc := &plan.Document{
		FormatVersion: plan.FormatVersion, ToolVersion: "0.1.0", PlanID: "20260102-030405-00000000", Complete: true, Applyable: true,
		Summary:  plan.Summary{Upgrade: 1001},
		Observed: plan.Observed{Tenants: 1000},
		Classes: []plan.Class{
			{ID: "A", Action: plan.Upgrade, Chart: "soctalk-system", From: "0.2.0", To: "0.2.1", Count: 1, Reversibility: plan.Reversible, Relabelled: 20},
			{ID: "B", Action: plan.Upgrade, Chart: "soctalk-tenant", From: "0.2.0", To: "0.2.1", Count: 999, Reversibility: plan.Reversible, Relabelled: 30},
			{ID: "C", Action: plan.Upgrade, Chart: "soctalk-tenant", From: "0.1.9", To: "0.2.1", Count: 1, Reversibility: plan.Reversible, Relabelled: 31},
		},
		Releases: []plan.Release{{Address: "system", Action: plan.Upgrade, From: "0.2.0", To: "0.2.1", Class: "A", Reversibility: plan.Reversible}},
		Steps:    []plan.Step{{ID: "system/0/upgrade", Kind: plan.StepUpgrade, Address: "system", From: "0.2.0", To: "0.2.1", Timeout: "5m0s"}},
		Rollout:  plan.Rollout{MaxParallel: 20, WaveParallel: map[string]int{"canary": 2}},
	}
	needs := []string{"system/0/upgrade"}
	tenant := 0
	for _, wave := range []struct {
		name  string
		count int
	}{{"canary", 5}, {"everyone", 995}} {
		gate := "wave." + wave.name + "/gate"
		doc.Steps = append(doc.Steps, plan.Step{ID: gate, Kind: plan.StepGate, Address: "wave." + wave.name, Wave: wave.name, Needs: needs})
		needs = nil
		for range wave.count {
			tenant++
			slug := fmt.Sprintf("tenant%04d", tenant)
			r := plan.Release{Address: "tenant." + slug, Slug: slug, Action: plan.Upgrade, From: "0.2.0", To: "0.2.1", Class: "B", Wave: wave.name, Reversibility: plan.Reversible}
			if tenant == 500 {
				r.From, r.Class = "0.1.9", "C"
			}
			doc.Releases = append(doc.Releases, r)
			upgrade := plan.StepID(r.Address, 0, plan.StepUpgrade)
			verify := plan.StepID(r.Address, 0, plan.StepVerify)
			doc.Steps = append(doc.Steps,
				plan.Step{ID: upgrade, Kind: plan.StepUpgrade, Address: r.Address, Tenant: r.Address, From: r.From, To: r.To, Wave: wave.name, Needs: []string{gate}, Timeout: "15m0s"},
				plan.Step{ID: verify, Kind: plan.StepVerify, Address: r.Address, Tenant: r.Address, Wave: wave.name, Needs: []string{upgrade}, Settle: "30s"})
			needs = append(needs, verify)
		}
	}
	return doc
}
