package reliability

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
)

const (
	// disturbances is how many disturbed runs the whole proof has,
	// disturbancesADay those of every day.
	disturbances, disturbancesADay = 100, 2
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

// TestFailedWayBackIsDoneAgain breaks the way back from the staged failure: its
// release stands at a revision of its own then, which is this run's.
func TestFailedWayBackIsDoneAgain(t *testing.T) {
	t.Parallel()
	reference(t)
	p := newProgram(t, *seed)
	var goesBack atomic.Bool
	p.proxy.Add(faultproxy.Rule{Match: func(r *http.Request) bool {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/secrets") && strings.Contains(faultproxy.Body(r), "sh.helm.release.v1.tenant-beta-"+p.id+".v3") {
			goesBack.Store(true)
		}
		return goesBack.Load() && r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/namespaces/tenant-beta-")
	}, Fault: faultproxy.Status(403, 0)})
	if e := p.run(t, "apply", "up.plan"); e.code != 1 || !strings.Contains(e.output, "injected") {
		t.Errorf("the way back was to fail: %d\n%s", e.code, e.output)
	}
	p.goOnToTheEnd(t)
}

// TestHungRequestsAboutTheLockCostNothing lets looks at the lock and a renewal
// of it go unanswered.
func TestHungRequestsAboutTheLockCostNothing(t *testing.T) {
	t.Parallel()
	want, _, state := reference(t)
	p := newProgram(t, *seed)
	lease := "/leases/" + journal.LeaseName
	var looks atomic.Int32
	p.proxy.Add(
		faultproxy.Rule{Match: faultproxy.Path(http.MethodPut, lease), Skip: 1, Times: 1, Fault: faultproxy.Hang},
		// The first looks are before there is a lock.
		faultproxy.Rule{Match: func(r *http.Request) bool {
			return faultproxy.Path(http.MethodGet, lease)(r) && looks.Add(1) > 4
		}, Times: 2, Fault: faultproxy.Hang},
	)
	if e := p.run(t, "apply", "up.plan"); e.code != 1 || !strings.Contains(e.output, `Rolled back: tenant.more["beta"]`) {
		t.Errorf("it did not go to its end: %d\n%s", e.code, e.output)
	}
	if met := p.proxy.Met(); met[0] != 1 || met[1] != 2 {
		t.Errorf("%v requests hung, want [1 2]", met)
	}
	p.sound(t, want, state)
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
