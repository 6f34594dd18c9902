package view

import (
	"testing"

	"github.com/soctalk/fleet/plan"
)

func TestPinsStepSaysWhatRestarts(t *testing.T) {
	t.Parallel()
	s := plan.Step{Kind: plan.StepPins, Address: "system"}
	if got := (&planIndex{}).stepText(&s); got != "set the tenants' versions that the system pins" {
		t.Error(got)
	}
	s.Restarts = []string{"Deployment/soctalk-system-api"}
	if got := (&planIndex{}).stepText(&s); got != "set the tenants' versions that the system pins; pods restart: Deployment/soctalk-system-api" {
		t.Error(got)
	}
}
