package view

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/soctalk/fleet/plan"
)

// Ten thousand tenants, hundreds of classes, enormous diffs, names without end
// and thousands of diagnostics: a pull request takes it all.
func TestMarkdownOfHugeFleets(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		doc := hugeDocument(seed)
		for _, d := range []Detail{Full, Compact} {
			var b strings.Builder
			if err := PlanMarkdown(&b, doc, d); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			checkMarkdown(t, fmt.Sprintf("seed %d", seed), got)
			for _, want := range []string{PlanSummary(doc), unfinished(doc), "Point of no return", "**Error:** ", "more diagnostics\n", "**Left out**", "`soctalk show`", "**Order of work**", "plan <code>"} {
				if !strings.Contains(got, want) {
					t.Errorf("seed %d: %q is missing", seed, want)
				}
			}
			if errors, warnings := strings.Index(got, "**Error:**"), strings.Index(got, "**Warning:**"); warnings >= 0 && warnings < errors {
				t.Errorf("seed %d: a warning stands before an error", seed)
			}
		}
	}
}

func hugeDocument(seed uint64) *plan.Document {
	r := rand.New(rand.NewPCG(seed, 7))
	evil := []string{"`", "|", "</details>", "@team", "<!--", "```", "a", "b", "c"}
	long := func() string {
		var b strings.Builder
		for range 40 {
			b.WriteString(evil[r.IntN(len(evil))])
		}
		return b.String()
	}
	doc := fleetDocument(r, fleetSize{tenants: 10_000, classes: 50 + r.IntN(500), waves: 1 + r.IntN(20), phases: 3, name: func(i int) string { return fmt.Sprintf("t%d-%s", i, strings.Repeat("x", 200)) }})
	for i := range doc.Classes {
		c := &doc.Classes[i]
		for range r.IntN(30) {
			o := plan.ObjectDiff{Kind: "Deployment", Name: long(), Action: plan.Change}
			for range r.IntN(40) {
				o.Fields = append(o.Fields, plan.FieldDiff{Path: "spec." + long(), Before: fmt.Sprintf("%q", long()), After: fmt.Sprintf("%q", long())})
			}
			c.Diff = append(c.Diff, o)
		}
		for range r.IntN(40) {
			c.Notes = append(c.Notes, long())
			c.Images = append(c.Images, plan.ImageChange{Container: long(), From: long(), To: long()})
		}
	}
	for i := range 5_000 {
		d := plan.Diagnostic{Severity: []plan.Severity{plan.Warning, plan.Error}[r.IntN(2)], Summary: fmt.Sprintf("Problem %d", i/3), Detail: strings.Repeat(long(), 20), Address: doc.Releases[r.IntN(len(doc.Releases))].Address}
		doc.Diagnostics = append(doc.Diagnostics, d)
	}
	for range 500 {
		doc.Skews = append(doc.Skews, plan.Skew{System: "0.1.0", Tenant: long(), Status: "deprecated", Why: strings.Repeat(long(), 20), Inherited: r.IntN(2) == 0, Tenants: 7, Steps: 9})
	}
	doc.NoReturn = &plan.NoReturn{Step: "system/0/upgrade", Why: strings.Repeat(long(), 50)}
	doc.Observed.Unmanaged = []string{strings.Repeat(long(), 50)}
	return doc
}

// FuzzMarkdown puts one text into every place of a plan that takes any.
func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{"", "</details>", "````\n", "1. a", "- a", "+ a", "===", "<!--", "@a", "#1", "a|b", "https://e.test/<script>", "http://e.test/?a=b&c=d", "\\`", "&lt;", "[a](b)", "    code", "~~~", "> q", "---", "***", "![a](b)", "<a@b.c>", "\x1b[1m\r\n", "[^1]: a", "- [ ] a", "$$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b strings.Builder
		if err := PlanMarkdown(&b, documentOf(s), Full); err != nil {
			t.Fatal(err)
		}
		checkMarkdown(t, fmt.Sprintf("%q", s), b.String())
	})
}

// documentOf is a plan in which everything that can be is the same text.
func documentOf(s string) *plan.Document {
	hop := plan.ClassHop{From: s, To: s, Reversibility: plan.Reversibility(s), Restarts: []string{s}, Notes: []string{s}, Changes: []string{s}, NotesURL: s, Snapshots: []string{s}}
	step := plan.Step{ID: s, Address: s, From: s, To: s, Timeout: s, Settle: s, Template: s, Snapshot: s, Driver: s, Checks: []string{s}, Window: s, CRDs: []string{s}, Needs: []string{s}}
	doc := &plan.Document{
		ToolVersion: s, PlanID: s, Complete: true, Observed: plan.Observed{Unmanaged: []string{s}},
		Releases: []plan.Release{{Address: s, Slug: s, Class: s, Wave: s, Owner: s}, {Address: s + "2", Class: s, Wave: s}},
		Classes: []plan.Class{{
			ID: s, Action: plan.Action(s), Chart: s, From: s, To: s + "2", Reversibility: plan.Reversibility(s), Count: 2, Hops: []plan.ClassHop{hop, hop},
			Diff: []plan.ObjectDiff{{Kind: s, Namespace: s, Name: s, Action: plan.Change, Fields: []plan.FieldDiff{{Path: s, Before: s, After: s + "2"}, {Path: s, Before: fmt.Sprintf("%q", s+"\n"), After: `"a"`}, {Path: s, Masked: s}}},
				{Kind: s, Name: s, Action: plan.Create}},
			Images: []plan.ImageChange{{Container: s, From: s, To: s + "2"}}, Subcharts: []plan.SubchartChange{{Name: s, From: s, To: s, Breaking: true}, {Name: s, To: s}},
			CRDs: []plan.CRDChange{{Name: s, Action: plan.Create}, {Name: s, Action: plan.Change, Breaking: []string{s}}}, Notes: []string{s + "note"}, Restarts: []string{s + "restart"},
		}},
		RollbackPoints: []plan.RollbackPoint{{ID: s, After: s, Restores: []string{s}, Snapshots: []string{s}}},
		NoReturn:       &plan.NoReturn{Step: s, Why: s, Snapshots: []string{s}},
		Skews:          []plan.Skew{{System: s, Tenant: s, Status: s, Why: s}},
		Forecast:       &plan.Forecast{Expected: s, AtMost: s, WorstFailures: 2},
		Diagnostics:    []plan.Diagnostic{{Severity: plan.Warning, Summary: s, Detail: s, Address: s, Range: &plan.Range{Filename: s}}, {Summary: s, Detail: s}},
	}
	for _, kind := range []plan.StepKind{plan.StepSnapshot, plan.StepCRDs, plan.StepMigrate, plan.StepUpgrade, plan.StepVerify, plan.StepPins, plan.StepKind(s)} {
		step.Kind = kind
		doc.Steps = append(doc.Steps, step)
	}
	step.Wave, step.Approve, step.Kind = s+"w", true, plan.StepGate
	doc.Steps = append(doc.Steps, step)
	step.Tenant, step.Kind = s, plan.StepUpgrade
	doc.Steps = append(doc.Steps, step)
	return doc
}
