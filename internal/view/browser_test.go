package view

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/soctalk/fleet/internal/browsertest"
)

// inFile writes a page where a browser can open it.
func inFile(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// In a browser, light or dark, wide or on a phone, every page is whole: nothing
// is loaded or refused, nobody is kept out, and nothing is wider than the window.
func TestHTMLInABrowser(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	pages := map[string]string{"run": inFile(t, func(w io.Writer) error {
		return RunHTML(w, recalled(t, small(), map[string]string{"tenant.tenant0002/0/upgrade": "not ready in time"}))
	})}
	for name, doc := range planDocuments(t) {
		pages[name] = inFile(t, func(w io.Writer) error { return PlanHTML(w, doc, Full) })
	}
	for name, path := range pages {
		for _, w := range []browsertest.Window{{Width: 1280, Height: 900}, {Width: 1280, Height: 900, Dark: true}, {Width: 390, Height: 844}, {Width: 390, Height: 844, Dark: true}} {
			t.Run(fmt.Sprintf("%s/%d/dark=%t", name, w.Width, w.Dark), func(t *testing.T) {
				p := b.Open(t, path, w)
				p.OpenAll()
				for _, problem := range append(p.Audit(), p.Problems()...) {
					t.Error(problem)
				}
				if dir := os.Getenv("SOCTALK_SCREENSHOTS"); dir != "" {
					p.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%d-%t.png", name, w.Width, w.Dark)))
				}
			})
		}
	}
}

// A tenant is found by its name, by the keyboard alone, among a thousand.
func TestHTMLSearch(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	p := b.Open(t, inFile(t, func(w io.Writer) error { return PlanHTML(w, thousand(), Full) }), browsertest.Window{Width: 1280, Height: 900})
	type state struct {
		Classes, Names []string
		Found          string
		Open           int
	}
	look := func() state {
		t.Helper()
		return browsertest.Eval[state](p, `({
			Classes: [...document.querySelectorAll('.class')].filter((e) => e.checkVisibility()).map((e) => e.querySelector('.versions').textContent),
			Names: [...document.querySelectorAll('.members li')].filter((e) => e.checkVisibility()).map((e) => e.textContent).slice(0, 3),
			Found: document.getElementById('found').textContent,
			Open: document.querySelectorAll('.members[open]').length,
		})`)
	}
	check := func(when string, want state) {
		t.Helper()
		if got := look(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	all := []string{"0.2.0 → 0.2.1", "0.2.0 → 0.2.1", "0.1.9 → 0.2.1"}
	check("at first", state{Classes: all})
	p.Press("/")
	p.Keys("Tenant0777")
	check("one of a thousand", state{Classes: all[:1], Names: []string{"tenant0777"}, Found: "1 match", Open: 1})
	p.Keys("7")
	check("none", state{Found: "0 matches", Open: 1})
	p.Press("Escape")
	check("after Escape", state{Classes: all})
	p.Keys("0.1.9")
	if s := look(); len(s.Classes) != 1 || s.Classes[0] != all[2] {
		t.Errorf("the version 0.1.9 finds %+v", s)
	}
	for _, problem := range p.Problems() {
		t.Error(problem)
	}
}

// What a document says does nothing in a browser.
func TestHostileHTMLInABrowser(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	for _, s := range hostileTexts {
		doc := documentOf(s)
		p := b.Open(t, inFile(t, func(w io.Writer) error { return PlanHTML(w, doc, Full) }), browsertest.Window{Width: 1280, Height: 900})
		ran := browsertest.Eval[bool](p, `document.querySelectorAll('img, iframe, script[src]').length > 0 || document.querySelectorAll('script').length !== 1`)
		if problems := p.Problems(); ran || len(problems) > 0 {
			t.Errorf("%q: %q", s, problems)
		}
	}
}
