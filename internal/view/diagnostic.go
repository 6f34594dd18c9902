package view

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcled"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// maxSnippet is how many bytes of source a diagnostic carries.
const maxSnippet = 4096

// Diagnostics turns what HCL and the schema found into the document's form,
// with the source lines and the values of the failing expression. None of the
// secrets is in the result.
func Diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File, secrets []string) []plan.Diagnostic {
	out := make([]plan.Diagnostic, 0, len(diags))
	mask := newMask(secrets)
	for _, d := range diags {
		p := plan.Diagnostic{Severity: plan.Error, Summary: mask.text(d.Summary), Detail: mask.text(d.Detail)}
		if d.Severity == hcl.DiagWarning {
			p.Severity = plan.Warning
		}
		if a, ok := hcl.DiagnosticExtra[schema.Addressed](d); ok {
			p.Address = a.DiagnosticAddress()
		}
		if d.Subject != nil {
			highlight := widen(*d.Subject)
			p.Range = documentRange(highlight)
			if f := files[d.Subject.Filename]; f != nil {
				p.Snippet = snippet(f, highlight, mask)
				p.Detail = mask.source(f, d.Subject.Filename).on(f, highlight, p.Detail)
			}
		}
		if p.Snippet != nil {
			p.Snippet.Values = values(d, mask)
		}
		out = append(out, p)
	}
	return out
}

// AddSnippets gives diagnostics that have a range and no snippet the source
// lines, where the file is at hand.
func AddSnippets(diags []plan.Diagnostic, files map[string]*hcl.File, secrets []string) {
	mask := newMask(secrets)
	for i := range diags {
		d := &diags[i]
		if d.Range == nil || d.Snippet != nil || files[d.Range.Filename] == nil {
			continue
		}
		pos := func(p plan.Pos) hcl.Pos { return hcl.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }
		d.Snippet = snippet(files[d.Range.Filename], hcl.Range{Filename: d.Range.Filename, Start: pos(d.Range.Start), End: pos(d.Range.End)}, mask)
	}
}

// widen makes an empty range one character long, so that it can be seen.
func widen(r hcl.Range) hcl.Range {
	if r.Start.Byte == r.End.Byte {
		r.End.Byte++
		r.End.Column++
	}
	return r
}

func documentRange(r hcl.Range) *plan.Range {
	pos := func(p hcl.Pos) plan.Pos { return plan.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }
	return &plan.Range{Filename: r.Filename, Start: pos(r.Start), End: pos(r.End)}
}

// snippet cuts out the lines of a range; of a long range the first line.
func snippet(f *hcl.File, r hcl.Range, mask mask) *plan.Snippet {
	src := mask.source(f, r.Filename).src
	if r.Start.Byte > len(src) || r.Start.Byte < 0 {
		return nil
	}
	start := bytes.LastIndexByte(src[:r.Start.Byte], '\n') + 1
	end := min(max(r.End.Byte, r.Start.Byte), len(src))
	if i := bytes.IndexByte(src[r.Start.Byte:end], '\n'); i >= 0 {
		end = r.Start.Byte + i
	}
	highlightEnd := end
	if i := bytes.IndexByte(src[end:], '\n'); i >= 0 {
		end += i
	} else {
		end = len(src)
	}
	// Of a line without end, as generated JSON has it, the part that matters.
	if end-start > maxSnippet {
		start = max(start, r.Start.Byte-maxSnippet/4)
		end = min(end, start+maxSnippet)
		highlightEnd = min(highlightEnd, end)
	}
	code := string(bytes.ToValidUTF8(src[start:end], []byte("?")))
	s := &plan.Snippet{Code: strings.TrimRight(mask.same(code), "\r"), StartLine: r.Start.Line, HighlightStart: r.Start.Byte - start, HighlightEnd: highlightEnd - start}
	s.HighlightStart = min(s.HighlightStart, len(s.Code))
	s.HighlightEnd = max(s.HighlightStart, min(s.HighlightEnd, len(s.Code)))
	if f.Body != nil || f.Nav != nil {
		s.Context = mask.text(hcled.ContextString(f, r.Start.Byte))
	}
	return s
}
