package clitest

import (
	"testing"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestRollbackKilledAtEveryJournalWrite undoes a run with a program that is
// killed at one entry of its journal after another, and goes on each time.
func TestRollbackKilledAtEveryJournalWrite(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]killing{
		"after it":  {write: 3, kept: true},
		"before it": {write: 4, kept: false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			before := []string{"-var", "system=0.1.2", "-var", "tenant=0.1.1"}
			p.runs(t, append([]string{"apply", "-auto-approve"}, before...)...)
			p.runs(t, "apply", "-auto-approve", "-var", "system=0.1.4", "-var", "tenant=0.1.9")
			p.runs(t, "rollback", p.newestRun(t), "-out=back.plan")
			kills := 0
			args := []string{"apply", "back.plan"}
			for ; p.killed(t, kill, args...); kills++ {
				run := p.newestRun(t)
				p.unlock(t, run)
				args = []string{"apply", "-resume=" + run}
				if p.hasEnded(t, run) { // but for the head of its journal
					p.proxy.Clear()
					p.runs(t, args...)
					break
				}
			}
			if kills < 8 {
				t.Errorf("killed %d times, want more", kills)
			}
			p.proxy.Clear()
			p.runs(t, append([]string{"plan", "-detailed-exitcode"}, before...)...) // 0: nothing is left to do
			p.wentBackOnce(t)
		})
	}
}

// wentBackOnce holds that nothing was left in between, and that no release went
// back more often than planned, but for what was marked as failed.
func (p *program) wentBackOnce(t *testing.T) {
	t.Helper()
	for namespace, most := range map[string]int{p.system(): 5, "tenant-acme-" + p.id: 3, "tenant-beta-" + p.id: 3, "tenant-gamma-" + p.id: 3} {
		list, err := p.kube.Typed().CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
		if err != nil {
			t.Fatal(err)
		}
		sound := 0
		for _, s := range list.Items {
			switch s.Labels["status"] {
			case "deployed", "superseded":
				sound++
			case "failed":
			default:
				t.Errorf("%s/%s was left %s", namespace, s.Name, s.Labels["status"])
			}
		}
		if sound > most {
			t.Errorf("%s has %d revisions, want at most %d", namespace, sound, most)
		}
	}
}

func (p *program) newestRun(t *testing.T) string {
	t.Helper()
	runs, err := journal.Runs(t.Context(), p.kube, p.system())
	if err != nil || len(runs) == 0 {
		t.Fatalf("runs: %v, %v", runs, err)
	}
	return runs[0].ID
}

func (p *program) hasEnded(t *testing.T, run string) bool {
	t.Helper()
	_, entries, err := journal.Find(t.Context(), p.kube, p.system(), run)
	if err != nil {
		t.Fatal(err)
	}
	return entries[len(entries)-1].Kind == apply.Ended
}
