// Package site makes a site of the documentation: a page a file, each of which
// loads nothing, so that it is read anywhere, from a folder too.
package site

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/soctalk/fleet/internal/page"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// repository is where links lead that are to no page.
const repository = "https://github.com/soctalk/fleet/blob/main/"

// Section is a part of the navigation. Its pages are files of the repository.
type Section struct {
	Title string
	Files []string
}

// Sections are all pages, in the order in which they are read.
var Sections = []Section{
	{"Begin", []string{"README.md", "docs/install.md", "docs/tutorial.md", "docs/adopting.md"}},
	{"Use", []string{"docs/reviewing.md", "docs/applying.md", "docs/checks.md", "docs/status.md", "docs/monitoring.md", "docs/pipelines.md", "docs/gitops.md", "docs/rollback.md", "docs/snapshots.md", "docs/volumes.md", "docs/velero.md", "docs/removing.md"}},
	{"When something fails", []string{"docs/failures.md", "docs/failures/command.md", "docs/failures/files.md", "docs/failures/planning.md", "docs/failures/rollback.md"}},
	{"Look up", []string{"docs/language.md", "docs/cli.md", "docs/upgrading.md", "CHANGELOG.md"}},
	{"Inside", []string{"docs/architecture.md", "docs/reliability.md", "docs/performance.md", "examples/charts/README.md"}},
}

// attached are files that pages link to and that are no pages.
var attached = []string{"docs/schema/fleet.schema.json", "docs/schema/plan.schema.json"}

//go:embed page.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// document is a file on its way to be a page.
type document struct {
	file, target, title string
	body                template.HTML
}

// Build writes the site of the repository in folder root into the folder out.
func Build(root, out string) error {
	var docs []*document
	for _, s := range Sections {
		for _, file := range s.Files {
			d, err := read(root, file)
			if err != nil {
				return fmt.Errorf("make a page of %s: %w", file, err)
			}
			docs = append(docs, d)
		}
	}
	for i := range docs {
		if err := write(docs, i, out); err != nil {
			return fmt.Errorf("write the page of %s: %w", docs[i].file, err)
		}
	}
	for _, file := range attached {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return fmt.Errorf("attach %s: %w", file, err)
		}
		if err := put(filepath.Join(out, file), data); err != nil {
			return fmt.Errorf("attach %s: %w", file, err)
		}
	}
	return nil
}

// targetOf is where a file's page lies in the site.
func targetOf(file string) string {
	if file == "README.md" {
		return "index.html"
	}
	return strings.TrimSuffix(file, ".md") + ".html"
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

func read(root, file string) (*document, error) {
	source, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	tree := markdown.Parser().Parse(text.NewReader(source))
	d := &document{file: file, target: targetOf(file), title: titleOf(tree, source)}
	if d.title == "" {
		return nil, fmt.Errorf("it does not begin with a heading")
	}
	d.relink(tree)
	var b bytes.Buffer
	if err := markdown.Renderer().Render(&b, source, tree); err != nil {
		return nil, err
	}
	d.body = template.HTML(scrollable.Replace(b.String()))
	return d, nil
}

// scrollable lets the keyboard reach what may be wider than the page. Code is
// escaped by now, so these are the renderer's own.
var scrollable = strings.NewReplacer(
	"<pre><code", `<pre tabindex="0"><code`,
	"<table>", `<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>`, "</table>", "</table></div>",
)

type entry struct {
	Title, Href string
	Here        bool
}

type chapter struct {
	Title   string
	Entries []entry
}

func write(docs []*document, i int, out string) error {
	d := docs[i]
	view := struct {
		Policy, Title  string
		Style          template.CSS
		Home           string
		Chapters       []chapter
		Body           template.HTML
		Previous, Next *entry
	}{Policy: page.Policy(""), Title: d.title, Style: page.Style(), Home: d.to("index.html"), Body: d.body}
	at := 0
	for _, s := range Sections {
		c := chapter{Title: s.Title}
		for range s.Files {
			c.Entries = append(c.Entries, entry{docs[at].title, d.to(docs[at].target), at == i})
			at++
		}
		view.Chapters = append(view.Chapters, c)
	}
	if i > 0 {
		view.Previous = &entry{Title: docs[i-1].title, Href: d.to(docs[i-1].target)}
	}
	if i+1 < len(docs) {
		view.Next = &entry{Title: docs[i+1].title, Href: d.to(docs[i+1].target)}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view); err != nil {
		return err
	}
	return put(filepath.Join(out, d.target), b.Bytes())
}

// to is the way from a page to another file of the site.
func (d *document) to(target string) string {
	return strings.Repeat("../", strings.Count(path.Clean(d.target), "/")) + target
}

func put(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
