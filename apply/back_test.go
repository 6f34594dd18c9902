package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/plan"
)

// Return takes a release back, in the model too only from where it is.
func (m *model) Return(_ context.Context, r plan.Release, s plan.Step, _ Report) (plan.Base, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.versions[r.Address] == s.To:
		m.fault("%s went back twice", r.Address)
	case m.live[r.Address].base() != r.Base:
		m.fault("%s went back from %v, it is at %v", r.Address, r.Base, m.live[r.Address].base())
	case s.Tenant == "" && (m.versions["schema"] != s.To || m.versions["api"] != "down"):
		m.fault("the system went back with schema %s, API %s", m.versions["schema"], m.versions["api"])
	}
	return m.put(r.Address, s, "deployed", s.To)
}

// EndMigration deletes the Job.
func (m *model) EndMigration(context.Context, plan.Release) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.job = false
	return nil
}

// BringBack scales the API down and restores the schema, one after the other.
func (m *model) BringBack(_ context.Context, s plan.Step, _ Report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for address, v := range m.versions {
		if strings.HasPrefix(address, "tenant.") && v != "1" {
			m.fault("the database was restored beside %s at %s", address, v)
		}
	}
	if s.Kind == plan.StepRestore && m.versions["system"] != "2" {
		m.fault("the database was restored under a system that was back already")
	}
	for _, change := range [][2]string{{"api", "down"}, {"schema", "1"}} {
		if !m.alive() {
			return errKilled
		}
		m.versions[change[0]] = change[1]
	}
	if !m.alive() {
		return errKilled
	}
	return nil
}

// Needed says whether the schema has moved.
func (m *model) Needed(context.Context, plan.Step) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.versions["schema"] != "1", nil
}

// ScaleUp starts the API again.
func (m *model) ScaleUp(context.Context, plan.Step, Report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.versions["system"] != "1" {
		m.fault("the API was started before the system was back")
	}
	if !m.alive() {
		return errKilled
	}
	m.versions["api"] = "up"
	if !m.alive() {
		return errKilled
	}
	return nil
}

// wayBack takes two tenants and then the system from version 2 to 1.
func wayBack() *plan.Document {
	doc := &plan.Document{Applyable: true, Reverses: &plan.Reverses{Run: "forth"}, Rollout: plan.Rollout{MaxParallel: 1, OnFailure: "continue", SystemFailure: "stop"}}
	back := func(address, tenant string, needs []string) plan.Step {
		doc.Releases = append(doc.Releases, plan.Release{Address: address, From: "2", To: "1", Action: plan.Rollback, Base: plan.Base{Revision: 2}, Path: []plan.Leg{{From: "2", To: "1"}}})
		return plan.Step{ID: plan.StepID(address, 0, plan.StepRollback), Kind: plan.StepRollback, Address: address, Tenant: tenant, From: "2", To: "1", Revision: 1, Needs: needs}
	}
	var ends []string
	for _, tenant := range []string{"tenant.a", "tenant.b"} {
		s := back(tenant, tenant, nil)
		verify := plan.Step{ID: plan.StepID(tenant, 0, plan.StepVerify), Kind: plan.StepVerify, Address: tenant, Tenant: tenant, Settle: "2s", Needs: []string{s.ID}}
		doc.Steps, ends = append(doc.Steps, s, verify), append(ends, verify.ID)
	}
	restore := plan.Step{ID: "system/0/restore/postgres", Kind: plan.StepRestore, Address: "system", Snapshot: "postgres", Driver: "pg_dump", Records: []string{"x"}, Needs: ends}
	system := back("system", "", []string{restore.ID})
	up := plan.Step{ID: plan.StepID("system", 0, plan.StepScaleUp), Kind: plan.StepScaleUp, Address: "system", Records: restore.Records, Needs: []string{system.ID}}
	doc.Steps = append(doc.Steps, restore, system, up)
	return doc
}

// A way back that is killed at any instant, and again at the same distance from
// where it goes on, ends as one that is left alone.
func TestWayBackKilledAnywhere(t *testing.T) {
	t.Parallel()
	for killAt := 0; killAt < 40; killAt++ {
		t.Run(fmt.Sprint(killAt), func(t *testing.T) {
			t.Parallel()
			m := newModel(wayBack())
			m.versions["schema"], m.versions["api"] = "2", "up"
			result := m.goBack(t, killAt)
			if len(m.faults) > 0 {
				t.Fatalf("%s\n%s", strings.Join(m.faults, "\n"), journalText(m.entries))
			}
			for what, want := range map[string]string{"tenant.a": "1", "tenant.b": "1", "system": "1", "schema": "1", "api": "up"} {
				if got := m.versions[what]; got != want {
					t.Errorf("%s is %s, want %s", what, got, want)
				}
			}
			if !result.OK() || result.Returned != 3 || result.Reverses != "forth" {
				t.Errorf("result %+v", result)
			}
		})
	}
}

func (m *model) goBack(t *testing.T, killAt int) *Result {
	for attempt := 0; ; attempt++ {
		m.killAt, m.instants, m.turns = killAt+attempt, 0, map[string]string{}
		if killAt == 0 || attempt > 30 {
			m.killAt = 0
		}
		r := &Runner{Plan: m.doc, Releases: m, Snapshots: m, Journal: m, Clock: instant{}, RunID: "r", Events: m.event, Past: slices.Clone(m.entries)}
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

// A tenant that does not get back holds up the system and no other tenant.
func TestSystemWaitsForTenantsOnTheWayBack(t *testing.T) {
	t.Parallel()
	doc := wayBack()
	doc.Rollout.MaxFailures = 1
	m := &stuck{newModel(doc)}
	r := &Runner{Plan: doc, Releases: m, Snapshots: m, Journal: m, Clock: instant{}, RunID: "r", Events: m.event}
	result, err := r.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m.versions["tenant.b"] != "1" || m.versions["system"] != "2" || len(result.Failed) != 1 || result.Returned != 1 {
		t.Errorf("b at %s, system at %s, result %+v", m.versions["tenant.b"], m.versions["system"], result)
	}
}

// stuck is a cluster on which one tenant does not get back.
type stuck struct{ *model }

func (s *stuck) Return(ctx context.Context, r plan.Release, step plan.Step, report Report) (plan.Base, error) {
	if r.Address == "tenant.a" {
		return plan.Base{}, errors.New("stuck")
	}
	return s.model.Return(ctx, r, step, report)
}

// upgradeOverSchema is a system that moves its schema from 1 to 2, with a
// snapshot before.
func upgradeOverSchema(onFailure string) *plan.Document {
	system := plan.Release{Address: "system", From: "1", To: "2", Action: plan.Upgrade, Reversibility: plan.RestoreRequired, Base: plan.Base{Revision: 1}, Path: []plan.Leg{{From: "1", To: "2", Reversibility: plan.RestoreRequired}}}
	step := func(kind plan.StepKind, needs ...string) plan.Step {
		return plan.Step{ID: plan.StepID("system", 0, kind), Kind: kind, Address: "system", From: "1", To: "2", Needs: needs, Driver: "pg_dump"}
	}
	return &plan.Document{
		Applyable: true, Rollout: plan.Rollout{MaxParallel: 1, SystemFailure: onFailure}, Releases: []plan.Release{system},
		Steps: []plan.Step{step(plan.StepSnapshot), step(plan.StepMigrate, "system/0/snapshot"), step(plan.StepUpgrade, "system/0/migrate")},
	}
}

// A system that does not become ready on a schema that has moved goes back with
// its database where the files say so, wherever it is killed; else it stays.
func TestFailedSystemIsRestored(t *testing.T) {
	t.Parallel()
	for killAt := range 40 {
		for onFailure, want := range map[string]map[string]string{
			"restore":  {"schema": "1", "api": "up", "status": "deployed"},
			"rollback": {"schema": "2", "api": "up", "status": "failed"},
		} {
			t.Run(fmt.Sprint(onFailure, killAt), func(t *testing.T) {
				t.Parallel()
				m := newModel(upgradeOverSchema(onFailure))
				m.broken["system"], m.versions["api"] = true, "up"
				result := m.goBack(t, killAt)
				if len(m.faults) > 0 {
					t.Fatalf("%s\n%s", strings.Join(m.faults, "\n"), journalText(m.entries))
				}
				if got := m.live["system"].status; m.versions["schema"] != want["schema"] || m.versions["api"] != want["api"] || got != want["status"] {
					t.Errorf("schema %s, API %s, release %s, want %v\n%s", m.versions["schema"], m.versions["api"], got, want, journalText(m.entries))
				}
				if back := slices.Contains(result.RolledBack, "system"); back != (onFailure == "restore") || len(result.Failed) != 1 {
					t.Errorf("result %+v", result)
				}
			})
		}
	}
}
