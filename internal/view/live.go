package view

import (
	"io"
	"sync"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// repaint is how often the times on a terminal go on.
const repaint = 500 * time.Millisecond

// RunLive shows a run on a terminal: what has happened stays there, line by
// line, and below it stands what happens now.
type RunLive struct {
	human RunHuman

	mu       sync.Mutex
	screen   screen
	progress *progress
	now      func() time.Time
	stop     chan struct{}
	closed   sync.Once
}

// NewRunLive shows a run of a plan on a terminal, whose size in columns and rows
// it asks for again and again. Past is what an earlier program did of it. Close
// must be called.
func NewRunLive(w io.Writer, size func() (width, height int), style Style, next string, doc *plan.Document, past []apply.Entry) *RunLive {
	style.Width = 0 // what stays is broken by the terminal itself
	v := &RunLive{
		human: RunHuman{W: w, Style: style, Next: next}, screen: screen{w: w, size: size}, now: time.Now, stop: make(chan struct{}),
		progress: newProgress(doc, past, time.Now()),
	}
	go v.repaint()
	return v
}

func (v *RunLive) repaint() {
	tick := time.NewTicker(repaint)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			v.paint("")
		case <-v.stop:
			return
		}
	}
}

func (v *RunLive) paint(stays string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.stop:
	default:
		width, height := v.screen.size()
		v.screen.paint(stays, v.progress.lines(width, height, v.now(), v.human.Style))
	}
}

// Event takes in what happened.
func (v *RunLive) Event(e apply.Event) {
	v.mu.Lock()
	v.progress.event(e)
	v.mu.Unlock()
	stays := ""
	if e.Type != apply.StepStart && e.Type != apply.StepProgress && e.Type != apply.StepWaiting {
		stays = v.human.event(e)
	}
	if stays != "" {
		stays += "\n"
	}
	v.paint(stays)
}

// End replaces what happens by the closing report.
func (v *RunLive) End(r *apply.Result) {
	v.Close()
	v.human.End(r)
}

// Close takes away what happens now.
func (v *RunLive) Close() {
	v.closed.Do(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		close(v.stop)
		v.screen.paint("", nil)
	})
}
