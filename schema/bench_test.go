package schema

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeFleet makes a fleet of n tenants from one YAML file, as a large
// provider writes it: defaults, common values, own values, labels, waves.
func writeFleet(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("fleet.hcl", `
variable "target" {
  default = "0.2.1"
}
variable "llm_key" {
  default   = "sk-0123456789abcdef"
  sensitive = true
}
system {
  chart   = "oci://ghcr.io/soctalk/charts/soctalk-system"
  version = var.target
  values  = [{ install = { label = "prod" } }]
}
tenant_defaults {
  chart   = "oci://ghcr.io/soctalk/charts/soctalk-tenant"
  version = var.target
}
tenant "fleet" {
  for_each = yamldecode(file("tenants.yaml"))
  version  = try(each.value.version, var.target)
  labels   = each.value.labels
  values   = [file("common.yaml"), templatefile("tenant.yaml.tpl", { name = each.key, key = var.llm_key }), each.value.values]
  set      = { "adapter.image.tag" = var.target }
  precondition {
    condition     = startswith(self.slug, "t")
    error_message = "Slugs begin with t."
  }
  companion "wazuh" {
    chart   = "oci://ghcr.io/soctalk/charts/wazuh"
    version = "0.2.1"
    values  = [{ host = "wazuh-${self.slug}" }]
  }
}
check "ready" {
  http {
    service = "soctalk-adapter"
    port    = 8080
    path    = "/health/ready?tenant=${self.slug}"
  }
}
rollout {
  max_parallel = 10
  wave "canary" {
    match  = { tier = "internal" }
    checks = [check.ready]
  }
  wave "tenth" {
    percent = 10
    checks  = [check.ready]
  }
}
`)
	var common strings.Builder
	for i := range 60 {
		fmt.Fprintf(&common, "component%d:\n  enabled: true\n  replicas: %d\n  resources: {limits: {cpu: 500m, memory: 512Mi}}\n", i, i%4)
	}
	write("common.yaml", common.String())
	write("tenant.yaml.tpl", "tenant:\n  name: ${name}\n  host: ${name}.example.org\nllm:\n  apiKey: ${key}\n")
	var tenants strings.Builder
	for i := range n {
		tier := "standard"
		if i%100 == 0 {
			tier = "internal"
		}
		fmt.Fprintf(&tenants, "t%05d:\n  labels: {tier: %s, region: eu-%d}\n  values:\n    quota: {cpu: %d, memory: 8Gi}\n    contacts: [a%d@example.org, b%d@example.org]\n", i, tier, i%3, i%8+1, i, i)
	}
	write("tenants.yaml", tenants.String())
	return dir
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmarkLoad(b *testing.B, n int) {
	dir := writeFleet(b, n)
	b.ReportAllocs()
	var peak uint64
	started := cpuTime()
	for b.Loop() {
		f, diags := Load(dir, Options{})
		if diags.HasErrors() {
			b.Fatal(diags)
		}
		if len(f.Tenants) != n {
			b.Fatalf("%d tenants", len(f.Tenants))
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
		runtime.KeepAlive(f)
	}
	// On a shared machine the time on the CPU says more than that on the wall;
	// it counts the garbage collector on other cores too.
	b.ReportMetric(float64((cpuTime()-started).Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
}

func BenchmarkLoad100(b *testing.B)   { benchmarkLoad(b, 100) }
func BenchmarkLoad1000(b *testing.B)  { benchmarkLoad(b, 1000) }
func BenchmarkLoad10000(b *testing.B) { benchmarkLoad(b, 10000) }
