package view

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcled"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/zclconf/go-cty/cty"
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
	src := f.Bytes
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

// values describes the variables of the failing expression, as in
// "var.x is 3".
func values(d *hcl.Diagnostic, mask mask) []string {
	if d.Expression == nil || d.EvalContext == nil {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for _, t := range d.Expression.Variables() {
		for len(t) > 1 {
			v, diags := t.TraverseAbs(d.EvalContext)
			if diags.HasErrors() {
				t = t[:len(t)-1]
				continue
			}
			name := traversal(t)
			if !seen[name] {
				seen[name] = true
				if is := describe(v); is != "" {
					out = append(out, mask.text(name+" "+is))
				}
			}
			break
		}
	}
	sort.Strings(out)
	return out
}

func traversal(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(s.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			b.WriteString("[" + literal(s.Key) + "]")
		}
	}
	return b.String()
}

func describe(v cty.Value) string {
	if schema.IsSensitive(v) {
		return "has a sensitive value"
	}
	switch ty := v.Type(); {
	case !v.IsKnown():
		return ""
	case v.IsNull():
		return "is null"
	case ty == cty.String || ty == cty.Number || ty == cty.Bool:
		return "is " + literal(v)
	case ty.IsObjectType():
		if n := len(ty.AttributeTypes()); n != 1 {
			return fmt.Sprintf("is an object with %d attributes", n)
		}
		for name := range ty.AttributeTypes() {
			return fmt.Sprintf("is an object with 1 attribute %q", name)
		}
	case ty.IsMapType(), ty.IsListType(), ty.IsSetType(), ty.IsTupleType():
		n := v.LengthInt()
		if n == 0 {
			return "is an empty " + kind(ty)
		}
		if n == 1 {
			return fmt.Sprintf("is a %s with 1 element", kind(ty))
		}
		return fmt.Sprintf("is a %s with %d elements", kind(ty), n)
	}
	return "is " + v.Type().FriendlyName()
}

func kind(ty cty.Type) string {
	if ty.IsTupleType() {
		return "tuple"
	}
	name, _, _ := strings.Cut(ty.FriendlyName(), " ")
	return name
}

func literal(v cty.Value) string {
	if schema.IsSensitive(v) || !v.IsKnown() || v.IsNull() {
		return "…"
	}
	switch v.Type() {
	case cty.String:
		s := v.AsString()
		if r := []rune(s); len(r) > 60 {
			s = string(r[:60]) + "…"
		}
		return fmt.Sprintf("%q", s)
	case cty.Number:
		return v.AsBigFloat().Text('g', 15)
	case cty.Bool:
		return fmt.Sprint(v.True())
	}
	return "…"
}

// mask takes secrets out of text.
type mask struct{ secrets []string }

func newMask(secrets []string) mask { return mask{secrets} }

func (m mask) text(s string) string {
	for _, secret := range m.secrets {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, "(sensitive)")
		}
	}
	return s
}

// same keeps the length, so that offsets into the text hold.
func (m mask) same(s string) string {
	for _, secret := range m.secrets {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, strings.Repeat("*", len(secret)))
		}
	}
	return s
}
