package clitest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/announce"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox"
)

// One run upgrades a system on one cluster and its tenants on another: each
// release, and what is told of it, is where it belongs; the lock and the journal
// are beside the system alone.
func TestSeveralClusters(t *testing.T) {
	t.Parallel()
	far, err := sandbox.Start(t.Context(), sandbox.Options{Nodes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := far.Stop(); err != nil {
			t.Error(err)
		}
	})
	there, err := kube.New(kube.Config{Kubeconfig: far.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	p := newProgram(t)
	kubeconfig, err := os.ReadFile(far.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "far.yaml", string(kubeconfig))
	p.onClusters(t, p.proxy.Kubeconfig, filepath.Join(p.dir, "far.yaml"))
	p.runs(t, "apply", "-auto-approve", "-var", "system=0.2.0", "-var", "tenant=0.2.0")

	// A cluster that goes away after the plan stops what changes something there,
	// and nothing else; it leaves no lock.
	p.runs(t, "plan", "-out=all.plan")
	p.runs(t, "plan", "-target=system", "-out=system.plan")
	p.write(t, "far.yaml", regexp.MustCompile(`server: .*`).ReplaceAllString(string(kubeconfig), "server: https://127.0.0.1:1"))
	if out := p.says(t, 1, "apply", "all.plan"); !strings.Contains(out, "on cluster far, which cannot be used") {
		t.Errorf("with the tenants' cluster gone, apply says:\n%s", out)
	}
	p.runs(t, "apply", "system.plan")
	p.write(t, "far.yaml", string(kubeconfig))
	p.runs(t, "apply", "-auto-approve")

	for _, name := range []string{"acme", "beta", "gamma"} {
		namespace := "tenant-" + name + "-" + p.id
		if n := revisions(t, there, namespace); n != 2 {
			t.Errorf("%s has %d revisions on its cluster, want 2", name, n)
		}
		if n := revisions(t, p.kube, namespace); n != 0 {
			t.Errorf("%s has %d revisions on the system's cluster", name, n)
		}
		events, err := there.Typed().EventsV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, e := range events.Items {
			if e.ReportingController == announce.Controller && e.Reason == "UpgradeDone" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%d Events on its cluster tell that %s was upgraded", told, name)
		}
	}
	if n := revisions(t, there, p.system()); n != 0 {
		t.Errorf("the system has %d revisions on the tenants' cluster", n)
	}
	maps, err := there.Typed().CoreV1().ConfigMaps("").List(t.Context(), metav1.ListOptions{LabelSelector: "soctalk.io/journal"})
	if err != nil || len(maps.Items) > 0 {
		t.Errorf("%d parts of journals are on the tenants' cluster, %v", len(maps.Items), err)
	}
}

// onClusters declares where the system and the tenants are.
func (p *program) onClusters(t *testing.T, system, tenants string) {
	t.Helper()
	path := filepath.Join(p.dir, "fleet.hcl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "cluster.far") {
		changed := strings.Replace(string(text), "system {\n", "system {\n  cluster   = cluster.near\n", 1)
		changed = strings.Replace(changed, "tenant_defaults {\n", "tenant_defaults {\n  cluster = cluster.far\n", 1)
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text = []byte("cluster \"near\" {\n  kubeconfig = " + quoteHCL(system) + "\n}\ncluster \"far\" {\n  kubeconfig = " + quoteHCL(tenants) + "\n}\n")
	if err := os.WriteFile(filepath.Join(p.dir, "clusters.hcl"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func revisions(t *testing.T, k *kube.Cluster, namespace string) int {
	t.Helper()
	list, err := k.Typed().CoreV1().Secrets(namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}
