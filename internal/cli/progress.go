package cli

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	quiet    = time.Second      // what is over sooner says nothing
	sayAgain = 10 * time.Second // how often a log hears of it
)

// working tells a person on standard error that something takes its time,
// until the returned function is called: a line that is rewritten on a
// terminal, a line now and then elsewhere.
func (a *app) working(what string) (done func()) {
	f, ok := a.err.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	every := sayAgain
	if terminal {
		every = quiet
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		began := time.Now()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for said := false; ; said = true {
			select {
			case <-tick.C:
				elapsed := time.Since(began).Round(time.Second)
				if terminal {
					fmt.Fprintf(a.err, "\r\x1b[K%s… %s", what, elapsed)
				} else {
					fmt.Fprintf(a.err, "%s… %s\n", what, elapsed)
				}
			case <-stop:
				if said && terminal {
					fmt.Fprint(a.err, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() {
		close(stop)
		wg.Wait()
	}
}
