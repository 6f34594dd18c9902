package clitest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// TestKilledAtEveryJournalWrite kills the program at one entry of its journal
// after another, once it is kept and before it is, and goes on with the run each
// time.
func TestKilledAtEveryJournalWrite(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]killing{
		// The first two entries of a run that is taken up again say so.
		"after it":  {write: 3, kept: true},
		"before it": {write: 4, kept: false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.runs(t, "apply", "-auto-approve", "-var", "system=0.1.4", "-var", "tenant=0.1.9")
			p.runs(t, "plan", "-out=up.plan")
			kills := 0
			args := []string{"apply", "up.plan"}
			for ; p.killed(t, kill, args...); kills++ {
				run := p.newestRun(t)
				p.unlock(t, run)
				args = []string{"apply", "-resume=" + run}
				if p.ended(t, run) { // but for the head of its journal
					p.proxy.Clear()
					p.runs(t, args...)
					break
				}
			}
			if kills < 10 {
				t.Errorf("killed %d times, want more", kills)
			}
			t.Logf("killed %d times", kills)
			p.sound(t)
		})
	}
}

// killing says at which write the program dies, and whether that is kept.
type killing struct {
	write int
	kept  bool
	// match selects the writes; nil: those to the journal.
	match func(*http.Request) bool
}

// program is the real one, with a fleet of its own behind a proxy.
type program struct {
	id, dir, path string
	env           []string
	proxy         *faultproxy.Proxy
	kube          *kube.Cluster
	migrations    atomic.Int32 // Jobs that were made
}

func newProgram(t *testing.T) *program {
	t.Helper()
	c := sandboxtest.Cluster(t)
	if _, err := publish.Charts(t.Context(), c.Registry, "../../examples/charts"); err != nil {
		t.Fatal(err)
	}
	upstream, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{id: "x" + strings.ToLower(rand.Text()[:6]), dir: t.TempDir(), proxy: faultproxy.Start(t, upstream, faultproxy.Options{})}
	if err := writeFleet(p.dir, c.Registry); err != nil {
		t.Fatal(err)
	}
	if p.kube, err = kube.New(kube.Config{Kubeconfig: c.Kubeconfig}); err != nil {
		t.Fatal(err)
	}
	// The test's own binary is the program when it is called so.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.path = filepath.Join(t.TempDir(), "soctalk")
	if err := os.Symlink(self, p.path); err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), "KUBECONFIG="+p.proxy.Kubeconfig, "SOCTALK_VAR_id="+p.id, "SOCTALK_VAR_registry="+c.Registry, "XDG_CACHE_HOME="+t.TempDir())
	return p
}

// unlock ends the lock of a killed program, so that nobody waits until it has
// run out.
func (p *program) unlock(t *testing.T, run string) {
	t.Helper()
	if err := journal.Unlock(t.Context(), p.kube, p.system(), run); err != nil {
		t.Fatal(err)
	}
}

func (p *program) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := exec.Command(p.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, &out, &out
	return cmd, &out
}

func (p *program) runs(t *testing.T, args ...string) {
	t.Helper()
	cmd, out := p.command(args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("soctalk %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// killed runs the program and says whether it was killed; otherwise it must
// have succeeded.
func (p *program) killed(t *testing.T, k killing, args ...string) bool {
	t.Helper()
	cmd, out := p.command(args...)
	alive, dead := make(chan struct{}), make(chan struct{})
	match := k.match
	if match == nil {
		match = isEntry
	}
	p.proxy.Clear()
	p.proxy.Add(faultproxy.Rule{Match: p.countMigration}, faultproxy.Rule{
		Match: match,
		Skip:  k.write - 1, Times: 1,
		Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			if k.kept {
				forward.ServeHTTP(httptest.NewRecorder(), r)
			}
			<-alive
			_ = cmd.Process.Kill()
			<-dead
			faultproxy.Reset(w, r, forward)
		},
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(alive)
	err := cmd.Wait()
	close(dead)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case !errors.As(err, &exit) || exit.Exited():
		t.Fatalf("soctalk %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return true
}

// countMigration counts the migration Jobs that are made, and selects nothing.
func (p *program) countMigration(r *http.Request) bool {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/namespaces/"+p.system()+"/jobs") && strings.Contains(bodyOf(r), "alembic-upgrade") {
		p.migrations.Add(1)
	}
	return false
}

// isEntry says whether a request writes a page of a journal.
func isEntry(r *http.Request) bool {
	if r.Method != http.MethodPost && r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/configmaps") {
		return false
	}
	body := bodyOf(r)
	return strings.Contains(body, "soctalk-run-") && strings.Contains(body, "-log-")
}

func bodyOf(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

func (p *program) system() string { return "sys-" + p.id }

func (p *program) ended(t *testing.T, run string) bool {
	t.Helper()
	_, entries, err := journal.Find(t.Context(), p.kube, p.system(), run)
	if err != nil {
		t.Fatal(err)
	}
	return entries[len(entries)-1].Kind == apply.Ended
}

func (p *program) newestRun(t *testing.T) string {
	t.Helper()
	runs, err := journal.Runs(t.Context(), p.kube, p.system())
	if err != nil || len(runs) == 0 {
		t.Fatalf("runs: %v, %v", runs, err)
	}
	return runs[0].ID
}

// sound holds what must be true of a run that was killed and taken up again: it
// has come to the end that an undisturbed one comes to, the migration ran once,
// no release is left in between, and the journal knows of every revision.
func (p *program) sound(t *testing.T) {
	t.Helper()
	if n := p.migrations.Load(); n != 1 {
		t.Errorf("%d migration Jobs were made, want 1", n)
	}
	p.proxy.Clear()
	p.runs(t, "plan", "-detailed-exitcode") // 0: nothing is left to do
	id := p.newestRun(t)
	run, entries, err := journal.Find(t.Context(), p.kube, p.system(), id)
	if err != nil {
		t.Fatal(err)
	}
	if run.State != journal.Complete {
		t.Errorf("the run is %s, want complete", run.State)
	}
	for _, namespace := range []string{p.system(), "tenant-acme-" + p.id, "tenant-beta-" + p.id, "tenant-gamma-" + p.id} {
		list, err := p.kube.Typed().CoreV1().Secrets(namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "owner=helm"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list.Items {
			if strings.HasPrefix(s.Labels["status"], "pending") {
				t.Errorf("%s/%s was left %s", namespace, s.Name, s.Labels["status"])
			}
			known := slices.ContainsFunc(entries, func(e apply.Entry) bool {
				return e.Kind == apply.Begun && helm.LabelValue(e.Step) == s.Labels[helm.LabelStep]
			})
			if s.Labels[helm.LabelRun] == id && !known {
				t.Errorf("the journal knows nothing of %s/%s, made by %s", namespace, s.Name, s.Labels[helm.LabelStep])
			}
		}
	}
}
