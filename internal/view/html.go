package view

import (
	"embed"
	"fmt"
	"html/template"
	"io"

	"github.com/soctalk/fleet/internal/page"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/soctalk/fleet/plan"
)

// PlanHTML writes a plan as one page that loads nothing and that a browser
// shows anywhere: a pull request's artifact, a mail, a phone. It is made of the
// same facts as the text for a person, and bounded in size as that is.
func PlanHTML(w io.Writer, doc *plan.Document, d Detail) error {
	return writeHTML(w, newHTMLPage(index(doc), d))
}

// RunHTML writes the page of a run's plan with what became of it. The run is
// one that was recalled; see [RunHistory.Recall].
func RunHTML(w io.Writer, r *RunHistory) error {
	x := index(r.doc)
	p := newHTMLPage(x, Full)
	p.addRun(x, r)
	return writeHTML(w, p)
}

var (
	//go:embed html
	htmlFiles    embed.FS
	htmlTemplate = template.Must(template.ParseFS(htmlFiles, "html/*.tmpl"))
	htmlScript   = func() template.JS {
		text, err := htmlFiles.ReadFile("html/search.js")
		if err != nil {
			panic(err) // it is part of the program
		}
		return template.JS(text)
	}()
)

func writeHTML(w io.Writer, p *htmlPage) error {
	return htmlTemplate.ExecuteTemplate(w, "page.tmpl", p)
}

// What a page shows at most, so that it opens on a phone whatever the fleet.
const (
	mostHTMLClasses = 500
	mostHTMLStages  = 300
	mostHTMLNames   = 5_000     // of releases
	mostHTMLRows    = 500       // of steps that a run did
	mostHTMLKinds   = 200       // of diagnostics
	mostHTMLObjects = 300       // of one class
	mostHTMLText    = 1_500_000 // bytes of what is said of classes, and of their fields
)

// htmlPage is what the templates show. All texts are plain: the templates
// escape them.
type htmlPage struct {
	Policy string
	Style  template.CSS
	Script template.JS

	Kicker, Title string
	State         htmlWord
	Lead          []string
	Counts        []htmlCount
	About         [][2]string

	Run         *htmlRun
	Risks       []htmlRisk
	Diagnostics []htmlDiagnostics
	// MoreDiagnostics counts those that are not shown.
	MoreDiagnostics int
	Before          []htmlFact
	Stages          []htmlFact
	MoreStages      int
	Picture         *htmlPicture
	Classes         []htmlClass
	// Unmanaged are live and not in the files.
	Unmanaged string
	// Left says what was left out; empty when nothing was.
	Left string
}

// htmlWord is a word with what its colour says: good, move, data, bad or none.
type htmlWord struct{ Look, Text string }

type htmlCount struct {
	Look, What string
	N          int
}

type htmlRisk struct {
	Look, Text string
	// Class is the number of the class that it is about; 0 for none.
	Class   int
	Subject string
}

func newHTMLPage(x *planIndex, d Detail) *htmlPage {
	doc := x.doc
	p := &htmlPage{
		Policy: page.Policy(htmlScript), Style: page.Style(), Script: htmlScript,
		Kicker: "soctalk plan " + clip(clean(doc.PlanID), widestName), Title: PlanSummary(doc), State: planState(doc), Counts: planCounts(doc),
		About: [][2]string{{"Made", doc.Created.UTC().Format("2006-01-02 15:04:05 UTC")}, {"By", "soctalk " + clip(clean(doc.ToolVersion), widestName)}},
	}
	for _, text := range []string{reverses(doc), forecast(doc)} {
		if text != "" {
			p.Lead = append(p.Lead, clip(text, widestMarkdown))
		}
	}
	if v := doc.Observed.System.Version; v != "" {
		text := clip(clean(v), widestName)
		if s := doc.Observed.System.SchemaRevision; s != "" {
			text += ", schema " + clip(clean(s), widestName)
		}
		p.About = append(p.About, [2]string{"Live system", text})
	}
	p.About = append(p.About, [2]string{"Live tenants", fmt.Sprint(doc.Observed.Tenants)})
	if len(doc.Observed.Unmanaged) > 0 {
		p.Unmanaged = clip(cleanList(doc.Observed.Unmanaged), 4*widestMarkdown)
	}
	p.addClasses(x, d)
	p.addRisks(x)
	p.addDiagnostics(doc)
	o := x.order()
	p.Before = htmlFacts(o.before)
	p.MoreStages = max(0, len(o.stages)-mostHTMLStages)
	p.Stages = htmlFacts(o.stages[:len(o.stages)-p.MoreStages])
	if len(doc.Steps) > 0 {
		p.Picture = newHTMLPicture(x.graph())
	}
	return p
}

func planState(doc *plan.Document) htmlWord {
	switch text := unfinished(doc); {
	case text != "":
		return htmlWord{"bad", text}
	case len(doc.Steps) == 0:
		return htmlWord{"good", "There is nothing to do."}
	}
	return htmlWord{"good", "This plan can be applied."}
}

func planCounts(doc *plan.Document) []htmlCount {
	n := doc.Summary
	counts := []htmlCount{{"good", "to install", n.Install}, {"move", "to upgrade", n.Upgrade}, {"bad", "to uninstall", n.Uninstall}}
	if doc.Reverses != nil {
		counts = append(counts, htmlCount{"data", "to roll back", n.Rollback})
	}
	return quiet(append(counts, htmlCount{"", "unchanged", n.Unchanged}))
}

// quiet takes the colour from what there is none of.
func quiet(counts []htmlCount) []htmlCount {
	for i := range counts {
		if counts[i].N == 0 {
			counts[i].Look = ""
		}
	}
	return counts
}

// addRisks gathers what may keep somebody from applying the plan.
func (p *htmlPage) addRisks(x *planIndex) {
	if s := x.noReturnStep(); s != nil {
		f := x.noReturnFact(s.ID)
		p.risk("bad", 0, "", prose.Capital(f.text))
	}
	lost := losses(x.doc)
	for i, l := range lost {
		if i == mostNames && len(lost) > mostNames+1 {
			p.risk("bad", 0, "", "and "+plural(len(lost)-i, "more loss")+" of data")
			break
		}
		p.risk("bad", 0, "", "Loses "+l)
	}
	skews, inherited, unplaced := x.skews()
	for _, f := range inherited {
		p.risk("data", 0, "", f.text)
	}
	for _, st := range x.stages {
		for _, f := range skews[st] {
			p.risk("data", 0, "", f.text)
		}
	}
	for _, f := range unplaced {
		p.risk("data", 0, "", f.text)
	}
	for i := range p.Classes {
		c := &x.doc.Classes[i]
		for _, facts := range [][]fact{x.ownerFacts(c), subchartBreaks(c), crdBreaks(c), capped(weightToKnow, "remark", c.Notes)} {
			for _, f := range facts {
				p.risk("data", i+1, p.Classes[i].Subject, f.text)
			}
		}
	}
	const most = 100
	if n := len(p.Risks); n > most {
		p.Risks = append(p.Risks[:most], htmlRisk{Look: "data", Text: "and " + plural(n-most, "more remark") + ", at the changes below"})
	}
}

func (p *htmlPage) risk(look string, class int, subject, text string) {
	p.Risks = append(p.Risks, htmlRisk{Look: look, Class: class, Subject: subject, Text: clip(oneLine(text), 2*widestNote)})
}

// htmlFact is a [fact] for the templates.
type htmlFact struct {
	Look, Text   string
	Verdict      htmlWord
	Then         string
	URL, Nowhere string // an address that is a link, and one that is none
	Under        []htmlFact
}

func htmlFacts(facts []fact) []htmlFact {
	var out []htmlFact
	for _, f := range facts {
		h := htmlFact{
			Look: map[weight]string{weightFaint: "faint", weightToKnow: "know", weightNoReturn: "return"}[f.weight],
			Text: clip(oneLine(f.text), 2*widestNote), Verdict: verdictWord(f.verdict), Then: clip(oneLine(f.then), 2*widestNote), Under: htmlFacts(f.under),
		}
		if len(f.url) <= widestNote && plainURL.MatchString(f.url) {
			h.URL = f.url
		} else {
			h.Nowhere = clip(oneLine(f.url), widestNote)
		}
		out = append(out, h)
	}
	return out
}

func verdictWord(r plan.Reversibility) htmlWord {
	look := map[plan.Reversibility]string{plan.Reversible: "good", plan.RestoreRequired: "data", "": ""}
	known, ok := look[r]
	if !ok {
		known = "bad"
	}
	return htmlWord{known, clip(clean(string(r)), widestName)}
}
