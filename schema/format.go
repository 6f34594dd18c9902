package schema

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format returns a file of the native syntax in canonical form: spacing and
// alignment as HCL has them, labels in quotes, and "${x}" written as x.
// Comments stay. Formatting what Format returned changes nothing.
func Format(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	if !utf8.Valid(src) {
		line, col := invalidByte(src)
		at := hcl.Pos{Line: line, Column: col}
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Not UTF-8", Detail: fmt.Sprintf("The file holds a byte at line %d that is not UTF-8 text. Save it as UTF-8.", line), Subject: &hcl.Range{Filename: filename, Start: at, End: at}}}
	}
	out := src
	// Rewriting can make room for more rewriting; it settles at once but for
	// oddities such as several blank interpolations in each other.
	for range 4 {
		next, diags := formatOnce(out, filename)
		if diags.HasErrors() {
			return nil, diags
		}
		if bytes.Equal(next, out) {
			break
		}
		out = next
	}
	return out, nil
}

func formatOnce(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	tokens, diags := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	if d := checkDepth(tokens); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	// The parser of hclwrite trusts what hclsyntax accepts.
	if _, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos); diags.HasErrors() {
		return nil, diags
	}
	f, diags := hclwrite.ParseConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	canonical(f.Body())
	return hclwrite.Format(f.Bytes()), nil
}

func canonical(body *hclwrite.Body) {
	for name, a := range body.Attributes() {
		tokens := a.Expr().BuildTokens(nil)
		if inner := unwrapped(tokens); inner != nil {
			body.SetAttributeRaw(name, inner)
		}
	}
	for _, b := range body.Blocks() {
		if labels := b.Labels(); len(labels) > 0 {
			b.SetLabels(labels)
		}
		canonical(b.Body())
	}
}

// unwrapped returns the inside of a string that is one interpolation and
// nothing else, or nil.
func unwrapped(tokens hclwrite.Tokens) hclwrite.Tokens {
	n := len(tokens)
	if n < 5 || tokens[0].Type != hclsyntax.TokenOQuote || tokens[1].Type != hclsyntax.TokenTemplateInterp ||
		tokens[n-2].Type != hclsyntax.TokenTemplateSeqEnd || tokens[n-1].Type != hclsyntax.TokenCQuote {
		return nil
	}
	inner := tokens[2 : n-2]
	depth := 0
	for _, t := range inner {
		switch t.Type {
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOBrace:
			depth++
		case hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCBrace:
			if depth--; depth < 0 {
				return nil // a second interpolation follows
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenOHeredoc:
			return nil
		}
	}
	// ${~ x ~} trims neighbours; without neighbours it means the same as x.
	if bytes.HasSuffix(tokens[1].Bytes, []byte("~")) || bytes.HasPrefix(tokens[n-2].Bytes, []byte("~")) {
		return nil
	}
	if depth != 0 {
		return nil
	}
	return inner
}
