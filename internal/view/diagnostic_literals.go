package view

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// secretive are the blocks and attributes whose literals may be secrets that
// nobody marked as such.
var secretive = map[string]bool{"values": true, "set": true, "locals": true, "dsn": true}

// telling are words that stand for themselves, and functions whose arguments
// are names of files.
var telling = map[string]bool{"true": true, "false": true, "null": true, "file": true, "templatefile": true, "fileset": true, "fileexists": true}

const (
	shortest    = 4 // bytes of a word that is no secret by chance
	longestPort = 5 // digits of a number that identifies nobody
)

// literals are where in a source there are words that may be secrets: in files
// of variables, and in what values are made of. It needs no source that parses.
func literals(file string, src []byte) []hcl.Range {
	if strings.HasSuffix(file, ".json") {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, file, hcl.InitialPos)
	var found []hcl.Range
	var stack []string // the word that each open bracket belongs to
	line := ""         // the first word of this line
	for i, t := range tokens {
		next := func() hclsyntax.TokenType {
			if i+1 < len(tokens) {
				return tokens[i+1].Type
			}
			return hclsyntax.TokenEOF
		}
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
			stack = append(stack, line)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
			stack = stack[:max(0, len(stack)-1)]
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
			line = ""
		case hclsyntax.TokenIdent:
			if line == "" {
				line = string(t.Bytes)
				if len(stack) == 0 && next() == hclsyntax.TokenEqual {
					line = "values" // a file of variables
				}
				continue
			}
			switch next() {
			case hclsyntax.TokenEqual, hclsyntax.TokenDot, hclsyntax.TokenOParen, hclsyntax.TokenColon:
				continue
			}
			if tokens[i-1].Type != hclsyntax.TokenDot && !telling[string(t.Bytes)] && hides(stack, line) {
				found = append(found, t.Range)
			}
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit:
			// file, (, ", the name
			if len(t.Bytes) < shortest || t.Type == hclsyntax.TokenNumberLit && len(t.Bytes) <= longestPort {
				continue
			}
			if hides(stack, line) && (i < 3 || tokens[i-2].Type != hclsyntax.TokenOParen || !telling[string(tokens[i-3].Bytes)]) {
				found = append(found, t.Range)
			}
		}
	}
	return found
}

func hides(stack []string, line string) bool {
	if secretive[line] {
		return true
	}
	for _, word := range stack {
		if secretive[word] {
			return true
		}
	}
	return false
}

// covered is a source with stars in place of words that may be secrets; its
// offsets are those of the source itself.
type covered struct {
	src   []byte
	words []hcl.Range
}

func cover(f *hcl.File, name string) *covered {
	c := &covered{src: bytes.Clone(f.Bytes), words: literals(name, f.Bytes)}
	for _, r := range c.words {
		for i := r.Start.Byte; i < r.End.Byte; i++ {
			if c.src[i] != '\n' && c.src[i] != '\r' {
				c.src[i] = '*'
			}
		}
	}
	return c
}

// on takes the words that stand on the lines of a range out of a text.
func (c *covered) on(f *hcl.File, lines hcl.Range, text string) string {
	for _, r := range c.words {
		word := strings.TrimSpace(string(f.Bytes[r.Start.Byte:r.End.Byte]))
		if r.End.Line >= lines.Start.Line && r.Start.Line <= lines.End.Line && len(word) >= shortest {
			text = strings.ReplaceAll(text, word, "(sensitive)")
		}
	}
	return text
}
