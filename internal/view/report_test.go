package view

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// golden holds a text against the file of that name in testdata/runs.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "runs", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got, -update accepts it:\n%s", path, diff)
	}
}

func upgradeOf(address string) plan.Step {
	return plan.Step{ID: address + "/0/upgrade", Kind: plan.StepUpgrade, Address: address, Tenant: address, From: "0.2.0", To: "0.2.1"}
}

// brokenRun is a run in which everything happened that can.
func brokenRun() *apply.Result {
	return &apply.Result{
		RunID: "20261122-141500-0a1b2c3d", Upgraded: 3, Installed: 1, Elapsed: 83 * time.Second, Stopped: "2 tenants failed, and max_failures is 1",
		Failed: []*apply.Failure{
			{Step: upgradeOf("tenant.beta"), Err: &apply.CauseError{
				Err: errors.New("upgrade of release tenant-beta/tenant-beta failed: will not become ready: Deployment soctalk-adapter: 0 of 1 replicas ready"),
				Seen: []string{
					"last lines of container adapter of pod soctalk-adapter-0:", "  connecting to \x1b[31mpostgres\x1b[0m", "  fatal: no route\rto host\x07",
					"event: BackOff: Back-off restarting failed container (4 times)",
				},
			}},
			{Step: upgradeOf("tenant.gamma"), Err: errors.New("first line\nsecond line"), RollbackErr: &apply.CauseError{Err: errors.New("not ready in time"), Seen: []string{"event: FailedMount"}}},
		},
		Quarantined: []apply.Failure{{Step: upgradeOf("tenant.delta"), Err: &apply.StaleError{Address: "tenant.delta", Want: 3, Have: 4}}},
		Open:        []plan.Step{upgradeOf("tenant.zeta")},
		RolledBack:  []string{"tenant.beta"}, NotStarted: []string{"tenant.eta", "tenant.theta"},
		Underway: []apply.Underway{{Address: "tenant.iota", At: "0.2.0"}},
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Report{
		"complete.txt": {Result: &apply.Result{Upgraded: 4}},
		"broken.txt":   {Result: brokenRun()},
		"gate.txt": {Result: &apply.Result{RunID: "r1", Upgraded: 1, NotStarted: []string{"tenant.beta"}, Awaits: "pilots", Resumable: true,
			Stopped: "wave pilots waits for an approval"}},
		"interrupted.txt": {Result: &apply.Result{RunID: "r1", NotStarted: []string{"tenant.beta"}, Resumable: true, Stopped: "interrupted"}},
		"running.txt":     {Result: &apply.Result{RunID: "r1", Upgraded: 1, Open: []plan.Step{upgradeOf("tenant.beta")}, NotStarted: []string{"tenant.gamma"}}, Running: true},
		"many.txt":        {Result: manyFailures()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.Next = "soctalk -chdir=prod apply"
			golden(t, name, r.text(Style{}))
		})
	}
}

func manyFailures() *apply.Result {
	r := &apply.Result{RunID: "r1"}
	for i := range 40 {
		r.Failed = append(r.Failed, &apply.Failure{Step: upgradeOf(fmt.Sprintf("tenant.t%02d", i)), Err: errors.New("not ready in time")})
	}
	return r
}

// What a container writes must not command the terminal of who reads it.
func TestReportIsPlainText(t *testing.T) {
	t.Parallel()
	if text := (&Report{Result: brokenRun()}).text(Style{}); strings.ContainsAny(text, "\x1b\x07\r") {
		t.Errorf("control characters in %q", text)
	}
}

// A run that stands at a gate with a failure behind it has not come through,
// whichever view tells it.
func TestTitleOfARun(t *testing.T) {
	t.Parallel()
	gate := &apply.Result{Awaits: "rest", Stopped: "wave rest waits for an approval"}
	failed := &apply.Result{Awaits: "rest", Stopped: gate.Stopped, Failed: []*apply.Failure{{Err: errors.New("no")}}}
	for _, c := range []struct {
		report     *Report
		want, look string
	}{
		{&Report{Result: gate, Running: true}, "The run is under way.", "data"},
		{&Report{Result: &apply.Result{}}, "Apply complete!", "good"},
		{&Report{Result: gate}, "Apply waits for an approval.", "data"},
		{&Report{Result: failed}, "Apply did not complete.", "bad"},
	} {
		if got := c.report.standing(); got.title != c.want || got.look != c.look {
			t.Errorf("%q, %s; want %q, %s", got.title, got.look, c.want, c.look)
		}
	}
}
