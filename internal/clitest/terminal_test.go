package clitest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const rows = 200 // nothing scrolls away

// seat is a program at work on a terminal.
type seat struct {
	process  *os.Process
	terminal vt10x.Terminal
	master   *os.File
}

func (s *seat) resize(columns int) error {
	s.terminal.Resize(columns, rows)
	return pty.Setsize(s.master, &pty.Winsize{Rows: rows, Cols: uint16(columns)})
}

// onTerminal runs the program on a terminal and returns what that shows in the
// end, what it was sent, and how the program ended. seen hears of every text
// that is sent.
func (p *program) onTerminal(t *testing.T, columns int, env []string, seen func(sent string, at *seat), args ...string) (shows, sent string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.path, args...)
	cmd.Dir, cmd.Env = p.dir, append(p.env, env...)
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: rows, Cols: uint16(columns)})
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	terminal := vt10x.New(vt10x.WithSize(columns, rows))
	var all strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			_, _ = terminal.Write(buffer[:n])
			all.Write(buffer[:n])
			seen(all.String(), &seat{cmd.Process, terminal, master})
			if err != nil {
				return
			}
		}
	})
	err = cmd.Wait()
	// What is left in the terminal is read before it is closed.
	_ = master.SetReadDeadline(time.Now().Add(5 * time.Second))
	reading.Wait()
	return screenText(terminal), all.String(), err
}

func screenText(terminal vt10x.Terminal) string {
	var lines []string
	for _, line := range strings.Split(terminal.String(), "\n") {
		if line = strings.TrimRight(line, " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// On a terminal the run is seen as it goes, and nothing of that is left below
// the lines that stay and the closing report.
func TestApplyOnTerminal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		columns int
		env     []string
		live    bool
	}{
		"wide":     {120, []string{"TERM=xterm-256color"}, true},
		"narrow":   {40, []string{"TERM=xterm-256color"}, true},
		"NO_COLOR": {120, []string{"TERM=xterm-256color", "NO_COLOR=1"}, true},
		"dumb":     {120, []string{"TERM=dumb"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			shows, sent, err := p.onTerminal(t, c.columns, c.env, func(string, *seat) {}, "apply", "-auto-approve", "-target=system", "-target=tenant.acme")
			if err != nil {
				t.Fatalf("%v:\n%s", err, shows)
			}
			moves := strings.Contains(sent, "\x1b[J")
			if moves != c.live {
				t.Errorf("the cursor moves: %v, want %v", moves, c.live)
			}
			if live := strings.Contains(sent, "of 2 releases done"); live != c.live {
				t.Errorf("what happens is shown: %v, want %v", live, c.live)
			}
			if coloured := strings.Contains(sent, "\x1b[32m"); coloured != (c.env[0] != "TERM=dumb" && len(c.env) == 1) {
				t.Errorf("coloured: %v", coloured)
			}
			whole := strings.ReplaceAll(shows, "\n", "")
			if !strings.HasSuffix(whole, "Apply complete! 2 installed, 0 upgraded, 0 uninstalled.") || strings.Contains(shows, "releases done") {
				t.Errorf("the terminal shows in the end:\n%s", shows)
			}
			for _, line := range []string{"system: installed 0.2.1 after", "tenant.acme: installed 0.2.1 after"} {
				if strings.Count(whole, line) != 1 {
					t.Errorf("%q is not there once:\n%s", line, shows)
				}
			}
		})
	}
}

// The first interrupt lets what runs finish; the report says how to go on, and
// that command does.
func TestInterruptOnTerminal(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	var once sync.Once
	shows, _, err := p.onTerminal(t, 100, []string{"TERM=xterm"}, func(sent string, at *seat) {
		if strings.Contains(sent, "installing 0.2.1") {
			once.Do(func() { _ = at.process.Signal(syscall.SIGINT) })
		}
	}, "apply", "-auto-approve")
	if err == nil || !strings.Contains(shows, "system: installed 0.2.1 after") || strings.Contains(shows, "tenant.acme: installed") {
		t.Fatalf("%v:\n%s", err, shows)
	}
	p.runs(t, goesOn(t, shows)...)
	p.runs(t, "plan", "-detailed-exitcode")
}

// A terminal that becomes narrower while the run goes on gets lines that fit.
func TestResizedTerminal(t *testing.T) {
	t.Parallel()
	const narrow = 40
	p := newProgram(t)
	resized := 0
	shows, sent, err := p.onTerminal(t, 120, []string{"TERM=xterm"}, func(sent string, at *seat) {
		if resized == 0 && strings.Contains(sent, "releases done") {
			if err := at.resize(narrow); err != nil {
				t.Error(err)
			}
			resized = len(sent)
		}
	}, "apply", "-auto-approve", "-target=system", "-target=tenant.acme")
	if err != nil || resized == 0 {
		t.Fatalf("%v:\n%s", err, shows)
	}
	// The first may have been on its way already.
	frames := strings.Split(sent[resized:], "\x1b[J")
	fits := 0
	for _, frame := range frames[min(2, len(frames)):] {
		for line := range strings.Lines(frame) {
			line = ansi.Strip(strings.TrimRight(line, "\r\n"))
			if !strings.Contains(line, "releases done") && !strings.HasPrefix(line, "  ") {
				continue
			}
			if fits++; ansi.StringWidth(line) >= narrow {
				t.Errorf("%q does not fit %d columns", line, narrow)
			}
		}
	}
	if fits == 0 {
		t.Errorf("nothing was shown after the terminal had become narrower:\n%q", sent[resized:])
	}
	if !strings.HasSuffix(strings.ReplaceAll(shows, "\n", ""), "Apply complete! 2 installed, 0 upgraded, 0 uninstalled.") {
		t.Errorf("the terminal shows in the end:\n%s", shows)
	}
}

// The second interrupt cancels what runs: nothing is left pending, and the run
// goes on later. Where lines are not rewritten, one says what is still waited for.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	slow := "adapter:\n  podAnnotations:\n    sandbox.soctalk.io/delay: 25s\n"
	if err := os.WriteFile(filepath.Join(p.dir, "more-beta.yaml"), []byte(slow), 0o600); err != nil {
		t.Fatal(err)
	}
	const beta = `tenant.more["beta"]`
	out := p.interrupted(t, []string{"apply", "-auto-approve", "-target=system", "-target=" + beta}, beta+": installing", beta+": still installing")
	if !strings.Contains(out, "Stopping: interrupted") || !strings.Contains(out, "cancelled while it was under way") || strings.Contains(out, beta+": installed") {
		t.Errorf("interrupted twice, it says:\n%s", out)
	}
	list, err := p.kube.Typed().CoreV1().Secrets("tenant-beta-"+p.id).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Items {
		if strings.HasPrefix(s.Labels["status"], "pending") {
			t.Errorf("%s was left %s", s.Name, s.Labels["status"])
		}
	}
	out = p.says(t, 0, goesOn(t, out)...)
	if !strings.Contains(out, beta+": still ") || !strings.Contains(out, "waiting for Deployment soctalk-adapter") {
		t.Errorf("no line says what is waited for:\n%s", out)
	}
	p.runs(t, "plan", "-detailed-exitcode", "-target=system", "-target="+beta)
}
