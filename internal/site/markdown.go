package site

import (
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// titleOf is the text of a document's first heading.
func titleOf(tree ast.Node, source []byte) string {
	first := tree.FirstChild()
	if first != nil && first.Kind() == ast.KindHTMLBlock { // that it is made, and by what
		first = first.NextSibling()
	}
	heading, ok := first.(*ast.Heading)
	if !ok || heading.Level != 1 {
		return ""
	}
	var b strings.Builder
	_ = ast.Walk(heading, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// relink makes links between files into links between pages. What is no page
// is looked up in the repository.
func (d *document) relink(tree ast.Node) {
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && entering {
			link.Destination = []byte(d.link(string(link.Destination)))
		}
		return ast.WalkContinue, nil
	})
}

func (d *document) link(to string) string {
	file, anchor, anchored := strings.Cut(to, "#")
	if file == "" || strings.Contains(file, "://") {
		return to
	}
	file = path.Join(path.Dir(d.file), file)
	target := repository + file
	switch {
	case slices.Contains(attached, file):
		target = d.to(file)
	case slices.ContainsFunc(Sections, func(s Section) bool { return slices.Contains(s.Files, file) }):
		target = d.to(targetOf(file))
	}
	if anchored {
		target += "#" + anchor
	}
	return target
}
