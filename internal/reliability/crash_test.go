package reliability

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal/journaltest"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
)

const (
	// instants is how many random instants the whole proof has, instantsADay
	// those of every day.
	instants, instantsADay = 200, 4
	// mostKills is how often a run is killed at random.
	mostKills = 3
)

// TestCrash kills the program, as nothing that it could notice does: at every
// write to its journal, once it is kept and before it is, and at random
// instants. Each time the run is taken up again.
func TestCrash(t *testing.T) {
	t.Parallel()
	_, entries, _ := reference(t)
	c := openCases(t)
	for _, kept := range []bool{true, false} {
		word := map[bool]string{true: "after", false: "before"}[kept]
		if !*whole {
			c.run(t, "chain/"+word, func(t *testing.T) done { return killedAtEach(t, kept, len(entries)) })
			continue
		}
		for n := 1; n <= len(entries); n++ {
			c.run(t, fmt.Sprintf("%s/entry-%02d", word, n), func(t *testing.T) done { return killedAt(t, n, kept, n > len(entries)/2) })
		}
	}
	count := instantsADay
	if *whole {
		count = instants
	}
	for n := range count {
		c.run(t, fmt.Sprintf("instant/%03d", n), killedAtRandom)
	}
}

// killedAt kills the program at one write to the journal. A write may hold
// several entries, so a run can come to its end before the last of them.
func killedAt(t *testing.T, n int, kept, mayEnd bool) done {
	p := newProgram(t, *seed)
	kills := 1
	if !p.killedAtEntry(t, n, kept, "apply", "up.plan") {
		if kills = 0; !mayEnd {
			t.Fatalf("the journal was not written %d times", n)
		}
	}
	p.goOnToTheEnd(t)
	return done{Kills: kills}
}

// killedAtEach kills the program at one entry after another of the same run.
func killedAtEach(t *testing.T, kept bool, least int) done {
	p := newProgram(t, *seed)
	// The first two entries of a run that is taken up again say so.
	n := map[bool]int{true: 3, false: 4}[kept]
	kills := 0
	for args := p.goOn(t); p.killedAtEntry(t, n, kept, args...); args = p.goOn(t) {
		kills++
		p.unlock(t)
		_, entries := p.journal(t)
		if entries[len(entries)-1].Kind == apply.Ended {
			break // further attempts try again what had failed
		}
		if kills > 2*least {
			t.Fatalf("killed %d times, and the run does not get on: it stands at %s", kills, entries[len(entries)-1].Step)
		}
	}
	if kills < least/2 {
		t.Errorf("killed %d times, in a journal of %d entries undisturbed", kills, least)
	}
	p.goOnToTheEnd(t)
	return done{Kills: kills}
}

// killedAtRandom kills the program, up to several times in the same run.
func killedAtRandom(t *testing.T) done {
	random := randomOf(t)
	p := newProgram(t, *seed)
	kills := 0
	for range 1 + random.IntN(mostKills) {
		after := time.Duration(random.Int64N(int64(upgradeTakes)))
		if !p.killedAfter(t, after, p.goOn(t)...) {
			break
		}
		kills++
		if random.IntN(8) > 0 { // otherwise the lock runs out
			p.unlock(t)
		}
	}
	p.goOnToTheEnd(t)
	return done{Kills: kills}
}

// upgradeTakes is about how long an undisturbed run takes.
const upgradeTakes = 12 * time.Second

// randomOf depends on the seed and on the test's name.
func randomOf(t *testing.T) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, t.Name())
	return rand.New(rand.NewPCG(*seed, h.Sum64()))
}

// goOnToTheEnd takes the run up again, undisturbed, and looks at the end.
func (p *program) goOnToTheEnd(t *testing.T) {
	t.Helper()
	p.proxy.Clear()
	want, _, state := reference(t)
	p.unlock(t)
	if e := p.run(t, p.goOn(t)...); e.code != 1 || !strings.Contains(e.output, "Failed: tenant.more[\"beta\"]") {
		t.Errorf("the staged failure was to end the run with 1: %d\n%s", e.code, e.output)
	}
	p.sound(t, want, state)
}

// killedAtEntry runs the program and kills it at the n-th time that it writes
// into its journal. It says whether it came to that.
func (p *program) killedAtEntry(t *testing.T, n int, kept bool, args ...string) bool {
	t.Helper()
	cmd, out := p.command(t.Context(), args...)
	err := p.proxy.RunKilled(cmd, faultproxy.Rule{Match: journaltest.IsPage, Skip: n - 1, Times: 1}, kept)
	return endOf(t, err, out).code < 0
}

// killedAfter runs the program and kills it after a time. It says whether it
// came to that.
func (p *program) killedAfter(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after) // which kills it
	defer cancel()
	cmd, out := p.command(ctx, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return endOf(t, cmd.Wait(), out).code < 0
}
