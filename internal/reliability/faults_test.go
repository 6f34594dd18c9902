package reliability

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
)

const (
	// disturbances is how many disturbed runs the whole proof has,
	// disturbancesADay those of every day.
	disturbances, disturbancesADay = 100, 3
	// disturbedAttempts is how often a run is taken up again while it is being
	// disturbed; after that it is left in peace.
	disturbedAttempts = 3
	// hangs is how long a request hangs before its connection breaks.
	hangs = 4 * time.Second
)

// TestFaults lets the way between the program and the API server go wrong. The
// run comes to the end of an undisturbed one, or stops and can be taken up again
// until it does.
func TestFaults(t *testing.T) {
	t.Parallel()
	reference(t)
	c := openCases(t)
	count := disturbancesADay
	if *whole {
		count = disturbances
	}
	for n := range count {
		c.run(t, fmt.Sprintf("disturbed/%03d", n), disturbed)
	}
}

// disturbed makes one run under faults.
func disturbed(t *testing.T) done {
	want, _, _ := reference(t)
	p := newProgram(t, randomOf(t).Uint64())
	p.disturb()
	met := 0
	for range disturbedAttempts {
		args := p.goOn(t)
		e := p.run(t, args...)
		if e.code != 0 && e.code != 1 || strings.Contains(e.output, "goroutine ") {
			t.Fatalf("soctalk %s: no clean end: %d\n%s", strings.Join(args, " "), e.code, e.output)
		}
		if p.upgrade(t) != nil && cmp.Equal(want, p.state(t)) {
			break
		}
	}
	for _, n := range p.proxy.Met() {
		met += n
	}
	p.goOnToTheEnd(t)
	return done{Faults: met}
}

// disturb lets one in twelve requests go wrong. Of the rules that select a
// request the first wins, so chances add up.
func (p *program) disturb() {
	p.proxy.Clear()
	chance := 0.0
	add := func(share float64, match func(*http.Request) bool, fault faultproxy.Fault) {
		chance += share
		p.proxy.Add(faultproxy.Rule{Match: match, Chance: chance, Fault: fault})
	}
	add(0.01, nil, faultproxy.Status(429, 0))
	add(0.01, nil, faultproxy.Status(429, time.Second))
	add(0.015, nil, faultproxy.Status(500, 0))
	add(0.01, nil, faultproxy.Reset)
	add(0.015, changes, faultproxy.Lost)
	add(0.005, nil, hang)
	add(0.015, nil, faultproxy.Delay(300*time.Millisecond))
	add(0.20, watches, faultproxy.Cut(2000))
}

func watches(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

func changes(r *http.Request) bool { return r.Method != http.MethodGet }

// hang answers nothing and breaks the connection after a while, as a load
// balancer does.
func hang(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	after := time.NewTimer(hangs)
	defer after.Stop()
	select {
	case <-after.C:
	case <-r.Context().Done():
	}
	faultproxy.Reset(w, r, forward)
}
