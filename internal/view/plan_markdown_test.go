package view

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/plan"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// Whatever the fleet, a pull request takes the text, and nothing in the
// document can end a block, open another one, or become HTML.
func TestMarkdownFitsAndIsWellFormed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		doc := randomDocument(rand.New(rand.NewPCG(seed, 1)))
		var b strings.Builder
		if err := PlanMarkdown(&b, doc, Detail(seed%2)); err != nil {
			t.Fatal(err)
		}
		checkMarkdown(t, fmt.Sprintf("seed %d", seed), b.String())
		if t.Failed() {
			return
		}
	}
}

func TestMarkdownOfDocuments(t *testing.T) {
	t.Parallel()
	for name, doc := range planDocuments(t) {
		var b strings.Builder
		if err := PlanMarkdown(&b, doc, Full); err != nil {
			t.Fatal(err)
		}
		checkMarkdown(t, name, b.String())
	}
}

var opening = regexp.MustCompile("(?m)^`{3,}diff$")

func checkMarkdown(t *testing.T, name, got string) {
	t.Helper()
	if len(got) >= 65_536 {
		t.Errorf("%s: %d bytes", name, len(got))
	}
	source := []byte(got)
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	open, fences := 0, 0
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock:
			block := strings.TrimSpace(string(n.Lines().Value(source)))
			switch {
			case strings.HasPrefix(block, "<details><summary>") && strings.HasSuffix(block, "</summary>") && !strings.Contains(block, "\n"):
				open++
			case block == "</details>":
				open--
			default:
				t.Errorf("%s: an HTML block: %s", name, block)
			}
		case *ast.RawHTML:
			if tag := string(n.Segments.Value(source)); !slices.Contains([]string{"<code>", "</code>", "<br>", "<sub>", "</sub>", "<!-- -->"}, tag) {
				t.Errorf("%s: an HTML tag: %s", name, tag)
			}
		case *ast.FencedCodeBlock:
			fences++
			if open != 1 {
				t.Errorf("%s: a diff outside of a class", name)
			}
		case *ast.AutoLink:
			if url := string(n.URL(source)); !plainURL.MatchString(url) || !strings.Contains(got, "release notes: <"+url+">") {
				t.Errorf("%s: a link: %s", name, url)
			}
		case *ast.Link, *ast.Image, *ast.CodeBlock, *ast.ThematicBreak, *ast.Blockquote, *east.FootnoteLink, *east.TaskCheckBox, *east.Strikethrough:
			t.Errorf("%s: a %s", name, n.Kind())
		case *ast.Heading:
			if n.Level != 2 {
				t.Errorf("%s: a heading", name)
			}
		}
		if open < 0 || open > 1 {
			t.Errorf("%s: details do not balance", name)
		}
		return ast.WalkContinue, nil
	})
	if open != 0 {
		t.Errorf("%s: %d details stay open", name, open)
	}
	if want := len(opening.FindAllString(got, -1)); fences != want {
		t.Errorf("%s: %d diffs, want %d", name, fences, want)
	}
}

// What is left out goes in this order: fields, objects, classes.
func TestMarkdownSaysWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		classes, objects, fields int
		want, not                []string
	}{
		{3, 3, 3, nil, []string{"Left out"}},
		{20, 10, 40, []string{"Left out", "the fields of"}, []string{"the objects of", "altogether"}},
		{100, 40, 2, []string{"the objects of"}, []string{"altogether"}},
		{2000, 2, 2, []string{"the last", "altogether"}, nil},
	} {
		doc := &plan.Document{Complete: true, Summary: plan.Summary{Upgrade: tt.classes}}
		for i := range tt.classes {
			c := plan.Class{ID: fmt.Sprint(i), Action: plan.Upgrade, Chart: "soctalk-tenant", From: "1.0.0", To: "1.1.0", Count: 1, Reversibility: plan.Reversible}
			for j := range tt.objects {
				o := plan.ObjectDiff{Kind: "Deployment", Name: fmt.Sprintf("object-%d", j), Action: plan.Change}
				for k := range tt.fields {
					o.Fields = append(o.Fields, plan.FieldDiff{Path: fmt.Sprintf("spec.field%d", k), Before: "1", After: "2"})
				}
				c.Diff = append(c.Diff, o)
			}
			doc.Classes = append(doc.Classes, c)
		}
		var b strings.Builder
		if err := PlanMarkdown(&b, doc, Full); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%d classes", tt.classes)
		checkMarkdown(t, name, b.String())
		for _, w := range tt.want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: %q is missing", name, w)
			}
		}
		for _, w := range tt.not {
			if strings.Contains(b.String(), w) {
				t.Errorf("%s: %q is there", name, w)
			}
		}
		if !strings.Contains(b.String(), PlanSummary(doc)) {
			t.Errorf("%s: the summary is missing", name)
		}
	}
}
