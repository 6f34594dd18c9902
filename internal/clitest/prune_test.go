package clitest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/journal"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A run that many others came after is remembered, and nothing more: whoever
// asks for it is told so.
func TestOldRunIsPruned(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.runs(t, "apply", "-auto-approve", "-target=system", "-var", "system=0.2.0")
	old := p.newestRun(t)
	p.laterRuns(t, 10)
	if out := p.says(t, 0, "history", old); !strings.Contains(out, "system/0/install") {
		t.Errorf("before anything is pruned, history says:\n%s", out)
	}
	p.runs(t, "apply", "-auto-approve", "-target=system")

	for _, c := range []struct {
		exit  int
		args  []string
		wants []string
	}{
		{0, []string{"history"}, []string{old + "  complete*", "* Only this record is left"}},
		{0, []string{"history", old}, []string{"run:       " + old, "started:", "result:    1 installed", "Only this record is left"}},
		{0, []string{"history", "-json", old}, []string{`"pruned":true`, `"record":"run: `}},
		{1, []string{"history", old, "-format=html"}, []string{"run " + old + " has no page"}},
		{1, []string{"apply", "-resume=" + old}, []string{"run " + old + " (complete) cannot be resumed: the plan and the steps", "soctalk plan"}},
		{1, []string{"rollback", old, "-out=back.plan"}, []string{"run " + old + " cannot be rolled back: the plan and the steps", "soctalk history"}},
	} {
		out := p.says(t, c.exit, c.args...)
		for _, want := range c.wants {
			if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
				t.Errorf("soctalk %s does not say %q:\n%s", strings.Join(c.args, " "), want, out)
			}
		}
	}

	// A record that somebody has spoilt stops nothing, be it of a run that counts
	// as under way: it is left alone and shown as what it is.
	maps := p.kube.Typed().CoreV1().ConfigMaps(p.system())
	record, err := maps.Get(t.Context(), journal.RecordName(old), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	record.Data, record.Labels["soctalk.io/state"] = map[string]string{"run": "{"}, string(journal.Running)
	if _, err := maps.Update(t.Context(), record, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if out := p.says(t, 0, "apply", "-auto-approve", "-target=tenant.acme"); strings.Contains(out, "Warning") {
		t.Errorf("with a spoilt record, apply says:\n%s", out)
	}
	if out := p.says(t, 0, "history"); !strings.Contains(out, old+"  unreadable") {
		t.Errorf("with a spoilt record, history says:\n%s", out)
	}
	if out := p.says(t, 1, "history", old); !strings.Contains(out, record.Name+", the record of a run, cannot be read") {
		t.Errorf("of a spoilt record, history says:\n%s", out)
	}
	if left, err := maps.Get(t.Context(), record.Name, metav1.GetOptions{}); err != nil || left.Data["run"] != "{" {
		t.Errorf("the spoilt record is now %v, %v", left, err)
	}
}

// laterRuns keeps as many complete runs, newer than all others.
func (p *program) laterRuns(t *testing.T, n int) {
	t.Helper()
	held, err := journal.Lock(t.Context(), p.kube, p.system(), journal.Holder{Run: "later", Who: "test"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	j, err := journal.Open(t.Context(), p.kube, p.system(), held)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		run := &journal.Run{ID: fmt.Sprintf("20990101-0000%02d-0a1b2c3d", i), By: "test", Started: time.Now()}
		if _, err := j.Start(t.Context(), run, []byte("{}"), []byte("key")); err != nil {
			t.Fatal(err)
		}
		run.State = journal.Complete
		if err := j.End(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
}

// says returns what the program says; it must end with the exit code.
func (p *program) says(t *testing.T, exit int, args ...string) string {
	t.Helper()
	cmd, out := p.command(args...)
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != exit {
		t.Fatalf("soctalk %s: %v, want exit code %d\n%s", strings.Join(args, " "), err, exit, out)
	}
	return out.String()
}
