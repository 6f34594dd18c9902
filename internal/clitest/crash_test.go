package clitest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/journal/journaltest"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"k8s.io/client-go/tools/clientcmd"
)

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
	match := k.match
	if match == nil {
		match = journaltest.IsPage
	}
	err := p.proxy.RunKilled(cmd, faultproxy.Rule{Match: match, Skip: k.write - 1, Times: 1}, k.kept)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case !errors.As(err, &exit) || exit.Exited():
		t.Fatalf("soctalk %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return true
}

func (p *program) system() string { return "sys-" + p.id }
