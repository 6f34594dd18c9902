package clitest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/journal"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestKilledInTheMiddleOfAnUninstall kills the program at each kind of write
// that Helm makes to uninstall a release, and goes on with the run.
func TestKilledInTheMiddleOfAnUninstall(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	tenant := "tenant-omega-" + p.id
	block := fmt.Sprintf("tenant \"omega\" {\n  slug = %q\n  values = [{ profile = \"provided\", components = { wazuh = { enabled = false }, linuxep = { enabled = false } } }]\n}\n", "omega-"+p.id)
	writes := func(method, resource string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			return r.Method == method && strings.Contains(r.URL.Path, "/namespaces/"+tenant+"/"+resource)
		}
	}
	for _, kill := range []killing{
		{write: 1, kept: true, match: writes(http.MethodPut, "secrets")},         // it says that it is uninstalling
		{write: 1, kept: true, match: writes(http.MethodDelete, "deployments")},  // half of its objects
		{write: 1, kept: false, match: writes(http.MethodDelete, "secrets/sh.")}, // all that Helm knows of it
		{write: 1, kept: true, match: writes(http.MethodDelete, "secrets/sh.")},
	} {
		p.write(t, "omega.hcl", block)
		p.runs(t, "apply", "-auto-approve")
		p.write(t, "omega.hcl", fmt.Sprintf("removed {\n  from = %q\n}\n", "omega-"+p.id))
		if !p.killed(t, kill, "apply", "-auto-approve") {
			t.Fatal("the program was not killed")
		}
		run := p.openRun(t)
		p.unlock(t, run)
		p.proxy.Clear()
		cmd, out := p.command("apply", "-resume="+run)
		if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "0 installed, 0 upgraded, 1 uninstalled.") {
			t.Fatalf("resume: %v\n%s", err, out)
		}
		if _, err := p.kube.Typed().AppsV1().Deployments(tenant).Get(t.Context(), "soctalk-adapter", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("a Deployment is left: %v", err)
		}
		list, err := p.kube.Typed().CoreV1().Secrets(tenant).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
		if err != nil || len(list.Items) > 0 {
			t.Errorf("%d revisions are left: %v", len(list.Items), err)
		}
		p.runs(t, "plan", "-detailed-exitcode")
	}
}

// openRun is the one run that has not come to its end.
func (p *program) openRun(t *testing.T) string {
	t.Helper()
	runs, err := journal.Runs(t.Context(), p.kube, p.system())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(runs, func(r *journal.Run) bool { return r.State != journal.Complete })
	if i < 0 {
		t.Fatal("no run is open")
	}
	return runs[i].ID
}

func (p *program) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
