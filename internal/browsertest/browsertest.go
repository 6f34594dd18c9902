// Package browsertest opens pages in a headless Chromium. A test that asks for
// one where there is none is skipped, unless [RequireEnv] is set.
package browsertest

import (
	"context"
	_ "embed"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// RequireEnv is the environment variable that makes tests fail, not skip, where
// there is no Chromium.
const RequireEnv = "SOCTALK_REQUIRE_BROWSER"

// patience is how long a test may have its browser: many times what it needs, and
// less than go test gives a package, so that one that hangs fails its test alone.
const patience = 8 * time.Minute

// Browser is a Chromium that a test has to itself.
type Browser struct{ ctx context.Context }

// Start starts a browser that ends with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	switch {
	case err == nil:
	case os.Getenv(RequireEnv) != "":
		t.Fatalf("%v (%s is set)", err, RequireEnv)
	default:
		t.Skip(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, stop := context.WithTimeout(context.Background(), patience)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx}
}

// Window is what a page is opened in, in CSS pixels.
type Window struct {
	Width, Height int64
	Dark          bool
}

// Page is an open page, with what happened on it.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string
	requests []string
}

// Open opens a file.
func (b *Browser) Open(t testing.TB, file string, w Window) *Page {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewContext(b.ctx)
	t.Cleanup(stop)
	p := &Page{t: t, ctx: ctx}
	scheme := "light"
	if w.Dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if err := chromedp.Listen(ctx, p.note); err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	p.do(chromedp.EmulateViewport(w.Width, w.Height), chromedp.Navigate((&url.URL{Scheme: "file", Path: path}).String()))
	return p
}

func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// note keeps what a page should not do.
func (p *Page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		p.problems = append(p.problems, "it writes to the console: "+string(e.Type))
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		p.problems = append(p.problems, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

// Problems are errors, what the policy had to refuse, and what was asked for
// beside the file itself.
func (p *Page) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	problems := p.problems
	for i, url := range p.requests {
		if i > 0 {
			problems = append(problems, "it asks for "+url)
		}
	}
	return problems
}

// Eval evaluates JavaScript on a page.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// OpenAll opens everything that can be opened.
func (p *Page) OpenAll() {
	p.t.Helper()
	Eval[chromedp.Void](p, `document.querySelectorAll('details').forEach((details) => { details.open = true })`)
}

// Keys types into the element that has the focus.
func (p *Page) Keys(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// Press presses a key that the page may take for itself.
func (p *Page) Press(key string) {
	p.t.Helper()
	for _, typ := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		if _, err := chromedp.Call(p.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: typ, Key: key}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// Screenshot writes a picture of the whole page.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

//go:embed audit.js
var audit string

// Audit looks for what keeps people out: headings that skip a level, controls
// without a name, links that lead nowhere, regions that the keyboard cannot
// scroll, a page that is wider than its window, and text whose contrast is less
// than 4.5 to 1 (WCAG 2.2 AA).
func (p *Page) Audit() []string {
	p.t.Helper()
	return Eval[[]string](p, audit)
}
