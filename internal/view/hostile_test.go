package view

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// randomDocument is a plan of a random size with text that tries to get out.
func randomDocument(r *rand.Rand) *plan.Document {
	most := []int{2, 10, 40, 120}[r.IntN(4)]
	n := func() int { return r.IntN(most + 1) }
	evil := []string{"</details>", "<details>", "```", "````diff", "\n\n", "\n", "|", "`", "<!--", "-->", "<b>", "&lt;", "*", "_", "[a](b)", "![i](j)",
		"http://e.test", "www.e.test", "a@e.test", "@x", "#1", "\\", "$$", "1. ", "- ", "    ", "\t", "~~~", "<script>", "<pre>", "a", "word ", "ü", "𝄞", "\x1b[1m", "{{", "\u2028", "\xff"}
	str := func() string {
		var b strings.Builder
		for range r.IntN(8) {
			b.WriteString(evil[r.IntN(len(evil))])
		}
		if r.IntN(300) == 0 {
			return strings.Repeat(b.String()+"`", 1000)
		}
		return b.String()
	}
	strs := func() []string {
		var out []string
		for range r.IntN(min(most, 30)) {
			out = append(out, str())
		}
		return out
	}
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	doc := &plan.Document{PlanID: str(), ToolVersion: str(), Complete: r.IntN(2) == 0, Summary: plan.Summary{Install: n(), Upgrade: n(), Uninstall: n(), Unchanged: n()},
		Observed: plan.Observed{Unmanaged: strs()}, Rollout: plan.Rollout{MaxParallel: r.IntN(4), WaveParallel: map[string]int{"w": r.IntN(3)}}}
	waves := append(strs(), "w")
	for i := range n() {
		id := fmt.Sprint(i)
		if r.IntN(5) == 0 {
			id = str()
		}
		c := plan.Class{ID: id, Action: plan.Action(pick("install", "upgrade", "uninstall", str())), Chart: str(), From: str(), To: str(), Count: n(),
			Reversibility: plan.Reversibility(pick("", "reversible", "restore-required", "forward-only", str())), Notes: strs(), Changes: strs(), Restarts: strs(), Relabelled: n(),
			NotesURL: pick("", "https://docs.soctalk.test/0.2.0", str()), Snapshots: strs()}
		for range r.IntN(4) {
			c.Hops = append(c.Hops, plan.ClassHop{From: str(), To: str(), Reversibility: c.Reversibility, Restarts: strs(), Notes: strs(), Changes: strs(), NotesURL: str(), Snapshots: strs()})
			c.Images = append(c.Images, plan.ImageChange{Container: str(), From: str(), To: str()})
			c.Subcharts = append(c.Subcharts, plan.SubchartChange{Name: str(), From: str(), To: str(), Breaking: r.IntN(2) == 0})
			c.CRDs = append(c.CRDs, plan.CRDChange{Name: str(), Action: plan.ObjectAction(pick("create", "change", str())), Breaking: strs()})
		}
		for range r.IntN(min(most, 20) + 1) {
			o := plan.ObjectDiff{Kind: str(), Name: str(), Action: plan.ObjectAction(pick("create", "change", "delete", "replace", str()))}
			for range r.IntN(min(most, 20) + 1) {
				f := plan.FieldDiff{Path: str(), Before: str(), After: str(), Masked: pick("", "", "", "secret", "value", str())}
				if r.IntN(3) == 0 {
					f.Before, f.After = fmt.Sprintf("%q", "a\n"+str()), fmt.Sprintf("%q", "b\n"+str())
				}
				o.Fields = append(o.Fields, f)
			}
			c.Diff = append(c.Diff, o)
		}
		doc.Classes = append(doc.Classes, c)
		for range r.IntN(5) {
			rel := plan.Release{Address: str(), Slug: str(), Class: id, Wave: pick(waves...), Reversibility: c.Reversibility, Owner: pick("", str())}
			doc.Releases = append(doc.Releases, rel)
			tenant := pick("", rel.Address)
			doc.Steps = append(doc.Steps, plan.Step{ID: str(), Kind: plan.StepKind(pick("snapshot", "crds", "migrate", "upgrade", "install", "uninstall", "verify", "gate", "soak", "pins", str())),
				Address: rel.Address, Tenant: tenant, Phase: r.IntN(3), From: str(), To: str(), Wave: pick("", rel.Wave), Settle: str(), Timeout: str(), Template: str(), Needs: []string{str()},
				Snapshot: str(), Driver: str(), Checks: strs(), Approve: r.IntN(3) == 0, Window: str(), CRDs: strs()})
			doc.RollbackPoints = append(doc.RollbackPoints, plan.RollbackPoint{ID: str(), After: pick("", str()), Restores: strs(), Snapshots: strs()})
			doc.Skews = append(doc.Skews, plan.Skew{System: str(), Tenant: str(), Status: str(), Why: str(), Tenants: n(), Steps: n(), Stays: r.IntN(2) == 0, Inherited: r.IntN(2) == 0})
		}
	}
	for range n() {
		d := plan.Diagnostic{Severity: plan.Severity(pick("error", "warning", str())), Summary: str(), Detail: str(), Address: str()}
		if len(doc.Releases) > 0 && r.IntN(2) == 0 {
			d.Address = doc.Releases[r.IntN(len(doc.Releases))].Address
		}
		if r.IntN(2) == 0 {
			d.Range = &plan.Range{Filename: str()}
		}
		doc.Diagnostics = append(doc.Diagnostics, d)
	}
	if len(doc.Steps) > 0 && r.IntN(2) == 0 {
		doc.NoReturn = &plan.NoReturn{Step: doc.Steps[r.IntN(len(doc.Steps))].ID, Why: str(), Snapshots: strs()}
	}
	if r.IntN(2) == 0 {
		doc.Forecast = &plan.Forecast{Expected: str(), AtMost: str(), WorstFailures: r.IntN(4)}
	}
	return doc
}
