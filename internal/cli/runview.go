package cli

import (
	"os"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/view"
	"golang.org/x/term"
)

// runView shows a run: as NDJSON, as it goes on a terminal, or line by line.
// past is what an earlier program did of it.
func (a *app) runView(t *task, asJSON bool, past []apply.Entry) view.Run {
	if asJSON {
		v := &view.RunJSON{W: a.out, Now: time.Now, Next: t.next}
		v.Start(version, t.doc)
		return v
	}
	if size := a.screen(); size != nil && len(t.doc.Steps) > 0 {
		return view.NewRunLive(a.out, size, a.style(a.out), t.next, t.doc, past)
	}
	return &view.RunHuman{W: a.out, Style: a.style(a.out), Next: t.next}
}

// leastWidth and leastHeight are what a terminal must have for lines on it to
// be rewritten.
const leastWidth, leastHeight = 20, 5

// screen returns how to ask for the size of the terminal that standard output
// is; nil when it is none whose lines can be rewritten.
func (a *app) screen() func() (width, height int) {
	f, ok := a.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || a.getenv("TERM") == "dumb" || a.getenv("TERM") == "" {
		return nil
	}
	size := func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return leastWidth, leastHeight
		}
		return max(1, width), max(1, height)
	}
	if width, height := size(); width < leastWidth || height < leastHeight {
		return nil
	}
	return size
}
