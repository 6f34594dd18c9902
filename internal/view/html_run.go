package view

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// htmlRun is what became of a plan.
type htmlRun struct {
	Counts   string
	Causes   []htmlCause
	Lists    [][2]string // what was rolled back, not started, …
	Next     string
	Rows     []htmlRow
	MoreRows int
	Words    []htmlEntry
	Points   []string
	// Snapshots are those of the run that are still kept.
	Snapshots []string
}

// htmlCause is why something failed.
type htmlCause struct {
	Title, Address, Step, Error string
	Seen                        []string
	Rollback                    string
}

// htmlRow is a step that was begun. From and Width say in thousandths of the
// run's time when it was under way.
type htmlRow struct {
	Step, Began, Took, Revision, Message string
	State                                htmlWord
	Bar                                  string
	From, Width                          int64
}

type htmlEntry struct{ Time, What, By, Message string }

// addRun turns a plan's page into that of a run.
func (p *htmlPage) addRun(x *planIndex, r *RunHistory) {
	p.Kicker = "soctalk run " + clip(clean(r.Run), widestName)
	p.Title = r.report.standing().title
	p.State = runState(r)
	p.Lead = []string{PlanSummary(x.doc)}
	if text := reverses(x.doc); text != "" {
		p.Lead = append(p.Lead, clip(text, widestMarkdown))
	}
	p.Counts = runCounts(r.report.Result)
	p.About = append([][2]string{{"Started", stampOf(r.Started)}, {"By", clip(clean(r.By), widestName)}}, p.about(r)...)
	p.Run = newHTMLRun(r)
	if len(x.doc.Steps) > 0 {
		g := x.graph()
		g.ended(x.doc, r)
		p.Picture = newHTMLPicture(g)
	}
}

func (p *htmlPage) about(r *RunHistory) [][2]string {
	about := [][2]string{{"Plan", clip(clean(r.PlanID), widestName)}, {"With", "soctalk " + clip(clean(r.ToolVersion), widestName)}}
	if r.Ended != nil {
		return append([][2]string{{"Ended", stampOf(*r.Ended)}, {"Took", elapsed(r.Ended.Sub(r.Started))}}, about...)
	}
	return about
}

func runState(r *RunHistory) htmlWord {
	text := clip(clean(r.State), widestName)
	if r.Stopped != "" {
		text += ": " + clip(oneLine(said(r.Stopped)), 2*widestNote)
	}
	return htmlWord{r.report.standing().look, text}
}

func runCounts(r *apply.Result) []htmlCount {
	counts := []htmlCount{{"good", "installed", r.Installed}, {"move", "upgraded", r.Upgraded}, {"", "uninstalled", r.Uninstalled}}
	if r.Reverses != "" {
		counts = append(counts, htmlCount{"data", "rolled back", r.Returned})
	}
	for _, c := range []htmlCount{{"bad", "failed", len(r.Failed)}, {"data", "put back", len(r.RolledBack)}, {"data", "quarantined", len(r.Quarantined)}, {"", "not started", len(r.NotStarted)}} {
		if c.N > 0 {
			counts = append(counts, c)
		}
	}
	return quiet(counts)
}

func newHTMLRun(r *RunHistory) *htmlRun {
	res := r.report.Result
	h := &htmlRun{Counts: Counts(res), Next: clip(clean(r.report.Command()), 4*widestMarkdown)}
	for i, f := range res.Failed {
		if i == mostFailures {
			h.Lists = append(h.Lists, [2]string{"Failed too", shortList(cleaned(addressesOf(res.Failed[i:])))})
			break
		}
		h.Causes = append(h.Causes, htmlCauseOf("failed", f))
	}
	for i := range res.Quarantined {
		if i == mostFailures {
			break
		}
		h.Causes = append(h.Causes, htmlCauseOf("quarantined, not touched", &res.Quarantined[i]))
	}
	open := "Cut off; how that ended is not known yet"
	if r.report.Running {
		open = "Under way"
	}
	var cutOff, onTheirWay []string
	for _, s := range res.Open {
		doing, _ := words(s)
		cutOff = append(cutOff, clean(s.Address)+" ("+doing+")")
	}
	for _, u := range res.Underway {
		onTheirWay = append(onTheirWay, clean(u.Address)+" at "+clean(u.At))
	}
	for _, list := range []struct {
		title string
		names []string
	}{{open, cutOff}, {"Put back", cleaned(res.RolledBack)}, {"Not started", cleaned(res.NotStarted)}, {"On their way", onTheirWay}} {
		if len(list.names) > 0 {
			h.Lists = append(h.Lists, [2]string{list.title, clip(shortList(list.names), 4*widestMarkdown)})
		}
	}
	h.addRows(r)
	for _, w := range r.Words {
		h.Words = append(h.Words, htmlEntry{stampOf(w.Time), clip(clean(w.Kind+" "+w.Step), widestMarkdown), clip(clean(w.By), widestName), clip(oneLine(said(w.Message)), widestMarkdown)})
	}
	for i, point := range r.RollbackPoints {
		if i == mostHTMLRows {
			h.Points = append(h.Points, "and "+plural(len(r.RollbackPoints)-i, "more point"))
			break
		}
		h.Points = append(h.Points, clip(clean(point.ID), widestName))
	}
	for i, s := range r.Snapshots {
		if i == mostHTMLRows {
			h.Snapshots = append(h.Snapshots, "and "+plural(len(r.Snapshots)-i, "more snapshot"))
			break
		}
		h.Snapshots = append(h.Snapshots, clip(clean(fmt.Sprintf("%s: %s of %s with %s, %s", s.ID, s.Name, s.Address, s.Driver, s.State)), widestMarkdown))
	}
	return h
}

func cleaned(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = clip(clean(s), widestName)
	}
	return out
}

func htmlCauseOf(title string, f *apply.Failure) htmlCause {
	c := htmlCause{Title: title, Address: clip(clean(f.Step.Address), widestName), Step: clip(clean(f.Step.ID), widestName), Error: clip(said(f.Err.Error()), 20*widestMarkdown)}
	for _, line := range seenIn(f.Err) {
		c.Seen = append(c.Seen, clip(said(line), 4*widestMarkdown))
	}
	if f.RollbackErr != nil {
		c.Rollback = clip(said(f.RollbackErr.Error()), 20*widestMarkdown)
	}
	return c
}

// addRows lists the steps; of too many, those that went wrong before those that
// are done.
func (h *htmlRun) addRows(r *RunHistory) {
	steps := r.Steps
	if len(steps) > mostHTMLRows {
		h.MoreRows = len(steps) - mostHTMLRows
		steps = slices.Clone(steps)
		slices.SortStableFunc(steps, func(a, b StepHistory) int {
			return cmp.Compare(min(resultOf(a.State), resultDone), min(resultOf(b.State), resultDone))
		})
		steps = steps[:mostHTMLRows]
	}
	end := r.Started
	for _, s := range r.Steps {
		for _, t := range []*time.Time{s.Began, s.Ended} {
			if t != nil && t.After(end) {
				end = *t
			}
		}
	}
	whole := max(int64(end.Sub(r.Started)), 1)
	for _, s := range steps {
		row := htmlRow{Step: clip(clean(s.Step), widestName), State: htmlWord{resultOf(s.State).look(), clip(clean(s.State), widestName)}, Message: clip(oneLine(said(s.Message)), 2*widestNote)}
		if s.Kind == string(plan.StepRollback) && s.Address != "" && s.To == "" {
			row.Step = clip(clean(s.Address+": put back after "+s.Step), widestMarkdown)
		}
		if s.Revision > 0 {
			row.Revision = fmt.Sprintf("revision %d", s.Revision)
		}
		if s.Began != nil {
			until := end
			row.Began = s.Began.UTC().Format("15:04:05")
			if s.Ended != nil {
				until = *s.Ended
				row.Took = elapsed(s.Ended.Sub(*s.Began))
			}
			row.From = max(0, int64(s.Began.Sub(r.Started))) / (whole/1000 + 1)
			row.Width = max(8, int64(until.Sub(*s.Began))/(whole/1000+1))
			row.Bar = map[result]string{resultFailed: "bad", resultOpen: "open"}[resultOf(s.State)]
		}
		h.Rows = append(h.Rows, row)
	}
}
