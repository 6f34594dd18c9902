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

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
)

const restored = "20260101-000000-0a1b2c3d"

// restorable is a program whose live system has a snapshot, and the lock on its
// fleet, which somebody else holds.
func restorable(t *testing.T) (*program, *journal.Held) {
	t.Helper()
	p := newProgram(t)
	held, err := journal.Lock(t.Context(), p.kube, p.system(), journal.Holder{Run: "other", Who: "test"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Release)
	j, err := journal.Open(t.Context(), p.kube, p.system(), held)
	if err != nil {
		t.Fatal(err)
	}
	p.deployed(t, 1, "0.2.1")
	now := time.Now()
	if err := j.KeepSnapshot(t.Context(), &plan.Snapshot{
		ID: restored, State: plan.Taken, Run: "other", Name: "own", Driver: "command", Began: now, Taken: &now,
		Address: "system", Cluster: schema.DefaultCluster, Namespace: p.system(), Release: p.system(), Version: "0.2.1", Revision: 1,
	}); err != nil {
		t.Fatal(err)
	}
	return p, held
}

// deployed stores a revision of the system as Helm does, with nothing in it.
func (p *program) deployed(t *testing.T, revision int, version string) {
	t.Helper()
	err := storage.Init(driver.NewSecrets(p.kube.Clientset().CoreV1().Secrets(p.system()))).Create(&release.Release{
		Name: p.system(), Namespace: p.system(), Version: revision, Info: &release.Info{Status: release.StatusDeployed},
		Chart: &chart.Chart{Metadata: &chart.Metadata{Name: "soctalk-system", Version: version}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// waits starts the program and returns once it waits for the lock.
func (p *program) waits(t *testing.T, args ...string) (*exec.Cmd, func() string) {
	t.Helper()
	looks := make(chan struct{})
	p.proxy.Add(faultproxy.Rule{Match: faultproxy.Path(http.MethodGet, "/leases/"+journal.LeaseName), Times: 1, Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		close(looks)
		forward.ServeHTTP(w, r)
	}})
	cmd, out := p.command(args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	select {
	case <-looks:
	case <-ended:
		t.Fatalf("it did not wait:\n%s", out)
	}
	return cmd, func() string {
		<-ended
		return out.String()
	}
}

var restoring = []string{"snapshot", "restore", restored, "-accept-data-loss", "-auto-approve", "-allow-exec", "-lock-timeout=1m"}

// Who held the lock may have upgraded what the snapshot is of.
func TestRestoreLooksAgainUnderTheLock(t *testing.T) {
	t.Parallel()
	p, held := restorable(t)
	_, out := p.waits(t, restoring...)
	p.deployed(t, 2, "0.3.0")
	held.Release()
	if said := out(); !strings.Contains(said, "of system 0.2.1, and 0.3.0 is live") {
		t.Errorf("after an upgrade had been waited for, it says:\n%s", said)
	}
}

func TestOneInterruptBreaksOffARestore(t *testing.T) {
	t.Parallel()
	p, _ := restorable(t)
	cmd, out := p.waits(t, restoring...)
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
		if strings.Contains(sent, "Only yes is taken for one") {
			once.Do(func() {
				_, _ = at.master.WriteString("\x03")
				hung := time.AfterFunc(time.Minute, func() { _ = at.process.Kill() })
				t.Cleanup(func() { hung.Stop() })
			})
		}
	}, "snapshot", "restore", restored, "-accept-data-loss", "-lock-timeout=1m")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("interrupted at the question, it ends with %v and shows:\n%s", err, shows)
	}
}
