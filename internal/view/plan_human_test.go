package view

import (
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/plan"
)

var colourCode = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Colour adds nothing but colour, and nothing else reaches the terminal.
func TestPlanInColour(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		doc := randomDocument(rand.New(rand.NewPCG(seed, 3)))
		in := func(s Style) string {
			return render(t, func(w io.Writer, d *plan.Document) error { return PlanHuman(w, d, s, Full) }, doc)
		}
		plain, coloured := in(Style{}), in(Style{Color: true})
		if strings.Contains(plain, "\x1b") {
			t.Fatalf("seed %d: an escape sequence without colour", seed)
		}
		// What is empty inside a colour may leave a space before it.
		trim := regexp.MustCompile(`(?m) +$`)
		if trim.ReplaceAllString(colourCode.ReplaceAllString(coloured, ""), "") != trim.ReplaceAllString(plain, "") {
			t.Fatalf("seed %d: colour changes the text", seed)
		}
	}
}

// The point of no return of a tenant is told at its wave, and a snapshot is
// never one.
func TestPointOfNoReturnInWave(t *testing.T) {
	t.Parallel()
	doc := thousand()
	address := doc.Releases[7].Address
	doc.Steps = append([]plan.Step{{ID: "s", Kind: plan.StepSnapshot, Address: address, Tenant: address, Wave: "everyone"}}, doc.Steps...)
	doc.NoReturn = &plan.NoReturn{Step: plan.StepID(address, 0, plan.StepUpgrade), Why: "its claim goes"}
	got := render(t, func(w io.Writer, d *plan.Document) error { return PlanHuman(w, d, Style{}, Full) }, doc)
	want := "wave everyone: 995 tenants, 20 at a time, 994 × 0.2.0 → 0.2.1, 1 × 0.1.9 → 0.2.1, 1 snapshot first, each settling 30s\n" +
		"     ← point of no return, from tenant.tenant0007 on: its claim goes; this plan takes no snapshot to go back with\n"
	if !strings.Contains(got, want) || strings.Count(got, "point of no return") != 1 {
		t.Errorf("%q is not in:\n%s", want, got)
	}
}

// A view's work grows with the fleet, not with classes times tenants.
func TestManyClassesAreFast(t *testing.T) {
	t.Parallel()
	doc := thousand()
	doc.Classes, doc.Releases, doc.Steps = nil, nil, nil
	for i := range 20_000 {
		id := fmt.Sprint(i)
		address := "tenant." + id
		doc.Classes = append(doc.Classes, plan.Class{ID: id, Action: plan.Upgrade, Count: 1})
		doc.Releases = append(doc.Releases, plan.Release{Address: address, Slug: id, Class: id, Wave: "w"})
		doc.Steps = append(doc.Steps, plan.Step{ID: id, Kind: plan.StepUpgrade, Address: address, Tenant: address, Wave: "w"})
	}
	for name, write := range planViews {
		start := time.Now()
		render(t, write, doc)
		// 20,000 squared takes minutes.
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s takes %v", name, took)
		}
	}
}

// A terminal's width breaks lines between words and changes nothing else.
func TestPlanWraps(t *testing.T) {
	t.Parallel()
	doc := planDocuments(t)["hops"]
	in := func(s Style) string {
		return render(t, func(w io.Writer, d *plan.Document) error { return PlanHuman(w, d, s, Full) }, doc)
	}
	whole := strings.Fields(in(Style{}))
	for _, width := range []int{80, 120} {
		for _, colour := range []bool{false, true} {
			text := colourCode.ReplaceAllString(in(Style{Width: width, Color: colour}), "")
			for line := range strings.Lines(text) {
				if columns(strings.TrimSuffix(line, "\n")) > width {
					t.Errorf("wider than %d: %s", width, line)
				}
			}
			if diff := cmp.Diff(whole, strings.Fields(text)); diff != "" {
				t.Errorf("width %d changes the words:\n%s", width, diff)
			}
		}
	}
}
