package view

import (
	"slices"

	"github.com/soctalk/fleet/plan"
)

// stage is what a plan does at a time: a hop of the system, or the turns of the
// tenants of a wave, both within one phase.
type stage struct {
	phase int
	// wave is empty for the system, and for tenants in no wave.
	wave string
	// own are the steps of the system, or the gate and the soak of a wave.
	own   []*plan.Step
	turns []*turn
}

// turn is all steps of one tenant in one stage.
type turn struct {
	address string
	steps   []*plan.Step
}

// findStages sorts the steps into stages, in the order of the document.
func (x *planIndex) findStages() {
	type key struct {
		phase  int
		wave   string
		tenant bool
	}
	waves, turns := map[key]*stage{}, map[*stage]map[string]*turn{}
	var last *stage // that a step went into
	for i := range x.doc.Steps {
		s := &x.doc.Steps[i]
		var st *stage
		if s.Wave == "" && s.Tenant == "" {
			// The system has several stages, with tenants in between.
			if last != nil && last.system() && last.phase == s.Phase {
				st = last
			}
		} else {
			st = waves[key{s.Phase, s.Wave, s.Wave == ""}]
		}
		if st == nil {
			st = &stage{phase: s.Phase, wave: s.Wave}
			x.stages = append(x.stages, st)
			if s.Wave != "" || s.Tenant != "" {
				waves[key{s.Phase, s.Wave, s.Wave == ""}] = st
				turns[st] = map[string]*turn{}
			}
		}
		last = st
		x.stageOf[s] = st
		if s.Tenant == "" {
			st.own = append(st.own, s)
			continue
		}
		t := turns[st][s.Tenant]
		if t == nil {
			t = &turn{address: s.Tenant}
			turns[st][s.Tenant] = t
			st.turns = append(st.turns, t)
		}
		t.steps = append(t.steps, s)
	}
}

// system reports whether a stage is the system's.
func (st *stage) system() bool { return st.wave == "" && len(st.turns) == 0 }

// traits are what the steps of a stage have in common, or add up to.
type traits struct {
	// ways are how the tenants' versions change, with how many do so.
	ways            []way
	snapshots       int
	settle, soak    string
	approve         bool
	checks, windows []string
}

type way struct {
	text    string
	tenants int
}

func (st *stage) traits() traits {
	var t traits
	note := func(s *plan.Step) {
		for _, c := range s.Checks {
			t.checks = addOnce(t.checks, clean(c))
		}
		if s.Window != "" {
			t.windows = addOnce(t.windows, s.Window)
		}
	}
	for _, s := range st.own {
		note(s)
		t.approve = t.approve || s.Approve
		if s.Kind == plan.StepSoak {
			t.soak = s.Settle
		}
	}
	at := map[string]int{}
	for _, turn := range st.turns {
		for _, s := range turn.steps {
			note(s)
			if s.Kind == plan.StepSnapshot {
				t.snapshots++
			}
			if lasts(s.Settle) {
				t.settle = s.Settle
			}
		}
		text := turn.way()
		if text == "" {
			continue
		}
		if _, known := at[text]; !known {
			at[text] = len(t.ways)
			t.ways = append(t.ways, way{text: text})
		}
		t.ways[at[text]].tenants++
	}
	slices.SortStableFunc(t.ways, func(a, b way) int { return b.tenants - a.tenants })
	return t
}

// way says how the version of the tenant's main release changes; empty when it
// does not.
func (t *turn) way() string {
	text := ""
	for _, s := range t.steps {
		if s.Address != t.address {
			continue
		}
		switch s.Kind {
		case plan.StepInstall:
			text = "install " + clean(s.To)
		case plan.StepUninstall:
			text = "uninstall " + clean(s.From)
		case plan.StepUpgrade, plan.StepRollback:
			switch {
			case s.From == s.To && text == "":
				text = clean(s.To) + " in place"
			case text == "":
				text = clean(s.From) + " → " + clean(s.To)
			default:
				text += " → " + clean(s.To)
			}
		}
	}
	return text
}

// kind is that of the step by which a tenant's turn is known.
func (t *turn) kind() plan.StepKind {
	for _, s := range t.steps {
		if s.Address == t.address && changes(s.Kind) {
			return s.Kind
		}
	}
	return t.steps[0].Kind
}

// changes reports whether a step of this kind changes what is live.
func changes(k plan.StepKind) bool {
	return slices.Contains([]plan.StepKind{plan.StepCRDs, plan.StepMigrate, plan.StepUpgrade, plan.StepInstall, plan.StepUninstall, plan.StepRollback, plan.StepRestore}, k)
}

// lasts reports whether a duration is one.
func lasts(d string) bool { return d != "" && d != "0s" }

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
