package apply

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/plan"
	"pgregory.net/rapid"
)

// pair is a version of the system and one of a tenant.
type pair struct{ system, tenant string }

// journey is a cluster on which releases make several hops. It knows which pairs
// of versions may be live at the same time, which is no more than its plan has
// to pass through, and looks at all of them whenever anything changes.
type journey struct {
	*model
	allowed map[pair]bool
	// mixed are the versions that releases are on their way to: until they have
	// arrived or are back, pods of both may be live.
	mixed map[string]string
	// was are the versions of past revisions, by address.
	was map[string]map[int]string
	// fails are steps that do, and sick the versions of tenants that no check
	// passes.
	fails map[string]bool
	sick  map[string]string
	// busy are the tenants that something is being done to, by wave.
	busy map[string]string
	jobs map[string]int // migrations, by step
	// data are the versions that tenants' data are of: a hop that only a restore
	// takes back moves them. kept are those of snapshots, by step.
	data, kept map[string]string
}

func newJourney(doc *plan.Document, allowed map[pair]bool) *journey {
	j := &journey{model: newModel(doc), allowed: allowed, mixed: map[string]string{}, was: map[string]map[int]string{}, fails: map[string]bool{}, sick: map[string]string{}, busy: map[string]string{}, jobs: map[string]int{}, data: map[string]string{}, kept: map[string]string{}}
	for _, r := range doc.Releases {
		j.was[r.Address] = map[int]string{r.Base.Revision: r.From}
		j.data[r.Address] = r.From
	}
	return j
}

// suits says whether the data of a tenant are those of a version of its way.
func (j *journey) suits(r plan.Release, version string) bool {
	i := slices.IndexFunc(j.doc.Releases, func(x plan.Release) bool { return x.Address == r.Address })
	path := j.doc.Releases[i].Path
	of := path[0].From
	for _, leg := range path {
		if leg.From == version {
			break
		}
		if leg.Reversibility == plan.RestoreRequired {
			of = leg.To
		}
	}
	return j.data[r.Address] == of
}

// look holds the pairs that are live against those that may be.
func (j *journey) look(when string) {
	versions := func(address string) []string {
		all := []string{j.versions[address]}
		if to := j.mixed[address]; to != "" {
			all = append(all, to)
		}
		return all
	}
	for _, r := range j.doc.Releases {
		if r.Address == "system" {
			continue
		}
		for _, system := range versions("system") {
			for _, tenant := range versions(r.Address) {
				if !j.allowed[pair{system, tenant}] {
					j.fault("%s: system %s is live beside %s %s", when, system, r.Address, tenant)
				}
			}
		}
	}
}

// begin notes that a release is touched, and end that it is not any more.
func (j *journey) begin(s plan.Step, to string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s.Tenant == "" && len(j.busy) > 0 || s.Tenant != "" && j.busy[""] != "" {
		j.fault("%s while %v is at work", s.ID, j.busy)
	}
	j.busy[s.Tenant] = s.Wave + "."
	waves := map[string]bool{}
	for _, wave := range j.busy {
		waves[wave] = true
	}
	if len(j.busy) > j.doc.Rollout.MaxParallel || len(waves) > 1 {
		j.fault("%s: %d at a time, %d allowed, in waves %v", s.ID, len(j.busy), j.doc.Rollout.MaxParallel, waves)
	}
	if to != "" {
		j.mixed[s.Address] = to
	}
	j.look("at the beginning of " + s.ID)
}

func (j *journey) end(s plan.Step) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.busy, s.Tenant)
	j.look("at the end of " + s.ID)
}

// reach makes a revision.
func (j *journey) reach(address string, s plan.Step, status, version string) (plan.Base, error) {
	base, err := j.put(address, s, status, version)
	if l := j.live[address]; l.step == s.ID && l.status == status {
		j.was[address][l.number] = version
		if status == "deployed" {
			delete(j.mixed, address)
		}
	}
	return base, err
}

func (j *journey) Migrate(_ context.Context, _ plan.Release, s plan.Step, open bool, _ Report) error {
	j.begin(s, "")
	defer j.end(s)
	runtime.Gosched()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !open || j.jobs[s.ID] == 0 {
		if !j.alive() {
			return errKilled
		}
		j.jobs[s.ID]++
	}
	if j.fails[s.ID] {
		j.jobs[s.ID] = 0 // the next attempt deletes the Job
		return errors.New("migration failed")
	}
	j.versions["schema"] = s.To
	if !j.alive() {
		return errKilled
	}
	return nil
}

func (j *journey) Upgrade(_ context.Context, r plan.Release, s plan.Step, _ Report) (plan.Base, error) {
	j.begin(s, s.To)
	defer j.end(s)
	runtime.Gosched()
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.foreign[r.Address]:
		j.fault("%s was touched although someone else changed it", r.Address)
	case j.versions[r.Address] != s.From:
		j.fault("%s: %s is at %s", s.ID, r.Address, j.versions[r.Address])
	case j.live[r.Address].base() != r.Base:
		j.fault("%s: from %v, and it is at %v", s.ID, r.Base, j.live[r.Address].base())
	case s.Tenant == "" && slices.ContainsFunc(j.doc.Steps, func(m plan.Step) bool { return m.Kind == plan.StepMigrate && m.Hop == s.Hop }) && j.versions["schema"] != s.To:
		j.fault("%s on schema %s", s.ID, j.versions["schema"])
	}
	if r.Path[s.Hop].Reversibility == plan.RestoreRequired {
		j.data[r.Address] = s.To
	}
	if j.fails[s.ID] {
		if _, err := j.reach(r.Address, s, "failed", j.versions[r.Address]); err != nil {
			return plan.Base{}, err
		}
		j.failed[s.Tenant] = s.Tenant != ""
		return plan.Base{}, errors.New("it did not get ready")
	}
	return j.reach(r.Address, s, "deployed", s.To)
}

func (j *journey) Rollback(_ context.Context, r plan.Release, s plan.Step, _ Report) (plan.Base, error) {
	to := j.was[r.Address][r.Base.Revision]
	j.begin(s, to)
	defer j.end(s)
	runtime.Gosched()
	j.mu.Lock()
	defer j.mu.Unlock()
	if s.Tenant != "" && !j.suits(r, to) {
		j.fault("%s: %s goes back to %s, and its data are of %s", s.ID, r.Address, to, j.data[r.Address])
	}
	l := j.live[r.Address]
	switch {
	case l.base() == r.Base || l.step == s.ID && l.status == "deployed":
		delete(j.mixed, r.Address)
		return l.base(), nil
	case l.status == "pending":
		if !j.alive() {
			return plan.Base{}, errKilled
		}
		l.status = "failed"
	}
	if s.Tenant == "" {
		clear(j.jobs) // a hop that is made again migrates again
	}
	return j.reach(r.Address, s, "deployed", to)
}

func (j *journey) Take(_ context.Context, r plan.Release, s plan.Step, _ Report) error {
	j.begin(s, "")
	defer j.end(s)
	runtime.Gosched()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mixed[r.Address] != "" {
		j.fault("%s: %s was saved while it moved", s.ID, r.Address)
	}
	if !j.alive() {
		return errKilled
	}
	if j.fails[s.ID] {
		j.failed[s.Tenant] = s.Tenant != ""
		return errors.New("snapshot failed")
	}
	j.kept[s.ID] = j.data[r.Address]
	return nil
}

func (j *journey) Needed(context.Context, plan.Step) (bool, error) { return true, nil }

func (j *journey) ScaleUp(context.Context, plan.Step, Report) error { return nil }

func (j *journey) BringBack(_ context.Context, s plan.Step, _ Report) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.alive() {
		return errKilled
	}
	j.data[s.Address] = j.kept[s.ID]
	return nil
}

func (j *journey) Probe(_ context.Context, q Question) Answer {
	j.mu.Lock()
	defer j.mu.Unlock()
	if v := j.sick[q.Address]; v != "" && j.versions[q.Address] == v {
		j.failed[q.Address] = true
		return Answer{Found: "sick"}
	}
	return Answer{OK: true, Found: "well"}
}

// randomJourney draws a plan of several hops of the system and of tenants, and the
// pairs that it has to pass through.
func randomJourney(t *rapid.T) (*plan.Document, map[pair]bool) {
	doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{
		MaxParallel: rapid.IntRange(1, 4).Draw(t, "parallel"), WaveParallel: map[string]int{},
		MaxFailures:   rapid.IntRange(0, 3).Draw(t, "budget"),
		OnFailure:     rapid.SampledFrom([]string{"rollback", "restore", "stop", "continue"}).Draw(t, "on_failure"),
		SystemFailure: rapid.SampledFrom([]string{"rollback", "stop"}).Draw(t, "system_on_failure"),
		Checks:        map[string]plan.Check{"well": {On: "tenant", Interval: "15s", Timeout: "40s"}},
	}}
	system := plan.Release{Address: "system", From: "s0", Action: plan.Upgrade, Base: plan.Base{Revision: 1}}
	var tenants []plan.Release
	for w := range rapid.IntRange(1, 2).Draw(t, "waves") {
		wave := fmt.Sprint("w", w)
		doc.Rollout.WaveParallel[wave] = rapid.IntRange(1, 4).Draw(t, "wave parallel")
		for i := range rapid.IntRange(1, 3).Draw(t, "tenants") {
			address := fmt.Sprintf("tenant.%s-%d", wave, i)
			tenants = append(tenants, plan.Release{Address: address, Slug: address, Wave: wave, From: "t0", Action: plan.Upgrade, Base: plan.Base{Revision: 1}})
		}
	}
	allowed := map[pair]bool{{"s0", "t0"}: true}
	now, at := "s0", map[string]int{}
	var last, ends []string
	add := func(s plan.Step, needs ...string) {
		s.Needs = slices.Clone(needs)
		doc.Steps = append(doc.Steps, s)
		last = []string{s.ID}
	}
	hop := func(r *plan.Release, s plan.Step, to string) {
		reversible := rapid.SampledFrom([]plan.Reversibility{plan.Reversible, plan.Reversible, plan.RestoreRequired}).Draw(t, "verdict of "+s.ID)
		r.Path = append(r.Path, plan.Leg{From: s.From, To: to, Phase: s.Phase, Reversibility: reversible})
		r.To, r.Reversibility = to, reversible
	}
	for phase := range rapid.IntRange(1, 4).Draw(t, "phases") {
		if phase > 0 || rapid.Bool().Draw(t, "the system begins") {
			s := plan.Step{Address: "system", Phase: phase, Hop: len(system.Path), From: now, To: fmt.Sprint("s", phase+1)}
			needs := append(last, ends...)
			if rapid.Bool().Draw(t, "by a Job") {
				s.Kind, s.ID = plan.StepMigrate, plan.StepID("system", s.Hop, plan.StepMigrate)
				add(s, needs...)
				needs = last
			}
			s.Kind, s.ID = plan.StepUpgrade, plan.StepID("system", s.Hop, plan.StepUpgrade)
			add(s, needs...)
			hop(&system, s, s.To)
			now, ends = s.To, nil
			for _, r := range tenants {
				allowed[pair{now, fmt.Sprint("t", at[r.Address])}] = true
			}
		}
		settled, wave, gate := last, "", ""
		var turns []string
		for i := range tenants {
			r := &tenants[i]
			hops := rapid.IntRange(0, 2).Draw(t, "hops of "+r.Address)
			if hops == 0 {
				continue
			}
			if r.Wave != wave {
				wave, gate = r.Wave, plan.StepID("wave."+r.Wave, phase, plan.StepGate)
				add(plan.Step{ID: gate, Kind: plan.StepGate, Address: "wave." + r.Wave, Wave: r.Wave, Phase: phase}, append(slices.Clone(settled), turns...)...)
			}
			last = []string{gate}
			if rapid.Bool().Draw(t, "saved") {
				id := plan.StepID(r.Address, len(r.Path), plan.StepSnapshot)
				add(plan.Step{ID: id, Kind: plan.StepSnapshot, Driver: "pg_dump", Address: r.Address, Tenant: r.Address, Wave: r.Wave, Phase: phase, Hop: len(r.Path)}, last...)
			}
			for range hops {
				s := plan.Step{ID: plan.StepID(r.Address, len(r.Path), plan.StepUpgrade), Kind: plan.StepUpgrade, Address: r.Address, Tenant: r.Address, Wave: r.Wave, Phase: phase, Hop: len(r.Path), From: fmt.Sprint("t", at[r.Address])}
				at[r.Address]++
				s.To = fmt.Sprint("t", at[r.Address])
				add(s, last...)
				hop(r, s, s.To)
				allowed[pair{now, s.To}] = true
			}
			add(plan.Step{ID: plan.StepID(r.Address, phase, plan.StepVerify), Kind: plan.StepVerify, Address: r.Address, Tenant: r.Address, Wave: r.Wave, Phase: phase, Settle: "2s", Checks: []string{"well"}}, last...)
			turns = append(turns, last...)
		}
		ends = append(ends, turns...)
		last = settled
	}
	for _, r := range append([]plan.Release{system}, tenants...) {
		if len(r.Path) == 0 {
			r.Action, r.To = plan.Unchanged, r.From
		}
		doc.Releases = append(doc.Releases, r)
	}
	return doc, allowed
}

// draw decides what goes wrong.
func (j *journey) draw(t *rapid.T) {
	for _, s := range j.doc.Steps {
		if s.Kind != plan.StepGate && s.Kind != plan.StepVerify && rapid.IntRange(0, 14).Draw(t, "fate of "+s.ID) == 0 {
			j.fails[s.ID] = true
		}
	}
	for _, r := range j.doc.Releases {
		if r.Action == plan.Unchanged {
			continue
		}
		switch rapid.IntRange(0, 14).Draw(t, "fate of "+r.Address) {
		case 0:
			j.foreign[r.Address] = true
		case 1:
			j.sick[r.Address] = r.Path[rapid.IntRange(0, len(r.Path)-1).Draw(t, "sick at")].To
		}
	}
}

// travel runs the plan, killed at random instants and taken up again, until it
// comes to an end by itself.
func (j *journey) travel(t *rapid.T, kills int) *Result {
	for ; ; kills-- {
		j.killAt, j.instants, j.turns, j.busy = 0, 0, map[string]string{}, map[string]string{}
		if kills > 0 {
			j.killAt = rapid.IntRange(1, 60).Draw(t, "killed at")
		}
		r := &Runner{Plan: j.doc, Releases: j, Snapshots: j, Checks: j, Journal: j, Clock: instant{}, RunID: "r", Events: j.event, Past: slices.Clone(j.entries)}
		result, err := r.Run(context.Background())
		switch {
		case j.killAt > 0 && j.instants >= j.killAt:
			continue // what a dead program says counts for nothing
		case err != nil:
			t.Fatal(err)
		}
		return result
	}
}

// Whatever the plan, whatever fails and wherever the program dies: no two versions
// are ever live together that must not be, the system and tenants do not move at
// the same time, and width, waves and budget hold. What went wrong is mended
// then, and the same run comes to its end.
func TestJourneyProperties(t *testing.T) {
	t.Parallel()
	var whole, mended, back, hops int
	defer func() {
		t.Logf("%d whole at once, %d mended, %d releases went back, %d hops", whole, mended, back, hops)
	}()
	rapid.Check(t, func(t *rapid.T) {
		doc, allowed := randomJourney(t)
		if len(doc.Steps) == 0 {
			t.Skip()
		}
		j := newJourney(doc, allowed)
		j.draw(t)
		hold := func(result *Result) {
			if len(j.faults) > 0 {
				t.Fatalf("%s\n%s", strings.Join(j.faults, "\n"), journalText(j.entries))
			}
			for address, l := range j.live {
				if l.status == "pending" {
					t.Fatalf("%s was left pending", address)
				}
			}
			for step, n := range j.jobs {
				if n > 1 {
					t.Fatalf("%s ran %d times", step, n)
				}
			}
			checkBudget(t, doc, j.model, result)
			j.account(t, result)
		}
		result := j.travel(t, rapid.IntRange(0, 4).Draw(t, "kills"))
		hold(result)
		back += len(result.RolledBack)
		for _, r := range doc.Releases {
			hops += len(r.Path)
		}
		if result.OK() {
			whole++
			return
		}
		clear(j.fails)
		clear(j.sick)
		clear(j.failed)
		again := j.travel(t, rapid.IntRange(0, 2).Draw(t, "kills in the second attempt"))
		hold(again)
		if len(j.foreign) == 0 && !again.OK() {
			t.Fatalf("everything was mended, and the run does not come to its end: %+v\n%s", again, journalText(j.entries))
		}
		mended++
	})
}

// account holds what the run says of releases against where they are.
func (j *journey) account(t *rapid.T, result *Result) {
	arrived := true
	for _, r := range j.doc.Releases {
		live := j.versions[r.Address]
		arrived = arrived && live == r.To && j.mixed[r.Address] == ""
		if live == r.To || r.Action == plan.Unchanged {
			continue
		}
		told := slices.Contains(result.NotStarted, r.Address) || slices.Contains(result.RolledBack, r.Address) ||
			slices.ContainsFunc(result.Underway, func(u Underway) bool { return u.Address == r.Address && u.At == live })
		for _, f := range result.Failed {
			told = told || f.Step.Address == r.Address
		}
		for _, f := range result.Quarantined {
			told = told || f.Step.Address == r.Address
		}
		if !told {
			t.Fatalf("%s is at %s and not at %s, and the result does not say why: %+v\n%s", r.Address, live, r.To, result, journalText(j.entries))
		}
	}
	if result.OK() != arrived && len(j.sick) == 0 {
		t.Fatalf("OK is %v, and everything has arrived: %v\n%s", result.OK(), arrived, journalText(j.entries))
	}
}

// The checker is not blind: a plan that lets the system move on past a tenant
// that is behind is seen.
func TestJourneySeesForbiddenPairs(t *testing.T) {
	t.Parallel()
	step := func(address string, hop int, from, to string, needs ...string) plan.Step {
		s := plan.Step{ID: plan.StepID(address, hop, plan.StepUpgrade), Kind: plan.StepUpgrade, Address: address, Hop: hop, From: from, To: to, Needs: needs}
		if address != "system" {
			s.Tenant = address
		}
		return s
	}
	doc := &plan.Document{Applyable: true, Rollout: plan.Rollout{MaxParallel: 1, MaxFailures: 1, OnFailure: "continue", SystemFailure: "stop"},
		Releases: []plan.Release{
			{Address: "system", From: "s0", To: "s2", Action: plan.Upgrade, Base: plan.Base{Revision: 1}, Path: []plan.Leg{{From: "s0", To: "s1"}, {From: "s1", To: "s2"}}},
			{Address: "tenant.a", From: "t0", To: "t1", Action: plan.Upgrade, Base: plan.Base{Revision: 1}, Path: []plan.Leg{{From: "t0", To: "t1"}}},
		},
		Steps: []plan.Step{
			step("system", 0, "s0", "s1"),
			step("tenant.a", 0, "t0", "t1", "system/0/upgrade"),
			step("system", 1, "s1", "s2", "system/0/upgrade"), // and not the tenant
		}}
	j := newJourney(doc, map[pair]bool{{"s0", "t0"}: true, {"s1", "t0"}: true, {"s1", "t1"}: true, {"s2", "t1"}: true})
	j.fails["tenant.a/0/upgrade"] = true
	r := &Runner{Plan: doc, Releases: j, Snapshots: j, Checks: j, Journal: j, Clock: instant{}, RunID: "r", Events: func(Event) {}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(j.faults, func(f string) bool { return strings.Contains(f, "system s2 is live beside tenant.a t0") }) {
		t.Errorf("faults %q", j.faults)
	}
}
