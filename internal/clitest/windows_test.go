package clitest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// window gives tenant acme a window that opens at a time on the given days.
func (p *program) window(t *testing.T, opens time.Time, days, duration, timeout string) {
	t.Helper()
	path := filepath.Join(p.dir, "fleet.hcl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const slug = `  slug   = "acme-${var.id}"`
	changed := strings.Replace(string(text), slug, slug+fmt.Sprintf("\n  window  = window.low\n  timeout = %q", timeout), 1)
	changed += fmt.Sprintf("\nwindow \"low\" {\n%s  start    = %q\n  duration = %q\n}\n", days, opens.UTC().Format("15:04"), duration)
	if changed == string(text) {
		t.Fatal("the fleet has no tenant acme")
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

var systemAndAcme = []string{"apply", "-auto-approve", "-target=system", "-target=tenant.acme"}

// interrupted runs the program and interrupts it each time that it says the next
// of some texts. It returns all that it says; it must fail.
func (p *program) interrupted(t *testing.T, args []string, says ...string) string {
	t.Helper()
	cmd, _ := p.command(args...)
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&all, lines.Text())
		if len(says) > 0 && strings.Contains(lines.Text(), says[0]) {
			says = says[1:]
			_ = cmd.Process.Signal(syscall.SIGINT)
		}
	}
	if err := cmd.Wait(); err == nil || len(says) > 0 {
		t.Fatalf("soctalk %s: %v, and this was not said: %q\n%s", strings.Join(args, " "), err, says, all.String())
	}
	return all.String()
}

// goesOn is the command that a report says goes on with the run.
func goesOn(t *testing.T, report string) []string {
	t.Helper()
	_, command, found := strings.Cut(report, "This goes on where it stopped:")
	if !found {
		t.Fatalf("no command goes on:\n%s", report)
	}
	command, _, _ = strings.Cut(strings.TrimSpace(command), "\n")
	return strings.Fields(command)[1:]
}

// made is when a revision was made; zero when it was not.
func (p *program) made(t *testing.T, namespace string, revision int) time.Time {
	t.Helper()
	list, err := p.kube.Typed().CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: fmt.Sprintf("owner=helm,version=%d", revision)})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Items {
		return s.CreationTimestamp.Time
	}
	return time.Time{}
}

// A tenant whose window is closed is not touched, and the run says when it
// opens. Interrupted, it ends at once and can be resumed, to wait again.
func TestClosedWindow(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	ago := now.Add(-30 * time.Minute).Truncate(time.Minute)
	other := now.AddDate(0, 0, 3) // no test takes that long
	for name, c := range map[string]struct {
		opens                   time.Time
		days, duration, timeout string
		next                    time.Time
	}{
		"on another day": {
			time.Date(other.Year(), other.Month(), other.Day(), 12, 0, 0, 0, time.UTC),
			fmt.Sprintf("  days     = [%q]\n", strings.ToLower(other.Weekday().String()[:3])), "1h", "60s",
			time.Date(other.Year(), other.Month(), other.Day(), 12, 0, 0, 0, time.UTC),
		},
		"open, and not for long enough": {ago, "", "1h", "45m", ago.AddDate(0, 0, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.window(t, c.opens, c.days, c.duration, c.timeout)
			says := "tenant.acme: window low opens " + c.next.Format("Mon 2006-01-02 15:04 UTC")
			out := p.interrupted(t, systemAndAcme, says)
			if !strings.Contains(out, "system: installed 0.2.1") || !strings.Contains(out, "Not started: tenant.acme") {
				t.Fatalf("something else than acme was left:\n%s", out)
			}
			goesOn(t, p.interrupted(t, goesOn(t, out), says))
			if at := p.made(t, "tenant-acme-"+p.id, 1); !at.IsZero() {
				t.Errorf("acme was installed at %s", at)
			}
		})
	}
}

// A run waits for a window and goes on once it opens.
func TestWindowOpens(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	opens := time.Now().UTC().Add(75 * time.Second).Truncate(time.Minute) // at least 15 seconds away
	p.window(t, opens, "", "2h", "60s")
	p.runs(t, systemAndAcme...)
	if at := p.made(t, "tenant-acme-"+p.id, 1); at.Before(opens) {
		t.Errorf("acme was installed at %s, and its window opens at %s", at, opens)
	}
	p.runs(t, "plan", "-detailed-exitcode", "-target=system", "-target=tenant.acme")
}
