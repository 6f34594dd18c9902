package view

import "github.com/soctalk/fleet/plan"

// proving says what a step does that changes nothing, and has done.
func proving(s plan.Step) (doing, done string) {
	checks := cleanList(s.Checks)
	switch lasting := lasts(s.Settle); {
	case s.Kind == plan.StepSoak && lasting && checks != "":
		return "soaking for " + round(s.Settle) + " with " + checks, "soaked with its checks holding"
	case s.Kind == plan.StepSoak && checks == "":
		return "soaking for " + round(s.Settle), "soaked"
	case checks == "":
		return "settling for " + round(s.Settle), ""
	case lasting:
		return "checking " + checks + ", then settling for " + round(s.Settle), "checked and settled"
	}
	return "checking " + checks, "checked"
}

// briefly says what a step is doing where how long it lasts, or why it failed,
// is told beside it.
func briefly(s plan.Step) string {
	switch {
	case s.Kind == plan.StepSoak && lasts(s.Settle):
		return "soaking"
	case s.Kind != plan.StepSoak && s.Kind != plan.StepVerify:
		doing, _ := words(s)
		return doing
	case len(s.Checks) == 0:
		return "settling"
	}
	return "checking"
}
