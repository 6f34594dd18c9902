package check_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/schema"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// within is generous: the machine may be busy.
const within = 2 * time.Minute

const files = `
variable "token" {
  default   = "c4n4ry-9d1e7b42"
  sensitive = true
}

system {
  namespace = "sys-NAMESPACE"
  chart     = "oci://registry.example.com/soctalk-system"
  version   = "0.2.1"
  SYSTEM
}

tenant "acme" {
  namespace = "NAMESPACE"
  labels    = { tier = "gold" }
  chart     = "oci://registry.example.com/soctalk-tenant"
  version   = "0.2.1"
}

rollout {
  wave "all" { checks = [CHECKS] }
}
`

// load reads a fleet of one tenant, whose wave lists some checks.
func load(t *testing.T, namespace, system, checks, blocks string) *schema.Fleet {
	t.Helper()
	dir := t.TempDir()
	text := strings.NewReplacer("NAMESPACE", namespace, "SYSTEM", system, "CHECKS", checks).Replace(files) + blocks
	if err := os.WriteFile(filepath.Join(dir, "fleet.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, diags := schema.Load(dir, schema.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return f
}

// one loads a fleet with a single check of a probe, and asks it about the tenant.
func one(t *testing.T, c *kube.Cluster, namespace, probe string) apply.Answer {
	t.Helper()
	f := load(t, namespace, "", "check.it", "check \"it\" {\n"+probe+"\n}\n")
	return ask(t, f, c, "it", time.Minute)
}

func ask(t *testing.T, f *schema.Fleet, c *kube.Cluster, name string, since time.Duration) apply.Answer {
	t.Helper()
	s := check.New(f, map[string]*kube.Cluster{schema.DefaultCluster: c}, nil, "run-1", []string{"PATH=" + os.Getenv("PATH"), "SOCTALK_VAR_token=x"})
	defer s.Close()
	return s.Probe(t.Context(), apply.Question{Check: name, Address: "tenant.acme", Since: since, Within: within})
}

// nowhere is a cluster that nobody asks.
func nowhere(t *testing.T) *kube.Cluster {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}], clusters: [{name: x, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: x, user: {}}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(kube.Config{Kubeconfig: path})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sandboxed(t *testing.T) *kube.Cluster {
	t.Helper()
	c, err := kube.New(kube.Config{Kubeconfig: sandboxtest.Cluster(t).Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func holds(t *testing.T, what string, a apply.Answer, ok bool, parts ...string) {
	t.Helper()
	text := a.Found + "\n" + strings.Join(a.Seen, "\n")
	if a.OK != ok {
		t.Errorf("%s: OK is %t: %s", what, a.OK, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q is not in: %s", what, part, text)
		}
	}
	if small := strings.ToLower(text); strings.Contains(small, "c4n4") || strings.Contains(small, "63346e34") {
		t.Errorf("%s shows a secret: %s", what, text)
	}
	if strings.ContainsAny(a.Found, "\n\x1b") || len(a.Found) > 450 {
		t.Errorf("%s is not one line to be shown: %q", what, a.Found)
	}
}

// reachable is an address of this machine that pods may have.
func reachable(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but the loopback's, which no Service may lead to")
	return ""
}
