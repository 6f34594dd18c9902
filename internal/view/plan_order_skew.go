package view

import (
	"fmt"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// skews places each pair of versions that should not be live for long at the
// hop of the system that brings it about: those that are live already come
// before any, and the rest nowhere.
func (x *planIndex) skews() (at map[*stage][]fact, inherited, unplaced []fact) {
	at = map[*stage][]fact{}
	for _, s := range x.doc.Skews {
		f := fact{weight: weightToKnow, text: skewText(s)}
		if s.Inherited {
			inherited = append(inherited, f)
		} else if st := x.reaches(s.System); st != nil {
			at[st] = append(at[st], f)
		} else {
			unplaced = append(unplaced, f)
		}
	}
	for st := range at {
		at[st] = few(at[st])
	}
	return at, few(inherited), few(unplaced)
}

// few keeps the first pairs, and says how many there are beside.
func few(pairs []fact) []fact {
	if len(pairs) <= mostNames+1 {
		return pairs
	}
	return append(pairs[:mostNames:mostNames], fact{weight: weightToKnow, text: "and " + plural(len(pairs)-mostNames, "more pair") + " of versions"})
}

// reaches is the stage that brings the system to a version; nil for none.
func (x *planIndex) reaches(version string) *stage {
	for _, st := range x.stages {
		if st.system() && slices.ContainsFunc(st.own, func(s *plan.Step) bool {
			return s.To == version && (s.Kind == plan.StepUpgrade || s.Kind == plan.StepInstall)
		}) {
			return st
		}
	}
	return nil
}

func skewText(s plan.Skew) string {
	text := fmt.Sprintf("%s %s beside system %s", tenantsRun(s.Tenants), clean(s.Tenant), clean(s.System))
	why := clean(s.Status)
	if s.Why != "" {
		why += ": " + oneLine(s.Why)
	}
	text += " (" + why + ")"
	if s.Inherited {
		text += " already"
	}
	switch {
	case s.Stays && s.Inherited:
		return text + ", and still will"
	case s.Stays:
		return text + " when all is done"
	case s.Steps > 0:
		return text + " for at most " + plural(s.Steps, "step")
	}
	return text
}

func tenantsRun(n int) string {
	if n == 1 {
		return "1 tenant runs"
	}
	return plural(n, "tenant") + " run"
}

// lag says at each hop of the system which tenants stay behind until their
// turn comes, the skews left out that are told with a reason.
func (x *planIndex) lag() map[*stage][]fact {
	hops := map[int]*stage{} // of the system, by phase
	targets := map[int]string{}
	for _, st := range x.stages {
		for _, s := range st.own {
			if st.system() && s.Kind == plan.StepUpgrade && s.From != s.To {
				hops[st.phase], targets[st.phase] = st, s.To
			}
		}
	}
	told := map[[2]string]bool{}
	for _, s := range x.doc.Skews {
		told[[2]string{s.System, s.Tenant}] = true
	}
	next := map[string]int{} // the first phase after a tenant's last turn
	versions := map[int][]string{}
	tenants := map[int]map[string]int{}
	for _, st := range x.stages {
		for _, t := range st.turns {
			from := t.from()
			if from == "" {
				continue
			}
			for phase := range hops {
				if phase < next[t.address] || phase > st.phase || told[[2]string{targets[phase], from}] {
					continue
				}
				if tenants[phase] == nil {
					tenants[phase] = map[string]int{}
				}
				if tenants[phase][from] == 0 {
					versions[phase] = append(versions[phase], from)
				}
				tenants[phase][from]++
			}
			next[t.address] = st.phase + 1
		}
	}
	facts := map[*stage][]fact{}
	for phase, st := range hops {
		n := 0
		for _, v := range versions[phase] {
			n += tenants[phase][v]
		}
		if n > 0 {
			facts[st] = []fact{{text: fmt.Sprintf("until their turn, %s %s beside system %s", tenantsRun(n), cleanList(versions[phase]), clean(targets[phase]))}}
		}
	}
	return facts
}

// from is the version that a turn takes its tenant away from; empty when it
// does not.
func (t *turn) from() string {
	for _, s := range t.steps {
		if s.Address == t.address && s.Kind == plan.StepUpgrade && s.From != s.To {
			return s.From
		}
	}
	return ""
}
