package clitest

import (
	"net/http"
	"os/exec"
	"strings"
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
	p.deployed(t, 1, "0.2.1", "")
	now := time.Now()
	if err := j.KeepSnapshot(t.Context(), &plan.Snapshot{
		ID: restored, State: plan.Taken, Run: "other", Name: "own", Driver: "command", Began: now, Taken: &now,
		Address: "system", Cluster: schema.DefaultCluster, Namespace: p.system(), Release: p.system(), Version: "0.2.1", Revision: 1,
	}); err != nil {
		t.Fatal(err)
	}
	return p, held
}

// deployed stores a revision of the system as Helm does, with no more in it than
// its manifest.
func (p *program) deployed(t *testing.T, revision int, version, manifest string) {
	t.Helper()
	err := storage.Init(driver.NewSecrets(p.kube.Clientset().CoreV1().Secrets(p.system()))).Create(&release.Release{
		Name: p.system(), Namespace: p.system(), Version: revision, Info: &release.Info{Status: release.StatusDeployed},
		Chart: &chart.Chart{Metadata: &chart.Metadata{Name: "soctalk-system", Version: version}}, Manifest: manifest,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// until starts the program and returns once it has sent such a request.
func (p *program) until(t *testing.T, rule faultproxy.Rule, args ...string) (*exec.Cmd, func() string) {
	t.Helper()
	met, fault := make(chan struct{}), rule.Fault
	rule.Times, rule.Fault = 1, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		close(met)
		fault(w, r, forward)
	}
	p.proxy.Add(rule)
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
	case <-met:
	case <-ended:
		t.Fatalf("soctalk %s ended before:\n%s", strings.Join(args, " "), out)
	}
	return cmd, func() string {
		<-ended
		return out.String()
	}
}

// locked is how somebody looks who has the lock.
var locked = faultproxy.Rule{Match: faultproxy.Path(http.MethodGet, "/leases/"+journal.LeaseName), Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(w, r)
}}

var restoring = []string{"snapshot", "restore", restored, "-accept-data-loss", "-auto-approve", "-allow-exec", "-lock-timeout=10m"}

// Who held the lock may have upgraded what the snapshot is of.
func TestRestoreLooksAgainUnderTheLock(t *testing.T) {
	t.Parallel()
	p, held := restorable(t)
	_, out := p.until(t, locked, restoring...)
	p.deployed(t, 2, "0.3.0", "")
	held.Release()
	if said := out(); !strings.Contains(said, "of system 0.2.1, and 0.3.0 is live") {
		t.Errorf("after an upgrade had been waited for, it says:\n%s", said)
	}
}
