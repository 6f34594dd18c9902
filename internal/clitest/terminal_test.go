package clitest

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// onTerminal runs the program on a terminal and returns what that shows in the
// end, what it was sent, and how the program ended. seen hears of every text
// that is sent.
func (p *program) onTerminal(t *testing.T, columns int, env []string, seen func(sent string, process *os.Process), args ...string) (shows, sent string, err error) {
	t.Helper()
	const rows = 200 // nothing scrolls away
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
			seen(all.String(), cmd.Process)
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
			shows, sent, err := p.onTerminal(t, c.columns, c.env, func(string, *os.Process) {}, "apply", "-auto-approve", "-target=system", "-target=tenant.acme")
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
	shows, _, err := p.onTerminal(t, 100, []string{"TERM=xterm"}, func(sent string, process *os.Process) {
		if strings.Contains(sent, "installing 0.2.1") {
			once.Do(func() { _ = process.Signal(syscall.SIGINT) })
		}
	}, "apply", "-auto-approve")
	if err == nil || !strings.Contains(shows, "system: installed 0.2.1 after") || strings.Contains(shows, "tenant.acme: installed") {
		t.Fatalf("%v:\n%s", err, shows)
	}
	_, command, found := strings.Cut(shows, "This goes on where it stopped:")
	if !found {
		t.Fatalf("no command goes on:\n%s", shows)
	}
	p.runs(t, strings.Fields(command)[1:]...)
	p.runs(t, "plan", "-detailed-exitcode")
}
