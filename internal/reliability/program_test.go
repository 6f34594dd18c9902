package reliability

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is for how long one run of the program may take.
const patience = 4 * time.Minute

// runIDs are taken out of what decides which requests go wrong: they tell the
// time.
var runIDs = regexp.MustCompile(`\d{8}-\d{6}-[0-9a-f]{8}`)

// program is the real one, with a fleet of its own behind a proxy.
type program struct {
	id, dir, path string
	env           []string
	proxy         *faultproxy.Proxy
	// kube and helm lead past the proxy.
	kube *kube.Cluster
	helm *helm.Client
	jobs *migrations
}

// newProgram makes a fleet live, as it is before its upgrade, and plans that
// into up.plan. In the upgrade one tenant does not become ready.
func newProgram(t *testing.T, seed uint64) *program {
	t.Helper()
	c := sandboxtest.Cluster(t)
	publishOnce(t, c.Registry)
	upstream, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	id := "r" + strings.ToLower(rand.Text()[:7])
	p := &program{id: id, dir: t.TempDir()}
	p.proxy = faultproxy.Start(t, upstream, faultproxy.Options{Seed: seed, Mask: regexp.MustCompile(runIDs.String() + "|" + id)})
	if p.kube, err = kube.New(kube.Config{Kubeconfig: c.Kubeconfig}); err != nil {
		t.Fatal(err)
	}
	p.helm = helm.New(p.kube, helm.Options{})
	p.path = link(t)
	p.env = append(os.Environ(), "KUBECONFIG="+p.proxy.Kubeconfig, "SOCTALK_VAR_id="+id, "SOCTALK_VAR_registry="+c.Registry, "XDG_CACHE_HOME="+t.TempDir())
	for name, from := range map[string]string{
		"fleet.hcl": "fleet.hcl", "system.yaml": "../../examples/demo/system-values.yaml", "compatibility.yaml": "../../examples/compatibility.yaml",
	} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		p.write(t, name, string(data))
	}
	p.write(t, "registry.hcl", fmt.Sprintf("registry %q {\n  plain_http = true\n}\n", c.Registry))
	t.Cleanup(p.remove)
	p.jobs = watchMigrations(t, p.kube, p.system())
	p.write(t, "beta.yaml", "{}\n")
	p.succeeds(t, "apply", "-auto-approve", "-var", "system=0.1.4", "-var", "tenant=0.1.9")
	p.write(t, "beta.yaml", "adapter: {podAnnotations: {sandbox.soctalk.io/behavior: fail}}\n")
	p.succeeds(t, "plan", "-out=up.plan")
	return p
}

var publishing sync.Mutex

func publishOnce(t *testing.T, registry string) {
	t.Helper()
	publishing.Lock()
	defer publishing.Unlock()
	if _, err := publish.Charts(t.Context(), registry, "../../examples/charts"); err != nil {
		t.Fatal(err)
	}
}

// link returns a path to this binary under the program's name.
func link(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "soctalk")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *program) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *program) system() string { return "sys-" + p.id }

// releases are the fleet's, each in a namespace of its own name.
func (p *program) releases() []string {
	all := []string{p.system()}
	for _, tenant := range []string{"acme", "beta", "gamma", "delta"} {
		all = append(all, "tenant-"+tenant+"-"+p.id)
	}
	return all
}

// remove takes the fleet away, so that its pods do not burden what follows.
func (p *program) remove() {
	for _, name := range p.releases() {
		_ = p.kube.Typed().CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{})
	}
}

// ended is how one run of the program ended.
type ended struct {
	code   int // -1: killed
	output string
}

// command is the program, about to run.
func (p *program) command(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, &out, &out
	return cmd, &out
}

// run runs the program to its end.
func (p *program) run(t *testing.T, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd, out := p.command(ctx, args...)
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("soctalk %s: not over within %s\n%s", strings.Join(args, " "), patience, out)
	}
	return endOf(t, err, out)
}

func endOf(t *testing.T, err error, out *bytes.Buffer) ended {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	e := ended{output: out.String()}
	if exit != nil {
		e.code = exit.ExitCode()
	}
	return e
}

func (p *program) succeeds(t *testing.T, args ...string) {
	t.Helper()
	if e := p.run(t, args...); e.code != 0 {
		t.Fatalf("soctalk %s: exit code %d\n%s", strings.Join(args, " "), e.code, e.output)
	}
}

// upgrade is the run of up.plan; nil before there is one.
func (p *program) upgrade(t *testing.T) *journal.Run {
	t.Helper()
	runs, err := journal.Runs(t.Context(), p.kube, p.system())
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) < 2 { // the first one is that of the installation
		return nil
	}
	return runs[0]
}

// goOn are the arguments that go on with the upgrade, or begin it.
func (p *program) goOn(t *testing.T) []string {
	t.Helper()
	if run := p.upgrade(t); run != nil {
		return []string{"apply", "-resume=" + run.ID}
	}
	return []string{"apply", "up.plan"}
}

// unlock ends the lock of a program that was killed, so that nobody waits until
// it has run out.
func (p *program) unlock(t *testing.T) {
	t.Helper()
	leases := p.kube.Typed().CoordinationV1().Leases(p.system())
	l, err := leases.Get(t.Context(), journal.LeaseName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" {
		return
	}
	run, _, _ := strings.Cut(*l.Spec.HolderIdentity, " ")
	if err := journal.Unlock(t.Context(), p.kube, p.system(), run); err != nil {
		t.Fatal(err)
	}
}
