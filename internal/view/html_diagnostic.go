package view

import (
	"fmt"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// htmlDiagnostics are diagnostics of one summary.
type htmlDiagnostics struct {
	Severity, Title, Summary string
	Shown                    []htmlDiagnostic
	// More says how many of the same kind are not shown, and of which releases.
	More string
}

type htmlDiagnostic struct {
	Address, Place, Detail string
	// Code is a source line, in three parts: the middle one is what it is about.
	Code   [3]string
	Values []string
}

func (p *htmlPage) addDiagnostics(doc *plan.Document) {
	bySeverity := split(doc.Diagnostics, plan.Error)
	groups := foldDiagnostics(slices.Concat(bySeverity[0], bySeverity[1]), mostMarkdownLikes)
	for i, g := range groups {
		if i >= mostHTMLKinds {
			p.MoreDiagnostics += len(g.shown) + len(g.rest)
			continue
		}
		h := htmlDiagnostics{Severity: severity(g.first), Title: severityTitle(g.first), Summary: clip(oneLine(g.first.Summary), widestNote)}
		for _, d := range g.shown {
			h.Shown = append(h.Shown, htmlDiagnosticOf(d))
		}
		if len(g.rest) > 0 {
			h.More = timesMore(len(g.rest))
			if names := about(g.rest); names != "" {
				h.More += ", for " + clip(names, 4*widestMarkdown)
			}
		}
		p.Diagnostics = append(p.Diagnostics, h)
	}
}

func htmlDiagnosticOf(d plan.Diagnostic) htmlDiagnostic {
	h := htmlDiagnostic{Address: clip(clean(d.Address), widestName), Detail: clip(said(d.Detail), 20*widestMarkdown)}
	if d.Range != nil {
		h.Place = clip(clean(fmt.Sprintf("%s:%d", d.Range.Filename, d.Range.Start.Line)), widestMarkdown)
	}
	if s := d.Snippet; s != nil && s.HighlightStart >= 0 && s.HighlightStart <= s.HighlightEnd && s.HighlightEnd <= len(s.Code) {
		before, middle, after := s.Code[:s.HighlightStart], s.Code[s.HighlightStart:s.HighlightEnd], s.Code[s.HighlightEnd:]
		h.Code = [3]string{clip(said(before), 4*widestMarkdown), clip(said(middle), 4*widestMarkdown), clip(said(after), 4*widestMarkdown)}
		for _, v := range s.Values {
			h.Values = append(h.Values, clip(oneLine(v), widestMarkdown))
		}
	}
	return h
}
