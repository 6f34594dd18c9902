package site

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/browsertest"
	"golang.org/x/net/html"
)

const root = "../.."

// built is the site, in a folder of the test.
func built(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	if err := Build(root, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Every file of the documentation is a page.
func TestEveryDocumentIsAPage(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		file, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(Sections, func(s Section) bool { return slices.Contains(s.Files, filepath.ToSlash(file)) }) {
			t.Errorf("%s is in no section", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// parsed is a page of the site.
type parsed struct {
	ids   map[string]bool
	links []string
}

func parse(t *testing.T, path string) parsed {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tree, err := html.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	p := parsed{ids: map[string]bool{}}
	for n := range tree.Descendants() {
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				p.ids[a.Val] = true
			case "href":
				p.links = append(p.links, a.Val)
			case "src":
				t.Errorf("%s loads %s", path, a.Val)
			}
		}
	}
	return p
}

// Every link within the site leads somewhere, and so does every one into the
// repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	out := built(t)
	pages := map[string]parsed{}
	for _, s := range Sections {
		for _, file := range s.Files {
			target := targetOf(file)
			pages[target] = parse(t, filepath.Join(out, target))
		}
	}
	for at, p := range pages {
		for _, link := range p.links {
			if file, ok := strings.CutPrefix(link, repository); ok {
				if _, err := os.Stat(filepath.Join(root, file)); err != nil {
					t.Errorf("%s: %v", at, err)
				}
				continue
			}
			if strings.Contains(link, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(link, "#")
			if file = filepath.ToSlash(filepath.Join(filepath.Dir(at), file)); strings.HasPrefix(link, "#") {
				file = at
			}
			if _, err := os.Stat(filepath.Join(out, file)); err != nil {
				t.Errorf("%s links to %s, which is not there", at, link)
			} else if anchor != "" && !pages[file].ids[anchor] {
				t.Errorf("%s links to %s, where there is no such heading", at, link)
			}
		}
	}
}

func TestSiteInABrowser(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	out := built(t)
	for _, s := range Sections {
		for _, file := range s.Files {
			for _, w := range []browsertest.Window{{Width: 1280, Height: 900}, {Width: 390, Height: 844, Dark: true}} {
				t.Run(fmt.Sprintf("%s/%d/dark=%t", file, w.Width, w.Dark), func(t *testing.T) {
					p := b.Open(t, filepath.Join(out, targetOf(file)), w)
					for _, problem := range append(p.Audit(), p.Problems()...) {
						t.Error(problem)
					}
					if dir := os.Getenv("SOCTALK_SCREENSHOTS"); dir != "" {
						p.Screenshot(filepath.Join(dir, fmt.Sprintf("site-%s-%d.png", strings.ReplaceAll(targetOf(file), "/", "-"), w.Width)))
					}
				})
			}
		}
	}
}
