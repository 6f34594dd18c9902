package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/soctalk/fleet/plan"
)

// Probe answers for the model: sick tenants never pass, faint ones only once.
func (m *model) Probe(_ context.Context, q Question) Answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked[q.Address]++
	if tenant, ok := strings.CutPrefix(q.Address, "tenant."); ok && m.versions["tenant."+tenant] != "2" {
		m.fault("%s was asked before it was upgraded", q.Address)
	}
	if m.sick[q.Address] || m.faint[q.Address] && m.asked[q.Address] > 1 {
		if m.sick[q.Address] {
			m.failed[q.Address] = true
		}
		return Answer{Found: "no pulse"}
	}
	return Answer{OK: true, Found: "a pulse"}
}

// clinic answers from a script; the last answer is given again and again.
type clinic struct {
	*model
	script map[string][]string // check and address → answers
	given  []Question
}

func (c *clinic) Probe(_ context.Context, q Question) Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.given = append(c.given, q)
	key := q.Check + " " + q.Address
	answers := c.script[key]
	if len(answers) == 0 {
		return Answer{OK: true, Found: "well"}
	}
	if len(answers) > 1 {
		c.script[key] = answers[1:]
	}
	return Answer{OK: answers[0] == "well", Found: answers[0], Seen: []string{"said " + answers[0]}}
}

func (c *clinic) count(check, address string) int {
	n := 0
	for _, q := range c.given {
		if q.Check == check && q.Address == address {
			n++
		}
	}
	return n
}

// checked is twoWaves with a soak between them and checks on everything.
func checked(onFailure string) *plan.Document {
	doc := twoWaves()
	doc.Rollout.OnFailure = onFailure
	doc.Rollout.Checks = map[string]plan.Check{
		"heartbeat": {On: "tenant", Interval: "15s", Timeout: "1m", Retries: 1},
		"latency":   {On: "wave", Interval: "30s", Timeout: "1m"},
	}
	for i := range doc.Releases {
		doc.Releases[i].Reversibility = plan.Reversible
	}
	for i := range doc.Steps {
		s := &doc.Steps[i]
		s.Approve = false
		if s.Kind == plan.StepVerify {
			s.Checks = []string{"heartbeat"}
		}
		if s.ID == "second/gate" {
			s.Needs = append(s.Needs, "first/soak")
		}
	}
	doc.Steps = slices.Insert(doc.Steps, 3, plan.Step{
		ID: "first/soak", Kind: plan.StepSoak, Address: "wave.first", Wave: "first", Settle: "2m",
		Checks: []string{"heartbeat", "latency"}, Needs: []string{"first/gate", "first/verify"},
	})
	return doc
}

func runChecked(t *testing.T, doc *plan.Document, c *clinic) (*Result, []Event) {
	t.Helper()
	var events []Event
	r := &Runner{Plan: doc, Releases: c.model, Checks: c, Journal: c.model, Clock: instant{}, RunID: "r", Events: func(e Event) { events = append(events, e) }, Past: slices.Clone(c.entries)}
	result, err := r.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.faults) > 0 {
		t.Fatal(c.faults)
	}
	return result, events
}

func newClinic(doc *plan.Document, script map[string][]string) *clinic {
	m := newModel(doc)
	m.versions["system"] = "2"
	return &clinic{model: m, script: script}
}

func TestCheckIsAskedUntilItPasses(t *testing.T) {
	t.Parallel()
	doc := checked("rollback")
	c := newClinic(doc, map[string][]string{"heartbeat tenant.first": {"dull", "dull", "well"}})
	result, events := runChecked(t, doc, c)
	if !result.OK() || result.Upgraded != 2 {
		t.Fatalf("result %+v", result)
	}
	if !slices.ContainsFunc(events, func(e Event) bool { return e.Type == StepLog && e.Message == "check heartbeat passed: well" }) {
		t.Error("no word of the check that passed")
	}
	// Three times until it passed, then every 15 s of the soak of 2 m.
	if got, want := c.count("heartbeat", "tenant.first"), 3+8; got != want {
		t.Errorf("asked %d times, want %d", got, want)
	}
	// Once until it passed, then every 30 s.
	if got, want := c.count("latency", "wave.first"), 1+4; got != want {
		t.Errorf("the wave's own check was asked %d times, want %d", got, want)
	}
}

// slow answers at once, and then only when its time is over.
type slow struct {
	*model
	asked int
}

func (s *slow) Probe(_ context.Context, q Question) Answer {
	if s.asked++; s.asked == 1 {
		return Answer{Found: "dull"}
	}
	time.Sleep(q.Within)
	return Answer{Found: "it did not answer in time"}
}

func TestLastValueIsNotThatOfAnAnswerThatRanOutOfTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		doc := checked("continue")
		doc.Rollout.Checks["heartbeat"] = plan.Check{On: "tenant", Interval: "15s", Timeout: "20s"}
		m := newModel(doc)
		m.versions["system"] = "2"
		r := &Runner{Plan: doc, Releases: m, Checks: &slow{model: m}, Journal: m, Clock: SystemClock{}, RunID: "r", Events: func(Event) {}}
		result, err := r.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Failed) == 0 || !strings.Contains(result.Failed[0].Err.Error(), "did not pass within 20s: dull") {
			t.Errorf("result %+v", result)
		}
	})
}

// Of two checks that share their timeout either may be late first: the report
// has both.
func TestChecksThatHadNotPassedAreAllNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		doc := checked("continue")
		doc.Rollout.Checks["ingest"] = doc.Rollout.Checks["heartbeat"]
		for i := range doc.Steps {
			if s := &doc.Steps[i]; s.ID == "first/verify" {
				s.Checks = []string{"heartbeat", "ingest"}
			}
		}
		m := newClinic(doc, map[string][]string{"heartbeat tenant.first": {"dull"}, "ingest tenant.first": {"still"}})
		r := &Runner{Plan: doc, Releases: m.model, Checks: m, Journal: m.model, Clock: SystemClock{}, RunID: "r", Events: func(Event) {}}
		result, err := r.Run(t.Context())
		if err != nil || len(result.Failed) == 0 {
			t.Fatalf("result %+v, error %v", result, err)
		}
		var cause *CauseError
		failed := result.Failed[0].Err
		if !errors.As(failed, &cause) {
			t.Fatalf("%v has nothing that was seen around it", failed)
		}
		told := failed.Error() + "\n" + strings.Join(cause.Seen, "\n")
		for _, what := range []string{" did not pass within 1m0s: ", " had not passed either: ", "check heartbeat", "check ingest", "dull", "still"} {
			if !strings.Contains(told, what) {
				t.Errorf("%q is not in %q", what, told)
			}
		}
	})
}

func TestCheckThatDoesNotPassPutsTheTenantBack(t *testing.T) {
	t.Parallel()
	doc := checked("rollback")
	c := newClinic(doc, map[string][]string{"heartbeat tenant.first": {"dull"}})
	doc.Releases[0].Path = []plan.Leg{{From: "1", To: "2", Reversibility: plan.Reversible}}
	result, events := runChecked(t, doc, c)
	if !slices.ContainsFunc(events, func(e Event) bool { return e.Type == RolledBack && e.Step.To == "1" && e.Step.From == "2" }) {
		t.Errorf("it is not said what it was put back to: %v", events)
	}
	if result.OK() || result.Upgraded != 0 || !slices.Equal(result.RolledBack, []string{"tenant.first"}) || c.versions["tenant.first"] != "1" || c.versions["tenant.second"] != "1" {
		t.Fatalf("result %+v, versions %v", result, c.versions)
	}
	const want = "check heartbeat did not pass within 1m0s: dull"
	if got := result.Failed[0].Err.Error(); got != want {
		t.Errorf("failed because %q, want %q", got, want)
	}
	if !slices.ContainsFunc(c.entries, func(e Entry) bool { return e.Kind == Failed && e.Step == "first/verify" && e.Message == want }) {
		t.Errorf("the journal does not say why:\n%s", journalText(c.entries))
	}
}

func TestSoakHoldsItsChecks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script map[string][]string
		fails  string
	}{
		"tolerates as many as the check says": {script: map[string][]string{"heartbeat tenant.first": {"well", "well", "dull", "well", "dull", "well"}}},
		"and no more":                         {script: map[string][]string{"heartbeat tenant.first": {"well", "well", "dull", "dull", "well"}}, fails: "check heartbeat of tenant.first did not hold, 2 times in a row: dull"},
		"not even at its end":                 {script: map[string][]string{"heartbeat tenant.first": {"well", "well", "well", "well", "well", "well", "well", "well", "dull"}}, fails: "check heartbeat of tenant.first did not hold, 2 times in a row: dull"},
		"nor of the wave itself":              {script: map[string][]string{"latency wave.first": {"well", "high"}}, fails: "check latency of wave.first did not hold: high"},
		"which first has to pass":             {script: map[string][]string{"latency wave.first": {"high"}}, fails: "check latency did not pass within 1m0s: high"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := checked("rollback")
			c := newClinic(doc, test.script)
			result, _ := runChecked(t, doc, c)
			if test.fails == "" {
				if !result.OK() {
					t.Fatalf("result %+v: %v", result, result.Failed[0].Err)
				}
				return
			}
			if len(result.Failed) != 1 || result.Failed[0].Err.Error() != test.fails {
				t.Fatalf("failed %+v, want %q", result.Failed, test.fails)
			}
			if c.versions["tenant.first"] != "2" || c.versions["tenant.second"] != "1" || result.Stopped != "wave.first failed" {
				t.Errorf("versions %v, stopped because %q", c.versions, result.Stopped)
			}
		})
	}
}

func TestSoakLooksAfterThoseThatCameThrough(t *testing.T) {
	t.Parallel()
	doc := checked("continue")
	doc.Rollout.MaxFailures = 1
	c := newClinic(doc, map[string][]string{"heartbeat tenant.first": {"dull"}})
	result, _ := runChecked(t, doc, c)
	if len(result.Failed) != 1 || result.Failed[0].Step.ID != "first/verify" || c.versions["tenant.second"] != "2" {
		t.Errorf("result %+v, versions %v", result, c.versions)
	}
}

// A soak that was cut off proves nothing, since nobody looked in between.
func TestSoakThatWasCutOffBeginsAnew(t *testing.T) {
	t.Parallel()
	doc := checked("rollback")
	c := newClinic(doc, nil)
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	r := &Runner{Plan: doc, Releases: c.model, Checks: &killing{c, 6, kill}, Journal: c.model, Clock: instant{}, RunID: "r", Events: func(Event) {}}
	if result, err := r.Run(ctx); err != nil || !result.Resumable || c.versions["tenant.second"] != "1" {
		t.Fatalf("result %+v, %v", result, err)
	}
	c.given = nil
	if result, _ := runChecked(t, doc, c); !result.OK() || result.Upgraded != 2 {
		t.Fatalf("result %+v\n%s", result, journalText(c.entries))
	}
	if got, want := c.count("heartbeat", "tenant.first"), 8; got != want {
		t.Errorf("asked %d times when it was taken up again, want %d", got, want)
	}
}

// killing ends the run at a question.
type killing struct {
	*clinic
	left int
	kill func()
}

func (k *killing) Probe(ctx context.Context, q Question) Answer {
	k.mu.Lock()
	k.left--
	if k.left == 0 {
		k.kill()
	}
	k.mu.Unlock()
	return k.clinic.Probe(ctx, q)
}

func TestSystemGoesBackWhenItsCheckFails(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"rollback", "stop"} {
		doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{MaxParallel: 1, SystemFailure: policy, Checks: map[string]plan.Check{"answers": {On: "system", Interval: "15s", Timeout: "1m"}}},
			Releases: []plan.Release{{Address: "system", From: "1", To: "2", Action: plan.Upgrade, Reversibility: plan.Reversible, Base: plan.Base{Revision: 1}}},
			Steps: []plan.Step{
				{ID: "system/0/upgrade", Kind: plan.StepUpgrade, Address: "system", From: "1", To: "2"},
				{ID: "system/0/verify", Kind: plan.StepVerify, Address: "system", Checks: []string{"answers"}, Needs: []string{"system/0/upgrade"}},
			}}
		c := newClinic(doc, map[string][]string{"answers system": {"silence"}})
		c.versions["system"], c.versions["schema"] = "1", "2"
		var events []string
		r := &Runner{Plan: doc, Releases: unmoved{c.model}, Checks: c, Journal: c.model, Clock: instant{}, RunID: "r", Events: func(e Event) { events = append(events, string(e.Type)) }}
		result, err := r.Run(context.Background())
		if err != nil || len(result.Failed) != 1 {
			t.Fatalf("%s: result %+v, %v", policy, result, err)
		}
		if back := policy == "rollback"; slices.Contains(result.RolledBack, "system") != back || (result.Upgraded == 0) != back {
			t.Errorf("%s: result %+v, %v", policy, result, events)
		}
	}
}

// unmoved is a system whose schema stays.
type unmoved struct{ *model }

func (u unmoved) Rollback(ctx context.Context, r plan.Release, s plan.Step, rep Report) (plan.Base, error) {
	u.mu.Lock()
	u.versions["schema"] = r.From
	u.mu.Unlock()
	return u.model.Rollback(ctx, r, s, rep)
}

// waiting is a clock that goes on with what is waited for.
type waiting struct {
	mu  sync.Mutex
	now time.Time
}

func (c *waiting) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *waiting) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(chan time.Time, 1)
	if d != lookInterval {
		c.now = c.now.Add(d)
		out <- c.now
	}
	return out
}

func TestSinceCountsFromTheUpgrade(t *testing.T) {
	t.Parallel()
	doc := checked("stop")
	c := newClinic(doc, map[string][]string{"heartbeat tenant.first": {"dull", "dull", "well"}})
	clock := &waiting{now: time.Unix(1e9, 0)}
	r := &Runner{Plan: doc, Releases: c.model, Checks: c, Journal: c.model, Clock: clock, Events: func(Event) {}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	last := time.Duration(-1)
	for i, q := range c.given[:3] {
		if q.Since <= last || i > 0 && q.Since < 15*time.Second {
			t.Errorf("question %d: %s since the upgrade, after %s", i, q.Since, last)
		}
		last = q.Since
	}
}

func TestCheckThatThePlanDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*plan.Document){
		"unknown":     func(d *plan.Document) { delete(d.Rollout.Checks, "latency") },
		"no interval": func(d *plan.Document) { d.Rollout.Checks["latency"] = plan.Check{On: "wave", Timeout: "1m"} },
		"never asked": func(d *plan.Document) {
			d.Rollout.Checks["latency"] = plan.Check{On: "wave", Interval: "0s", Timeout: "1m"}
		},
	} {
		doc := checked("stop")
		spoil(doc)
		c := newClinic(doc, nil)
		r := &Runner{Plan: doc, Releases: c.model, Checks: c, Journal: c.model, Clock: instant{}, Events: func(Event) {}}
		if _, err := r.Run(context.Background()); err == nil || len(c.entries) > 0 {
			t.Errorf("%s: started: %v", name, fmt.Sprint(err))
		}
	}
}
