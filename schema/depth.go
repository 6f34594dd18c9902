package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxChain bounds operators in one expression: parsers and evaluators recurse
// into them.
const maxChain = 2000

// checkDepth refuses native syntax that would exhaust a parser's stack, and
// says where.
func checkDepth(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	levels := []level{{breaks: true}}
	total := 0 // operators in all open levels
	pending := false
	last := hclsyntax.TokenNewline
	reset := func() {
		top := &levels[len(levels)-1]
		total -= top.chain
		top.chain = 0
	}
	count := func() {
		levels[len(levels)-1].chain++
		total++
	}
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment {
			pending = pending || !operator(last) && levels[len(levels)-1].breaks
			continue
		}
		if pending && !operator(t.Type) {
			reset()
		}
		pending = false
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp,
			hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			count()
			levels = append(levels, level{breaks: t.Type == hclsyntax.TokenOBrace})
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd,
			hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			if len(levels) > 1 {
				reset()
				levels = levels[:len(levels)-1]
			}
		case hclsyntax.TokenComma:
			reset()
		default:
			if operator(t.Type) {
				count()
			}
		}
		last = t.Type
		if len(levels) > maxDepth || total > maxChain {
			r := t.Range
			return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Expression too deep",
				Detail:  fmt.Sprintf("More than %d levels of nesting, or more than %d operators in one expression, are not read. Split it into local values.", maxDepth, maxChain),
				Subject: &r}
		}
	}
	return nil
}

// level is one open bracket: the operators seen in it, and whether a new line
// ends an expression there.
type level struct {
	chain  int
	breaks bool
}

func operator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenBang,
		hclsyntax.TokenQuestion, hclsyntax.TokenColon, hclsyntax.TokenDoubleColon:
		return true
	}
	return false
}

func checkTemplateDepth(src []byte) error {
	tokens, _ := hclsyntax.LexTemplate(src, "", hcl.InitialPos)
	if d := checkDepth(tokens); d != nil {
		return fmt.Errorf("line %d: %s", d.Subject.Start.Line, d.Detail)
	}
	return nil
}

// checkJSONDepth refuses JSON, and templates in its strings, that nest too
// deep. What is not JSON at all is left for the parser to explain.
func checkJSONDepth(src []byte) error {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	depth := 0
	for {
		t, err := dec.Token()
		if err != nil {
			return bracketDepth(src)
		}
		switch x := t.(type) {
		case json.Delim:
			if x == '{' || x == '[' {
				if depth++; depth > maxDepth {
					return errTooDeep
				}
			} else {
				depth--
			}
		case string:
			if bytes.Contains([]byte(x), []byte("${")) || bytes.Contains([]byte(x), []byte("%{")) {
				if err := checkTemplateDepth([]byte(x)); err != nil {
					return err
				}
			}
		}
		if depth == 0 && !dec.More() {
			return bracketDepth(src)
		}
	}
}

// bracketDepth counts brackets outside of strings, as lenient parsers go on
// where a strict one stops.
func bracketDepth(src []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return errTooDeep
			}
		case c == '}' || c == ']':
			depth = max(0, depth-1)
		}
	}
	return nil
}
