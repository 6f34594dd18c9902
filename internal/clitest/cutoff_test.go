package clitest

import (
	"net/http"
	"strings"
	"testing"
)

// After a kill in the middle of an upgrade, everybody who asks is told which run
// it was and what goes on with it.
func TestKilledRunIsNamed(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.runs(t, "apply", "-auto-approve", "-target=system", "-target=tenant.acme", "-var", "tenant=0.2.0")
	pods := func(r *http.Request) bool {
		return r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/deployments/soctalk-adapter")
	}
	if !p.killed(t, killing{write: 1, match: pods}, "apply", "-auto-approve", "-target=tenant.acme") {
		t.Fatal("it was not killed")
	}
	p.proxy.Clear()
	run := p.newestRun(t)
	p.unlock(t, run)
	for _, c := range []struct {
		exit int
		args []string
		want string
	}{
		{1, []string{"plan"}, "soctalk apply -resume=" + run},
		{0, []string{"history"}, run + "  interrupted"},
		{0, []string{"history", run}, "soctalk apply -resume " + run},
		{0, []string{"status"}, "Last run " + run + ": interrupted"},
	} {
		if out := p.says(t, c.exit, c.args...); !strings.Contains(out, c.want) {
			t.Errorf("soctalk %s does not say %q:\n%s", strings.Join(c.args, " "), c.want, out)
		}
	}
	p.runs(t, "apply", "-resume="+run)
	p.runs(t, "plan", "-detailed-exitcode", "-target=system", "-target=tenant.acme")
}

// A run that was killed between two steps has none that is open, and has not
// come to its end all the same.
func TestKilledBetweenStepsIsNotComplete(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	if !p.killed(t, killing{write: 3, kept: true}, "apply", "-auto-approve", "-target=system", "-target=tenant.acme", "-var", "tenant=0.2.0") {
		t.Fatal("it was not killed")
	}
	p.proxy.Clear()
	run := p.newestRun(t)
	p.unlock(t, run)
	out := p.says(t, 0, "history", run)
	for _, want := range []string{"Apply did not complete.", "Not started: tenant.acme", "Stopped: its program was killed", "soctalk apply", "-resume " + run} {
		if !strings.Contains(out, want) {
			t.Errorf("history does not say %q:\n%s", want, out)
		}
	}
}
