package view

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/plan"
)

// The text for a person, the one for a pull request, the graphs and the
// document say the same of counts, versions, actions and the order of work.
func TestViewsAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 5))
		doc := fleetDocument(r, fleetSize{tenants: r.IntN(60), classes: 1 + r.IntN(12), waves: 1 + r.IntN(4), phases: 1 + r.IntN(3)})
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		read := &plan.Document{}
		if err := json.Unmarshal(data, read); err != nil {
			t.Fatal(err)
		}
		human := render(t, func(w io.Writer, d *plan.Document) error { return PlanHuman(w, d, Style{}, Full) }, read)
		markdown := render(t, func(w io.Writer, d *plan.Document) error { return PlanMarkdown(w, d, Full) }, read)
		checkSummary(t, read, human, markdown)
		classes := checkClasses(t, read, human, markdown)
		checkHTML(t, classes, human, render(t, planHTML, read))
		checkOrder(t, read, human, markdown)
		checkGraph(t, read)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s\n%s", seed, human, markdown)
		}
	}
}

func checkSummary(t *testing.T, doc *plan.Document, human, markdown string) {
	t.Helper()
	n := map[plan.Action]int{}
	for _, r := range doc.Releases {
		n[r.Action]++
	}
	want := fmt.Sprintf("Plan: %d to install, %d to upgrade, %d to uninstall. %d unchanged.", n[plan.Install], n[plan.Upgrade], n[plan.Uninstall], doc.Summary.Unchanged)
	if !strings.HasSuffix(human, "\n\n"+want+"\n") {
		t.Errorf("the text does not end with %q", want)
	}
	if !strings.HasPrefix(markdown, "## soctalk plan\n\n**"+want+"**\n\n") {
		t.Errorf("the Markdown does not begin with %q", want)
	}
}

// told is what a view says of a class.
type told struct{ action, subject, chart, versions, verdict string }

var (
	humanHeader = regexp.MustCompile(`(?m)^  ([~+-]) (\S+|\d+ releases)  (\S+) (.+)  (reversible|restore-required|forward-only)$`)
	markdownRow = regexp.MustCompile("(?m)^\\| \\S+ \\| (install|upgrade|uninstall) \\| `(.+?)` \\| `(\\S+)` \\| (.+?) \\| (\\S+) \\|.*\\|$")
)

func checkClasses(t *testing.T, doc *plan.Document, human, markdown string) []told {
	t.Helper()
	var want, inHuman, inMarkdown []told
	for _, c := range doc.Classes {
		var members []plan.Release
		for _, r := range doc.Releases {
			if r.Class == c.ID {
				members = append(members, r)
			}
		}
		w := told{string(c.Action), members[0].Address, c.Chart, "", string(c.Reversibility)}
		if len(members) != 1 {
			w.subject = fmt.Sprintf("%d releases", len(members))
		}
		// Every release's own path says the versions once more.
		var path []string
		for i, l := range members[0].Path {
			if i == 0 && l.From != "" {
				path = append(path, l.From)
			}
			if l.To != "" {
				path = append(path, l.To)
			}
		}
		w.versions = strings.Join(path, " → ")
		want = append(want, w)
	}
	actions := map[string]string{"~": "upgrade", "+": "install", "-": "uninstall"}
	for _, m := range humanHeader.FindAllStringSubmatch(human, -1) {
		inHuman = append(inHuman, told{actions[m[1]], m[2], m[3], m[4], m[5]})
	}
	for _, m := range markdownRow.FindAllStringSubmatch(markdown, -1) {
		inMarkdown = append(inMarkdown, told{m[1], m[2], m[3], m[4], m[5]})
	}
	opts := cmp.AllowUnexported(told{})
	if diff := cmp.Diff(want, inHuman, opts); diff != "" {
		t.Errorf("classes of the document and of the text:\n%s", diff)
	}
	if diff := cmp.Diff(want, inMarkdown, opts); diff != "" {
		t.Errorf("classes of the document and of the Markdown:\n%s", diff)
	}
	return want
}

var (
	markup     = regexp.MustCompile(`<!-- -->|\*\*to know\*\*: |\*\*`)
	waveTitle  = regexp.MustCompile(`^wave (\S+): (\d+) tenants?`)
	itemNumber = regexp.MustCompile(`^\d+\. `)
)

// orderOf returns the lines of the order of work, without what sets them apart.
func orderOf(text string) []string {
	_, text, _ = strings.Cut(text, "Order of work")
	var lines []string
	for line := range strings.Lines(text) {
		line = html.UnescapeString(markup.ReplaceAllString(strings.TrimSpace(line), ""))
		switch {
		case line == "" || line == ":":
			continue
		case strings.HasPrefix(line, "Plan: ") || strings.HasPrefix(line, "<sub>"):
			return lines
		}
		line = strings.TrimPrefix(line, "- ")
		lines = append(lines, strings.TrimPrefix(line, "! "))
	}
	return lines
}

func checkOrder(t *testing.T, doc *plan.Document, human, markdown string) {
	t.Helper()
	lines := orderOf(human)
	if diff := cmp.Diff(lines, orderOf(markdown)); diff != "" {
		t.Errorf("order of work in the text and in the Markdown:\n%s", diff)
	}
	var got, want []string
	for _, l := range lines {
		if m := waveTitle.FindStringSubmatch(itemNumber.ReplaceAllString(l, "")); m != nil {
			got = append(got, m[1]+" "+m[2])
		}
	}
	type turn struct {
		phase  int
		wave   string
		tenant string
	}
	turns, tenants := map[turn]bool{}, map[turn]int{}
	for _, s := range doc.Steps {
		if s.Tenant != "" {
			turns[turn{s.Phase, s.Wave, s.Tenant}] = true
		}
	}
	for k := range turns {
		tenants[turn{phase: k.phase, wave: k.wave}]++
	}
	for _, s := range doc.Steps {
		if s.Kind == plan.StepGate {
			want = append(want, fmt.Sprintf("%s %d", s.Wave, tenants[turn{phase: s.Phase, wave: s.Wave}]))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("waves in the text: %v, in the document: %v", got, want)
	}
}

// checkGraph counts the tenants that the nodes stand for.
func checkGraph(t *testing.T, doc *plan.Document) {
	t.Helper()
	g := newGraph(doc)
	if g.summary != PlanSummary(doc) {
		t.Errorf("the graph says %q", g.summary)
	}
	turns := map[string]bool{}
	for _, s := range doc.Steps {
		if s.Tenant != "" {
			turns[strconv.Itoa(s.Phase)+s.Tenant] = true
		}
	}
	drawn := 0
	for _, n := range g.nodes {
		switch {
		case len(n.tenants) > 0:
			drawn += len(n.tenants)
		case strings.HasPrefix(n.lines[0], "t0"):
			drawn++
		}
	}
	if drawn != len(turns) {
		t.Errorf("the graph has %d turns of tenants, the document %d", drawn, len(turns))
	}
}

// No view grows with the tenants, only with what they do differently.
func TestViewsDoNotGrowWithTenants(t *testing.T) {
	t.Parallel()
	sized := func(tenants int) *plan.Document {
		return fleetDocument(rand.New(rand.NewPCG(1, 6)), fleetSize{tenants: tenants, classes: 4, waves: 3, phases: 3})
	}
	few, many := sized(200), sized(10_000)
	for name, write := range planViews {
		if name == "html" {
			continue // it names them, up to a bound
		}
		a, b := render(t, write, few), render(t, write, many)
		if x, y := strings.Count(a, "\n"), strings.Count(b, "\n"); x != y {
			t.Errorf("%s: %d lines for 200 tenants, %d for 10,000", name, x, y)
		}
		if len(b) > len(a)*11/10 {
			t.Errorf("%s: %d bytes for 200 tenants, %d for 10,000", name, len(a), len(b))
		}
	}
}
