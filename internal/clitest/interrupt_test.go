package clitest

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
)

func TestOneInterruptBreaksOffARestore(t *testing.T) {
	t.Parallel()
	p, _ := restorable(t)
	cmd, out := p.until(t, locked, restoring...)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if said := out(); !strings.Contains(said, "interrupt signal received") {
		t.Errorf("interrupted while it waits for the lock, it says:\n%s", said)
	}
}

// Nothing listens for an interrupt while the program waits for an answer.
func TestInterruptAtAQuestion(t *testing.T) {
	t.Parallel()
	p, _ := restorable(t)
	var once sync.Once
	shows, _, err := p.onTerminal(t, 120, []string{"TERM=xterm"}, func(sent string, at *seat) {
		if strings.Contains(sent, "Only 'yes' is accepted") {
			once.Do(func() {
				_, _ = at.master.WriteString("\x03")
				hung := time.AfterFunc(5*time.Minute, func() { _ = at.process.Kill() })
				t.Cleanup(func() { hung.Stop() })
			})
		}
	}, "snapshot", "restore", restored, "-accept-data-loss", "-lock-timeout=10m")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("interrupted at the question, it ends with %v and shows:\n%s", err, shows)
	}
}

// Reading all objects may take long.
func TestInterruptWhileDriftIsLookedFor(t *testing.T) {
	t.Parallel()
	p, _ := restorable(t)
	p.deployed(t, 2, "0.2.1", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: slow\n")
	brokenOff := make(chan bool, 1)
	cmd, out := p.until(t, faultproxy.Rule{Match: faultproxy.Path(http.MethodGet, "/configmaps/slow"), Fault: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-r.Context().Done():
			brokenOff <- true
		case <-time.After(25 * time.Second): // and before the program gives a read up
			brokenOff <- false
		}
		panic(http.ErrAbortHandler)
	}}, "status", "-watch", "-drift")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if said := out(); !<-brokenOff || cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("it went on reading, or ended with %v:\n%s", cmd.ProcessState, said)
	}
}
