package clustertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/journal/journaltest"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// byDSN is the way into the database with a DSN in the files.
const byDSN = `
  database {
    dsn = var.dsn
  }`

// killable is the program as a process of its own, behind a proxy that knows when
// to kill it.
type killable struct {
	*fleet
	path  string
	proxy *faultproxy.Proxy
	kube  *kube.Cluster
	env   []string
}

func newKillable(t *testing.T, f *fleet) *killable {
	t.Helper()
	cluster := realnodetest.Cluster(t)
	upstream, err := cluster.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	p := &killable{fleet: f, path: filepath.Join(t.TempDir(), "soctalk"), proxy: faultproxy.Start(t, upstream, faultproxy.Options{})}
	f.write(t, "soctalk.vars.hcl", fmt.Appendf(nil, "name = %q\nregistry = %q\nkubeconfig = %q\n", f.system, cluster.Registry, p.proxy.Kubeconfig))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, p.path); err != nil {
		t.Fatal(err)
	}
	if p.kube, err = kube.New(kube.Config{Kubeconfig: cluster.Kubeconfig}); err != nil {
		t.Fatal(err)
	}
	secret, err := realnodetest.Client(t).CoreV1().Secrets(f.system).Get(t.Context(), f.system+"-postgres-admin-creds", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), "SOCTALK_IN_AUTOMATION=1", "XDG_CACHE_HOME="+t.TempDir(), "SOCTALK_VAR_admin_password="+canary, "SOCTALK_VAR_dsn="+string(secret.Data["url"]))
	f.write(t, "dsn.hcl", []byte("variable \"dsn\" {\n  type = string\n  sensitive = true\n}\n"))
	return p
}

func (p *killable) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := exec.Command(p.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, &out, &out
	return cmd, &out
}

func (p *killable) runs(t *testing.T, args ...string) string {
	t.Helper()
	cmd, out := p.command(args...)
	err := cmd.Run()
	t.Logf("$ soctalk %s\n%s", strings.Join(args, " "), out)
	if err != nil {
		t.Fatalf("soctalk %s: %v", strings.Join(args, " "), err)
	}
	return out.String()
}

// killed runs the program, which dies where it is about to note that one of the
// steps is done, and says whether it did; otherwise it must have succeeded. The
// step is no longer among them then.
func (p *killable) killed(t *testing.T, steps map[string]bool, args ...string) bool {
	t.Helper()
	cmd, out := p.command(args...)
	step := ""
	err := p.proxy.RunKilled(cmd, faultproxy.Rule{Times: 1, Match: func(r *http.Request) bool {
		done := doneBy(r)
		n := slices.IndexFunc(done, func(s string) bool { return steps[s] })
		if n >= 0 && step == "" {
			step = done[n]
		}
		return n >= 0
	}}, false)
	p.proxy.Clear()
	delete(steps, step) // empty in the middle of a restore
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case !errors.As(err, &exit) || exit.Exited():
		t.Fatalf("soctalk %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return true
}

// doneBy are the steps that a page of a journal notes as done.
func doneBy(r *http.Request) (steps []string) {
	body, is := journaltest.Page(r)
	for is {
		i := strings.Index(body, `{"time":`)
		if i < 0 {
			break
		}
		body = body[i:]
		var e apply.Entry
		if err := json.NewDecoder(strings.NewReader(body)).Decode(&e); err == nil && e.Kind == apply.Done {
			steps = append(steps, e.Step)
		}
		body = body[1:]
	}
	return steps
}

// unlock ends the lock that a killed program has left, and returns its run.
func (p *killable) unlock(t *testing.T) string {
	t.Helper()
	run := p.newest(t)
	if err := journal.Unlock(t.Context(), p.kube, p.system, run); err != nil {
		t.Fatal(err)
	}
	return run
}

// TestRollbackKilledAtEveryStep undoes a run with a program that is killed at the
// end of each step, before the journal knows of it, and in the middle of the
// restore. The database is reached by a plain DSN.
func TestRollbackKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "killed")
	f.want(t, "0.1.4", "0.1.9")
	f.run(t, 0, "init")
	f.run(t, 0, "apply", "-auto-approve")
	p := newKillable(t, f)
	f.inSystem(t, byDSN+dumps)
	f.sql(t, `INSERT INTO tenants (slug, settings) VALUES ('acme', '{"llm": {"provider": "openai", "model": "gpt-4o"}}')`)
	secrets := f.secrets(t)
	f.want(t, "0.2.1", "0.2.1")
	p.runs(t, "apply", "-auto-approve")
	run := p.newest(t)
	f.sql(t, "INSERT INTO tenants (slug) VALUES ('written-since')")
	p.runs(t, "rollback", run, "-out=back.plan", "-accept-data-loss")
	dies := p.diesInRestore(t)

	args, kills := []string{"apply", "back.plan"}, 0
	steps := map[string]bool{}
	for _, step := range []string{"system/0/rollback", "tenant.only/0/rollback", "tenant.only/1/verify", "system/1/restore/postgres", "system/1/rollback", "system/1/scale-up"} {
		steps[step] = true
	}
	for want := len(steps) + 1; p.killed(t, steps, args...); args = []string{"apply", "-resume=" + p.unlock(t)} {
		if kills++; kills > want {
			t.Fatalf("killed %d times, and left are %v", kills, steps)
		}
	}
	if len(steps) > 0 {
		t.Errorf("never cut off: %v", steps)
	}
	if _, err := os.Stat(dies); !os.IsNotExist(err) {
		t.Errorf("it was not killed in the middle of the restore: %v", err)
	}
	t.Logf("killed %d times", kills)
	f.holds(t, map[string]string{
		"SELECT version_num FROM alembic_version":                         "v1_0016_provisioning_job_reconcile_kind",
		"SELECT count(*) FROM tenants WHERE slug = 'written-since'":       "0",
		"SELECT settings->'llm'->>'model' FROM tenants WHERE slug='acme'": "gpt-4o",
	})
	f.answers(t, map[string]string{"/health/ready": "ok", "/version": "0.1.0"})
	same(t, "after the rollback", secrets, f.secrets(t))
	f.replicas(t, 1)
	f.want(t, "0.1.4", "0.1.9")
	text := p.runs(t, "plan", "-detailed-exitcode") // 0: nothing is left to do
	if strings.Contains(text, canary) {
		t.Error("a secret value is shown")
	}
}

// newest is the id of the run that began last.
func (p *killable) newest(t *testing.T) string {
	t.Helper()
	runs, err := journal.Runs(t.Context(), p.kube, p.system)
	if err != nil || len(runs) == 0 {
		t.Fatalf("runs: %v, %v", runs, err)
	}
	return runs[0].ID
}

// diesInRestore puts a program before psql that kills the one which restores with
// it, once, with the restore half done. What it returns is there until it has.
func (p *killable) diesInRestore(t *testing.T) string {
	t.Helper()
	real, err := exec.LookPath("psql")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	armed := filepath.Join(dir, "armed")
	write(t, armed, nil)
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in *--tuples-only*|*--command*|*--version*) exec %[1]s "$@" ;; esac
[ -e %[2]s ] || exec %[1]s "$@"
rm %[2]s
head -c 4000 | %[1]s "$@"
kill -9 $PPID
`, real, armed)
	if err := os.WriteFile(filepath.Join(dir, "psql"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.env, func(e string) bool { return strings.HasPrefix(e, "PATH=") })
	p.env = slices.Clone(p.env)
	p.env[i] = "PATH=" + dir + string(os.PathListSeparator) + strings.TrimPrefix(p.env[i], "PATH=")
	return armed
}
