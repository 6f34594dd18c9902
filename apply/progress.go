package apply

import "time"

const (
	// progressInterval is how long a running step may go unheard of: with the time
	// until somebody looks, less than the 10 s that are promised.
	progressInterval = 8 * time.Second
	// lookInterval is how often it is looked which step has been silent.
	lookInterval = time.Second
)

type report struct {
	id     string
	status bool
	text   string
}

func (w *walker) report(id string) Report {
	send := func(rep report) {
		select {
		case w.reports <- rep:
		case <-w.over: // a late word from a step that has ended
		}
	}
	return Report{
		Status: func(text string) { send(report{id, true, text}) },
		Log:    func(text string) { send(report{id, false, text}) },
	}
}

func (w *walker) heard(rep report) {
	e := w.running[rep.id]
	if e == nil {
		return
	}
	if !rep.status {
		w.emit(Event{Type: StepLog, Step: e.step, Message: rep.text})
		return
	}
	e.status = rep.text
	// This is no sign of life: most readers leave it out.
	now := w.Clock.Now()
	w.Events(Event{Time: now, Type: StepStatus, Step: e.step, Elapsed: now.Sub(e.began), Message: e.status})
}

// tellSilent gives a sign of life of every step that has been silent for long,
// and of a run that waits for windows alone.
func (w *walker) tellSilent() {
	now := w.Clock.Now()
	for _, id := range sortedKeys(w.running) {
		if e := w.running[id]; now.Sub(e.heard) >= progressInterval {
			w.emit(Event{Type: StepProgress, Step: e.step, Message: e.status})
		}
	}
	if len(w.running) == 0 && now.Sub(w.waitTold) >= progressInterval {
		for _, name := range sortedKeys(w.awaited) {
			w.emit(w.awaited[name])
		}
		w.waitTold = now
	}
}

func (w *walker) emit(e Event) {
	e.Time = w.Clock.Now()
	if x := w.running[e.Step.ID]; x != nil {
		e.Elapsed, x.heard = e.Time.Sub(x.began), e.Time
	}
	w.Events(e)
}
