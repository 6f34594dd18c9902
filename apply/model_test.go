package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soctalk/fleet/plan"
	"pgregory.net/rapid"
)

// instant is a clock on which every wait is over at once, except the progress
// tick, which never comes.
type instant struct{}

func (instant) Now() time.Time { return time.Unix(0, 0) }

func (instant) After(d time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	if d != lookInterval {
		c <- time.Unix(0, 0)
	}
	return c
}

// model is a simulated cluster that checks, at every call, what must hold.
type model struct {
	mu       sync.Mutex
	doc      *plan.Document
	versions map[string]string // address → live version
	live     map[string]*revision
	broken   map[string]bool   // addresses whose upgrade fails
	foreign  map[string]bool   // addresses that someone else changed
	turns    map[string]string // tenant in its turn → wave
	failed   map[string]bool   // tenants
	sick     map[string]bool   // tenants whose checks fail
	faint    map[string]bool   // tenants whose checks fail from the second time on
	asked    map[string]int    // checks by address
	sunk     map[string]bool   // waves whose soak failed
	migrated int
	job      bool            // the migration's Job is there
	saved    map[string]bool // snapshots by step
	faults   []string
	entries  []Entry
	// killAt is the instant at which the program dies, counted in writes; 0:
	// never.
	killAt, instants int
}

// revision is the newest one of a release.
type revision struct {
	number int
	status string
	step   string
}

func (r *revision) base() plan.Base {
	if r == nil {
		return plan.Base{}
	}
	return plan.Base{Revision: r.number, Digest: r.status}
}

func newModel(doc *plan.Document) *model {
	m := &model{doc: doc, versions: map[string]string{"schema": "1"}, live: map[string]*revision{}, broken: map[string]bool{}, foreign: map[string]bool{}, turns: map[string]string{}, failed: map[string]bool{}, saved: map[string]bool{},
		sick: map[string]bool{}, faint: map[string]bool{}, asked: map[string]int{}, sunk: map[string]bool{}}
	for _, r := range doc.Releases {
		m.versions[r.Address] = r.From
		if r.Base.Revision > 0 {
			m.live[r.Address] = &revision{number: r.Base.Revision, status: r.Base.Digest}
		}
	}
	return m
}

var errKilled = errors.New("killed")

// alive passes one instant; after the last one nothing has an effect any more.
func (m *model) alive() bool {
	m.instants++
	return m.killAt == 0 || m.instants < m.killAt
}

func (m *model) Write(_ context.Context, e Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.alive() {
		return errKilled
	}
	if e.Kind == Begun && m.underWay(e) {
		m.fault("%s %s was begun twice", e.Step, e.Address)
	}
	m.entries = append(m.entries, e)
	if !m.alive() {
		return errKilled
	}
	return nil
}

// underWay says whether the journal holds the intent of a step that has not
// ended since.
func (m *model) underWay(e Entry) bool {
	for _, was := range slices.Backward(m.entries) {
		if was.Step == e.Step && was.Address == e.Address {
			return was.Kind == Begun
		}
	}
	return false
}

func (m *model) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

func (m *model) Base(_ context.Context, r plan.Release) (plan.Base, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.foreign[r.Address] {
		return plan.Base{Revision: r.Base.Revision + 1}, nil
	}
	return m.live[r.Address].base(), nil
}

func (m *model) Migrate(_ context.Context, r plan.Release, s plan.Step, open bool, report Report) error {
	report.Log("migrating")
	m.mu.Lock()
	defer m.mu.Unlock()
	m.protected(s)
	if m.versions[r.Address] != r.From {
		m.fault("migrated after the upgrade")
	}
	if !open || !m.job {
		if !m.alive() {
			return errKilled
		}
		m.job = true
		m.migrated++
	}
	if m.broken["migration"] {
		return errors.New("migration failed")
	}
	m.versions["schema"] = s.To
	if !m.alive() {
		return errKilled
	}
	return nil
}

// Uninstall marks the release before it deletes anything, and forgets it last.
func (m *model) Uninstall(_ context.Context, r plan.Release, s plan.Step, _ Report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.live[r.Address]
	switch {
	case m.foreign[r.Address]:
		m.fault("%s was uninstalled although someone else changed it", r.Address)
	case l.base() != r.Base:
		m.fault("%s was uninstalled from %v, it is at %v", r.Address, r.Base, l.base())
	case m.versions["system"] != "1" || m.job:
		m.fault("%s was uninstalled after the system moved", r.Address)
	case !slices.ContainsFunc(m.entries, func(e Entry) bool { return e.Kind == Begun && e.Step == s.ID }):
		m.fault("%s was uninstalled by %s, of which the journal knows nothing", r.Address, s.ID)
	}
	if !m.alive() {
		return errKilled
	}
	l.status, l.step = "uninstalling", s.ID
	if !m.alive() {
		return errKilled
	}
	if m.broken[r.Address] {
		m.failed[s.Tenant] = true
		return errors.New("broken")
	}
	delete(m.live, r.Address)
	m.versions[r.Address] = ""
	if !m.alive() {
		return errKilled
	}
	return nil
}

func (m *model) UpdateCRDs(context.Context, plan.Release, plan.Step, Report) error { return nil }

// put makes a revision: pending, and then what it comes to.
func (m *model) put(address string, s plan.Step, status, version string) (plan.Base, error) {
	if !m.alive() {
		return plan.Base{}, errKilled
	}
	if !slices.ContainsFunc(m.entries, func(e Entry) bool { return e.Kind == Begun && e.Step == s.ID }) {
		m.fault("a revision of %s was made by %s, of which the journal knows nothing", address, s.ID)
	}
	if m.live[address] != nil && m.live[address].status == "pending" {
		m.fault("%s was changed while it was pending", address)
	}
	m.live[address] = &revision{m.live[address].base().Revision + 1, "pending", s.ID}
	if !m.alive() {
		return plan.Base{}, errKilled
	}
	m.live[address].status = status
	m.versions[address] = version
	if !m.alive() {
		return plan.Base{}, errKilled
	}
	return m.live[address].base(), nil
}

func (m *model) Recover(_ context.Context, r plan.Release, s plan.Step, _ Report) (Recovered, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.live[r.Address]
	switch {
	case s.Kind == plan.StepUninstall && l == nil:
		return Recovered{Done: true}, nil
	case l.base() == r.Base || s.Kind == plan.StepUninstall && l.step == s.ID:
		return Recovered{Base: l.base()}, nil
	case l.step != s.ID:
		return Recovered{}, &StaleError{Address: r.Address, Want: r.Base.Revision, Have: l.number}
	case l.status == "deployed":
		return Recovered{Done: true, Base: l.base()}, nil
	}
	if !m.alive() {
		return Recovered{}, errKilled
	}
	l.status = "failed"
	return Recovered{Base: l.base()}, nil
}

func (m *model) Upgrade(_ context.Context, r plan.Release, s plan.Step, report Report) (plan.Base, error) {
	report.Status("waiting")
	m.enter(r, s)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.versions[r.Address] == s.To {
		m.fault("%s was upgraded to %s twice", r.Address, s.To)
	}
	if m.live[r.Address].base() != r.Base {
		m.fault("%s was upgraded from %v, it is at %v", r.Address, r.Base, m.live[r.Address].base())
	}
	if m.broken[r.Address] {
		if _, err := m.put(r.Address, s, "failed", m.versions[r.Address]); err != nil {
			return plan.Base{}, err
		}
		if s.Tenant != "" {
			m.failed[s.Tenant] = true
		}
		return plan.Base{}, errors.New("broken")
	}
	return m.put(r.Address, s, "deployed", s.To)
}

func (m *model) enter(r plan.Release, s plan.Step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.protected(s)
	if m.foreign[r.Address] {
		m.fault("%s was touched although someone else changed it", r.Address)
	}
	if s.Tenant == "" {
		if len(m.turns) > 0 {
			m.fault("the system moved together with tenants")
		}
		if m.versions["schema"] != s.To {
			m.fault("the system was upgraded on an old schema")
		}
		return
	}
	if m.versions["system"] != "2" {
		m.fault("%s moved before the system", r.Address)
	}
}

// event follows the turns of tenants: from a first step to a verified end, a
// failure, or the end of the way back from it.
func (m *model) event(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := e.Step
	if s.Kind == plan.StepSoak && e.Type == StepFailed {
		m.sunk[s.Wave] = true
	}
	if s.Tenant == "" {
		return
	}
	for wave := range m.sunk {
		if e.Type == StepStart && s.Wave > wave {
			m.fault("%s moved after the soak of wave %s failed", s.Tenant, wave)
		}
	}
	switch e.Type {
	case StepStart:
		m.turns[s.Tenant] = s.Wave
	case StepDone:
		if s.Kind == plan.StepVerify || s.Kind == plan.StepUninstall && (strings.Contains(s.Address, "companion") || !m.hasCompanion(s.Tenant)) {
			delete(m.turns, s.Tenant)
		}
	case StepFailed, RolledBack:
		delete(m.turns, s.Tenant)
	}
	perWave := map[string]int{}
	for _, wave := range m.turns {
		perWave[wave]++
	}
	if len(m.turns) > m.doc.Rollout.MaxParallel || s.Wave != "" && perWave[s.Wave] > m.doc.Rollout.WaveParallel[s.Wave] {
		m.fault("%d tenants at a time, %d allowed, %d of wave %s", len(m.turns), m.doc.Rollout.MaxParallel, m.doc.Rollout.WaveParallel[s.Wave], s.Wave)
	}
	if len(perWave) > 1 {
		m.fault("two waves at the same time: %v", m.turns)
	}
}

func (m *model) hasCompanion(tenant string) bool {
	return slices.ContainsFunc(m.doc.Releases, func(r plan.Release) bool { return r.Address == tenant+".companion.x" })
}

func (m *model) Rollback(_ context.Context, r plan.Release, s plan.Step, _ Report) (plan.Base, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Address == "system" && m.versions["schema"] != r.From {
		m.fault("the system went back although the schema moved")
	}
	l := m.live[r.Address]
	switch {
	case l.base() == r.Base || l.step == s.ID && l.status == "deployed":
		return l.base(), nil
	case l.status == "pending":
		if !m.alive() {
			return plan.Base{}, errKilled
		}
		l.status = "failed"
	}
	return m.put(r.Address, s, "deployed", r.From)
}

// randomPlan draws a plan of two versions with waves, companions and budgets.
func randomPlan(t *rapid.T) *plan.Document {
	doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{
		MaxParallel: rapid.IntRange(1, 4).Draw(t, "parallel"), WaveParallel: map[string]int{},
		MaxFailures: rapid.IntRange(0, 3).Draw(t, "budget"),
		OnFailure:   rapid.SampledFrom([]string{"rollback", "stop", "continue"}).Draw(t, "on_failure"), SystemFailure: "stop",
		Checks: map[string]plan.Check{
			"well": {On: "tenant", Interval: "15s", Timeout: "40s", Retries: rapid.IntRange(0, 2).Draw(t, "retries")},
			"calm": {On: "wave", Interval: "20s", Timeout: "1m"},
		},
	}}
	leaving := randomLeaving(t, doc)
	doc.Releases = append(doc.Releases, plan.Release{Address: "system", From: "1", To: "2", Action: plan.Upgrade, Reversibility: plan.RestoreRequired, Base: plan.Base{Revision: 1}})
	doc.Steps = append(doc.Steps,
		plan.Step{ID: "system/0/migrate", Kind: plan.StepMigrate, Address: "system", From: "1", To: "2", Needs: leaving},
		plan.Step{ID: "system/0/upgrade", Kind: plan.StepUpgrade, Address: "system", From: "1", To: "2", Needs: []string{"system/0/migrate"}})
	needs := []string{"system/0/upgrade"}
	for w := range rapid.IntRange(1, 3).Draw(t, "waves") {
		wave := fmt.Sprint("w", w)
		doc.Rollout.WaveParallel[wave] = rapid.IntRange(1, 6).Draw(t, "wave parallel")
		gate := plan.Step{ID: wave + "/gate", Kind: plan.StepGate, Wave: wave, Needs: needs}
		doc.Steps = append(doc.Steps, gate)
		needs = []string{"system/0/upgrade"}
		for i := range rapid.IntRange(1, 5).Draw(t, "tenants") {
			address := fmt.Sprintf("tenant.%s-%d", wave, i)
			last := gate.ID
			for _, a := range []string{address + ".companion.x", address} {
				if a != address && rapid.Bool().Draw(t, "no companion") {
					continue
				}
				doc.Releases = append(doc.Releases, plan.Release{Address: a, Slug: address, Wave: wave, From: "1", To: "2", Action: plan.Upgrade, Reversibility: plan.Reversible, Base: plan.Base{Revision: 1}})
				doc.Steps = append(doc.Steps, plan.Step{ID: a + "/0/upgrade", Kind: plan.StepUpgrade, Address: a, Tenant: address, Wave: wave, From: "1", To: "2", Needs: []string{last}})
				last = a + "/0/upgrade"
			}
			doc.Steps = append(doc.Steps, plan.Step{ID: address + "/0/verify", Kind: plan.StepVerify, Address: address, Tenant: address, Wave: wave, Settle: "2s", Checks: []string{"well"}, Needs: []string{last}})
			needs = append(needs, address+"/0/verify")
		}
		if rapid.Bool().Draw(t, "soak") {
			soak := plan.Step{ID: wave + "/soak", Kind: plan.StepSoak, Address: "wave." + wave, Wave: wave, Settle: "1m", Checks: []string{"well", "calm"}, Needs: append([]string{gate.ID}, needs[1:]...)}
			doc.Steps = append(doc.Steps, soak)
			needs = append(needs, soak.ID)
		}
	}
	randomSnapshots(t, doc)
	return doc
}

// randomLeaving draws tenants that leave, and returns the ends of their turns.
func randomLeaving(t *rapid.T, doc *plan.Document) []string {
	var ends []string
	for i := range rapid.IntRange(0, 2).Draw(t, "leaving") {
		address := fmt.Sprintf("tenant.gone-%d", i)
		last := []string{}
		for _, a := range []string{address, address + ".companion.x"} {
			if a != address && rapid.Bool().Draw(t, "no companion") {
				continue
			}
			doc.Releases = append(doc.Releases, plan.Release{Address: a, Slug: address, From: "1", Action: plan.Uninstall, Reversibility: plan.ForwardOnly, Base: plan.Base{Revision: 1}})
			doc.Steps = append(doc.Steps, plan.Step{ID: a + "/0/uninstall", Kind: plan.StepUninstall, Address: a, Tenant: address, From: "1", Needs: last})
			last = []string{a + "/0/uninstall"}
		}
		ends = append(ends, last...)
	}
	return ends
}

// Whatever the plan and whatever fails: the system goes first, width and waves
// hold, nothing foreign is touched, the budget is kept, and the result says of
// every release what became of it.
func TestRunProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := randomPlan(t)
		m := newModel(doc)
		for _, r := range doc.Releases {
			switch rapid.IntRange(0, 9).Draw(t, "fate of "+r.Address) {
			case 0:
				m.broken[r.Address] = true
			case 1:
				m.foreign[r.Address] = true
			case 2:
				m.broken["snapshot of "+r.Address] = true
			case 3:
				m.sick[r.Address] = true
			case 4:
				m.faint[r.Address] = true
			}
		}
		m.broken["migration"] = rapid.IntRange(0, 9).Draw(t, "migration") == 0

		result := m.runToTheEnd(t)
		if len(m.faults) > 0 {
			t.Fatalf("%s\n%s", strings.Join(m.faults, "\n"), journalText(m.entries))
		}
		checkBudget(t, doc, m, result)
		checkAccount(t, doc, m, result)
		checkEnd(t, m, result)
		checkPoints(t, m)
		checkRecount(t, m, result)
	})
}

// runToTheEnd runs the plan, killed at random instants and taken up again, until
// it comes to an end by itself.
func (m *model) runToTheEnd(t *rapid.T) *Result {
	for kills := rapid.IntRange(0, 4).Draw(t, "kills"); ; kills-- {
		m.killAt, m.instants, m.turns = 0, 0, map[string]string{}
		if kills > 0 {
			m.killAt = rapid.IntRange(1, 60).Draw(t, "killed at")
		}
		r := &Runner{Plan: m.doc, Releases: m, Snapshots: m, Checks: m, Journal: m, Clock: instant{}, RunID: "r", Events: m.event, Past: slices.Clone(m.entries)}
		result, err := r.Run(context.Background())
		if m.killAt > 0 && m.instants >= m.killAt {
			continue // what a dead program says counts for nothing
		}
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
}

// checkEnd holds what must be true once a run has ended, however often it was
// killed.
func checkEnd(t *rapid.T, m *model, result *Result) {
	for address, l := range m.live {
		if l.status == "pending" {
			t.Fatalf("%s was left pending", address)
		}
	}
	if m.versions["schema"] == "2" && m.migrated != 1 {
		t.Fatalf("the migration ran %d times", m.migrated)
	}
	last := m.entries[len(m.entries)-1]
	if last.Kind != Ended {
		t.Fatalf("the journal ends with %v", last)
	}
}

func checkBudget(t *rapid.T, doc *plan.Document, m *model, result *Result) {
	most := doc.Rollout.MaxFailures
	if doc.Rollout.OnFailure == "stop" {
		most = 0
	}
	// Tenants already in flight when the budget is spent may fail too.
	failures := len(m.failed)
	if failures > most+doc.Rollout.MaxParallel {
		t.Fatalf("%d tenants failed, budget %d, width %d", failures, most, doc.Rollout.MaxParallel)
	}
	if failures > most && result.Stopped == "" {
		t.Fatalf("%d tenants failed, and the run says that it went to the end", failures)
	}
}

func checkAccount(t *rapid.T, doc *plan.Document, m *model, result *Result) {
	upgraded, uninstalled := 0, 0
	for _, r := range doc.Releases {
		live := m.versions[r.Address]
		told := slices.Contains(result.NotStarted, r.Address) || slices.Contains(result.RolledBack, r.Address)
		for _, f := range result.Failed {
			told = told || f.Step.Address == r.Address
		}
		for _, f := range result.Quarantined {
			told = told || f.Step.Address == r.Address
		}
		switch {
		case live == "2":
			upgraded++
		case live == "":
			uninstalled++
		case !told:
			t.Fatalf("%s is still at %s, and the result does not say why: %+v", r.Address, live, result)
		}
		if live == r.To && slices.Contains(result.NotStarted, r.Address) {
			t.Fatalf("%s has arrived and is said not to have started\n%s", r.Address, journalText(m.entries))
		}
	}
	if upgraded != result.Upgraded || uninstalled != result.Uninstalled {
		t.Fatalf("%d upgraded, %d uninstalled, the result says %d: %+v, %v, %s", upgraded, uninstalled, result.Upgraded, result, m.versions, journalText(m.entries))
	}
	well := len(m.sunk) == 0
	for _, r := range doc.Releases {
		well = well && (r.Action == plan.Uninstall || !m.sick[r.Slug])
	}
	if result.OK() && !well {
		t.Fatalf("OK although checks failed: sick %v, sunk %v", m.sick, m.sunk)
	}
	if result.OK() != (well && upgraded+uninstalled == len(doc.Releases)) && len(m.faint) == 0 {
		t.Fatalf("OK = %v with %d of %d there", result.OK(), upgraded+uninstalled, len(doc.Releases))
	}
}

func TestFailedMigrationTouchesNothing(t *testing.T) {
	t.Parallel()
	doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{MaxParallel: 1, OnFailure: "rollback"},
		Releases: []plan.Release{{Address: "system", From: "1", To: "2", Action: plan.Upgrade}},
		Steps: []plan.Step{
			{ID: "m", Kind: plan.StepMigrate, Address: "system", From: "1", To: "2"},
			{ID: "u", Kind: plan.StepUpgrade, Address: "system", From: "1", To: "2", Needs: []string{"m"}},
		}}
	m := &model{doc: doc, versions: map[string]string{"system": "1", "schema": "1"}, broken: map[string]bool{"migration": true}, turns: map[string]string{}, live: map[string]*revision{}}
	var types []EventType
	r := &Runner{Plan: doc, Releases: m, Snapshots: m, Journal: m, Clock: instant{}, Events: func(e Event) { types = append(types, e.Type) }}
	result, err := r.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := []EventType{StepStart, StepLog, StepFailed, Stopping, StepSkipped}; !slices.Equal(types, want) {
		t.Errorf("events = %v, want %v", types, want)
	}
	if m.versions["system"] != "1" || result.OK() || len(result.Failed) != 1 || len(result.NotStarted) != 0 {
		t.Errorf("system at %s, result %+v", m.versions["system"], result)
	}
}

func TestRefuseStaleStartsNothing(t *testing.T) {
	t.Parallel()
	doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{MaxParallel: 1},
		Releases: []plan.Release{{Address: "system", To: "2", Action: plan.Install}},
		Steps:    []plan.Step{{ID: "i", Kind: plan.StepInstall, Address: "system", To: "2"}}}
	m := &model{doc: doc, foreign: map[string]bool{"system": true}}
	r := &Runner{Plan: doc, Releases: m, Snapshots: m, Journal: m, Clock: instant{}, RefuseStale: true, Events: func(e Event) { t.Errorf("event %v", e) }}
	_, err := r.Run(context.Background())
	var stale *StaleError
	if !errors.As(err, &stale) {
		t.Fatalf("Run = %v, want a StaleError", err)
	}
}

func TestInterruptStartsNothingMore(t *testing.T) {
	t.Parallel()
	interrupt := make(chan struct{})
	doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{MaxParallel: 1},
		Releases: []plan.Release{{Address: "system", To: "2", Action: plan.Install}, {Address: "tenant.a", To: "2", Action: plan.Install}},
		Steps: []plan.Step{
			{ID: "i", Kind: plan.StepInstall, Address: "system", To: "2"},
			{ID: "a", Kind: plan.StepInstall, Address: "tenant.a", Tenant: "tenant.a", To: "2", Needs: []string{"i"}},
		}}
	m := &waitFor{model: &model{doc: doc, versions: map[string]string{"schema": "2"}, turns: map[string]string{}, live: map[string]*revision{}}, stopping: make(chan struct{})}
	r := &Runner{Plan: doc, Releases: m, Snapshots: m, Journal: m, Clock: instant{}, Interrupt: interrupt, Events: func(e Event) {
		switch e.Type {
		case StepStart:
			close(interrupt)
		case Stopping:
			close(m.stopping)
		}
	}}
	result, err := r.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m.versions["system"] != "2" || !slices.Equal(result.NotStarted, []string{"tenant.a"}) || result.Stopped != "interrupted" {
		t.Errorf("system at %q, result %+v", m.versions["system"], result)
	}
}

// waitFor finishes an upgrade only once the run is stopping.
type waitFor struct {
	*model
	stopping chan struct{}
}

func (w *waitFor) Upgrade(ctx context.Context, r plan.Release, s plan.Step, report Report) (plan.Base, error) {
	<-w.stopping
	return w.model.Upgrade(ctx, r, s, report)
}

func journalText(entries []Entry) string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprint(e.Kind, " ", e.Step, " ", e.Address, " ", e.Message))
	}
	return strings.Join(lines, "\n")
}
