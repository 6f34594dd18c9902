package view

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// What happens is told in sentences, to a person and in the stream.
func TestRunSaysWhatHappens(t *testing.T) {
	t.Parallel()
	gone := plan.Step{Kind: plan.StepUninstall, Address: "tenant.beta", From: "0.2.0"}
	settle := plan.Step{Kind: plan.StepVerify, Address: "tenant.acme", Settle: "2s"}
	verify := plan.Step{Kind: plan.StepVerify, Address: "tenant.acme", Settle: "2s", Checks: []string{"adapter"}}
	soak := plan.Step{Kind: plan.StepSoak, Address: "wave.canary", Settle: "3s", Checks: []string{"bad"}}
	upgrade := upgradeOf("tenant.acme")
	back := plan.Step{Kind: plan.StepRollback, Address: "tenant.acme", To: "0.2.0"}
	stale := &apply.StaleError{Address: "tenant.acme", Want: 3, Have: 4}
	for _, c := range []struct {
		kind           apply.EventType
		step           plan.Step
		err            error
		human, message string
	}{
		{apply.StepStart, gone, nil, "tenant.beta: uninstalling…", "tenant.beta: uninstalling"},
		{apply.StepDone, gone, nil, "tenant.beta: uninstalled after 400ms", "tenant.beta: uninstalled"},
		{apply.StepDone, settle, nil, "", "tenant.acme: settled"},
		{apply.StepStart, verify, nil, "tenant.acme: checking adapter, then settling for 2s…", "tenant.acme: checking adapter, then settling for 2s"},
		{apply.StepProgress, verify, nil, "tenant.acme: still checking (400ms)", ""},
		{apply.StepFailed, verify, errors.New("check adapter did not pass"), "tenant.acme: failed checking after 400ms: check adapter did not pass", "tenant.acme: failed checking"},
		{apply.StepFailed, settle, errors.New("cancelled"), "tenant.acme: failed settling after 400ms: cancelled", "tenant.acme: failed settling"},
		{apply.StepFailed, soak, errors.New("check bad did not hold"), "wave.canary: failed soaking after 400ms: check bad did not hold", "wave.canary: failed soaking"},
		{apply.StepFailed, upgrade, errors.New("not ready"), "tenant.acme: failed upgrading 0.2.0 → 0.2.1 after 400ms: not ready", "tenant.acme: failed upgrading 0.2.0 → 0.2.1"},
		{
			apply.StepFailed, upgrade, stale, "tenant.acme: quarantined, not touched: was at revision 3 when the plan was made and is at 4 now",
			"tenant.acme: quarantined, not touched: was at revision 3 when the plan was made and is at 4 now",
		},
		{
			apply.StepFailed, back, stale, "tenant.acme: failed rolling back to 0.2.0 after 400ms: tenant.acme: was at revision 3 when the plan was made and is at 4 now",
			"tenant.acme: failed rolling back to 0.2.0",
		},
	} {
		e := apply.Event{Type: c.kind, Step: c.step, Err: c.err, Elapsed: 400 * time.Millisecond}
		if got := Line(e); got != c.human {
			t.Errorf("%q, want %q", got, c.human)
		}
		var b strings.Builder
		(&RunJSON{W: &b, Now: time.Now}).Event(e)
		var got line
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got.Message != c.message {
			t.Errorf("%v: %q, want %q", err, got.Message, c.message)
		}
	}
}
