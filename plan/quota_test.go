package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
)

// runs is a workload whose one container has limits, as YAML.
func runs(kind, name, image, cpu string, more ...string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: %s\nmetadata: {name: %s}\nspec:\n  %s\n  selector: {matchLabels: {app: %s}}\n  template:\n    metadata: {labels: {app: %s}}\n    spec: {containers: [{name: c, image: 'registry.test/c:%s', resources: {limits: {cpu: %s}}}]}\n",
		kind, name, strings.Join(more, "\n  "), name, name, image, cpu)
}

func quotaOf(hard string) string {
	return "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: tenant-quota}\nspec: {hard: {" + hard + "}}\n"
}

func turn(t testing.TB, address, before, after string) Turn {
	t.Helper()
	b, a := manifest(t, before), manifest(t, after)
	return turnOf(address, "ns", b, a, changedObjects(b, a, nil))
}

// The tenant of DOMAIN's example: 4.2 of 5 CPU.
func tenantOf(adapter, dashboard string) string {
	return quotaOf(`limits.cpu: "5"`) + runs("Deployment", "adapter", adapter, "200m") + runs("Deployment", "worker", adapter, "500m") +
		runs("StatefulSet", "indexer", "1", "1500m") + runs("StatefulSet", "manager", "1", "1") + runs("Deployment", "dashboard", dashboard, "1")
}

func TestQuota(t *testing.T) {
	t.Parallel()
	one := func(before, after string) []Turn { return []Turn{turn(t, "tenant.acme", before, after)} }
	zero := "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"
	for name, c := range map[string]struct {
		live  string
		turns []Turn
		want  []string
	}{
		"adapter and worker fit":       {"", one(tenantOf("1", "1"), tenantOf("2", "1")), nil},
		"the dashboard does not":       {"", one(tenantOf("1", "1"), tenantOf("1", "2")), []string{"error limits.cpu needs 5.2 of 5 while Deployment dashboard rolls"}},
		"nothing rolls":                {"", one(tenantOf("1", "1"), tenantOf("1", "1")), nil},
		"set rolls without surge":      {"", one(quotaOf("limits.cpu: 1")+runs("StatefulSet", "a", "1", "1"), quotaOf("limits.cpu: 1")+runs("StatefulSet", "a", "2", "1")), nil},
		"recreate needs no surge":      {"", one(quotaOf("limits.cpu: 1")+runs("Deployment", "a", "1", "1", "strategy: {type: Recreate}"), quotaOf("limits.cpu: 1")+runs("Deployment", "a", "2", "1", "strategy: {type: Recreate}")), nil},
		"nor does unavailable":         {"", one(quotaOf("limits.cpu: 1")+runs("Deployment", "a", "1", "1", zero), quotaOf("limits.cpu: 1")+runs("Deployment", "a", "2", "1", zero)), nil},
		"four replicas do without one": {"", one(quotaOf("limits.cpu: 4")+runs("Deployment", "a", "1", "1", "replicas: 4"), quotaOf("limits.cpu: 4")+runs("Deployment", "a", "2", "1", "replicas: 4")), []string{"warning limits.cpu needs 5 of 4 for all the pods"}},
		"three replicas cannot":        {"", one(quotaOf("limits.cpu: 3")+runs("Deployment", "a", "1", "1", "replicas: 3"), quotaOf("limits.cpu: 3")+runs("Deployment", "a", "2", "1", "replicas: 3")), []string{"error limits.cpu needs 4 of 3 while Deployment a rolls"}},
		"grows too far":                {"", one(quotaOf("limits.cpu: 3")+runs("Deployment", "a", "1", "1"), quotaOf("limits.cpu: 3")+runs("Deployment", "a", "1", "1", "replicas: 4")), []string{"error limits.cpu needs 4 of 3 once everything runs, so Deployment a"}},
		"quota shrinks": {"", one(quotaOf("limits.cpu: 4")+runs("StatefulSet", "a", "1", "2"), quotaOf("limits.cpu: 1")+runs("StatefulSet", "a", "2", "2")),
			[]string{"error limits.cpu needs 2 of 1 once everything runs"}},
		"quota shrinks under what stays": {"", one(quotaOf("limits.cpu: 4")+runs("StatefulSet", "a", "1", "2"), quotaOf("limits.cpu: 1")+runs("StatefulSet", "a", "1", "2")), nil},
		"the render's quota wins":        {quotaOf("limits.cpu: 1"), one(quotaOf("limits.cpu: 1")+runs("Deployment", "a", "1", "1"), quotaOf("limits.cpu: 2")+runs("Deployment", "a", "2", "1")), nil},
		"live quota alone":               {quotaOf("limits.cpu: 1"), one(runs("Deployment", "a", "1", "1"), runs("Deployment", "a", "2", "1")), []string{"error limits.cpu needs 2 of 1 while Deployment a rolls"}},
		"others use some": {strings.Replace(quotaOf("limits.cpu: 3"), "spec:", "status: {used: {limits.cpu: 2500m}}\nspec:", 1), one(runs("Deployment", "a", "1", "1"), runs("Deployment", "a", "2", "1")),
			[]string{"error limits.cpu needs 3.5 of 3 while Deployment a rolls"}},
		"one after the other": {"", one(quotaOf("limits.cpu: 3")+runs("Deployment", "a", "1", "1")+runs("Deployment", "b", "1", "1"), quotaOf("limits.cpu: 3")+runs("Deployment", "a", "2", "1")+runs("Deployment", "b", "2", "1")),
			[]string{"warning limits.cpu needs 4 of 3 for all the pods that may roll at the same time (Deployment a, Deployment b)"}},
		"what shrinks makes room": {"", one(quotaOf("limits.cpu: 4")+runs("Deployment", "a", "1", "2", "strategy: {type: Recreate}")+runs("Deployment", "b", "1", "2"), quotaOf("limits.cpu: 4")+runs("Deployment", "a", "2", "1", "strategy: {type: Recreate}")+runs("Deployment", "b", "2", "1")), []string{"warning limits.cpu needs 5 of 4 for all the pods"}},
		"what goes makes room":    {"", one(quotaOf("limits.cpu: 2")+runs("Deployment", "a", "1", "2"), quotaOf("limits.cpu: 2")+runs("Deployment", "b", "1", "2")), []string{"warning limits.cpu needs 4 of 2 for all the pods"}},
		"companion first": {"", []Turn{
			turn(t, "tenant.acme.companion.wazuh", runs("Deployment", "dashboard", "1", "1"), runs("Deployment", "dashboard", "2", "1")),
			turn(t, "tenant.acme", quotaOf("limits.cpu: 2")+runs("Deployment", "a", "1", "1"), quotaOf("limits.cpu: 3")+runs("Deployment", "a", "2", "1")),
		}, nil}, // nothing was read of the quota before the tenant's own turn
		"companion under the live quota": {quotaOf("limits.cpu: 2"), []Turn{
			turn(t, "tenant.acme.companion.wazuh", runs("Deployment", "dashboard", "1", "1"), runs("Deployment", "dashboard", "2", "1")),
			turn(t, "tenant.acme", quotaOf("limits.cpu: 2")+runs("Deployment", "a", "1", "1"), quotaOf("limits.cpu: 3")+runs("Deployment", "a", "2", "1")),
		}, []string{"error limits.cpu needs 3 of 2 while Deployment dashboard rolls"}},
		"a job runs": {"", one(quotaOf("limits.cpu: 1"), quotaOf("limits.cpu: 1")+strings.Replace(strings.Replace(runs("Job", "a", "1", "2"), "apps/v1", "batch/v1", 1), "selector: {matchLabels: {app: a}}", "", 1)),
			[]string{"error limits.cpu needs 2 of 1 once everything runs, so Job a"}},
		"claims": {"", one(quotaOf("requests.storage: 5Gi, persistentvolumeclaims: 1")+aSetWith("1Gi", 1), quotaOf("requests.storage: 5Gi, persistentvolumeclaims: 1")+aSetWith("1Gi", 2)),
			[]string{"error persistentvolumeclaims needs 2 of 1"}},
		"claims fit":           {"", one(quotaOf("requests.storage: 2Gi, persistentvolumeclaims: 2")+aSetWith("1Gi", 1), quotaOf("requests.storage: 2Gi, persistentvolumeclaims: 2")+aSetWith("1Gi", 2)), nil},
		"objects side by side": {"", one(quotaOf("configmaps: 1")+"---\nkind: ConfigMap\nmetadata: {name: a}\n", quotaOf("configmaps: 1")+"---\nkind: ConfigMap\nmetadata: {name: b}\n"), []string{"error configmaps needs 2 of 1"}},
		"counted kind":         {"", one(quotaOf("count/deployments.apps: 1"), quotaOf("count/deployments.apps: 1")+runs("Deployment", "a", "1", "1")+runs("Deployment", "b", "1", "1")), []string{"error count/deployments.apps needs 2 of 1"}},
		"Helm's own Secret":    {strings.Replace(quotaOf("count/secrets: 3"), "spec:", "status: {used: {count/secrets: 3}}\nspec:", 1), one("", "---\nkind: ConfigMap\nmetadata: {name: b}\n"), []string{"error count/secrets needs 4 of 3"}},
		"no limit given":       {"", one(quotaOf("requests.cpu: 1"), quotaOf("limits.memory: 1Gi")+runs("Deployment", "a", "1", "1")), []string{"error container c of Deployment a says nothing of limits.memory"}},
		"limit by default":     {"", one("", quotaOf("limits.memory: 1Gi")+limitRange("default: {memory: 256Mi}")+runs("Deployment", "a", "1", "1")), nil},
		"default counts":       {"", one("", quotaOf("limits.memory: 100Mi")+limitRange("default: {memory: 256Mi}")+runs("Deployment", "a", "1", "1")), []string{"error limits.memory needs 256Mi of 100Mi once"}},
		"beyond the maximum":   {"", one("", limitRange("max: {cpu: 1}")+runs("Deployment", "a", "1", "2")), []string{"error container c of Deployment a has a cpu limit of 2, and LimitRange tenant-limits of namespace ns allows 1"}},
		"below the minimum":    {"", one("", limitRange("min: {cpu: 1}")+runs("Deployment", "a", "1", "500m")), []string{"error container c of Deployment a requests 0.5 of cpu"}},
		"other scope":          {"", one("", strings.Replace(quotaOf("limits.cpu: 1"), "spec: {", "spec: {scopes: [BestEffort], ", 1)+runs("Deployment", "a", "1", "2")), nil},
		"a scope of classes":   {"", one("", strings.Replace(quotaOf("limits.cpu: 1"), "spec: {", "spec: {scopes: [PriorityClass], ", 1)+runs("Deployment", "a", "1", "2")), []string{"warning quota tenant-quota of namespace ns has scopes"}},
	} {
		got := simulateQuota("ns", manifest(t, c.live), c.turns, nil)
		if len(got) != len(c.want) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for i, want := range c.want {
			severity, text, _ := strings.Cut(want, " ")
			if string(got[i].Severity) != severity || !strings.Contains(got[i].Detail, text) {
				t.Errorf("%s: %s %s", name, got[i].Severity, got[i].Detail)
			}
		}
	}
}

func aSetWith(storage string, replicas int) string {
	return fmt.Sprintf("---\nkind: StatefulSet\nmetadata: {name: s}\nspec: {replicas: %d, volumeClaimTemplates: [{metadata: {name: d}, spec: {resources: {requests: {storage: %s}}}}]}\n", replicas, storage)
}

func limitRange(item string) string {
	return "---\nkind: LimitRange\nmetadata: {name: tenant-limits}\nspec: {limits: [{type: Container, " + item + "}]}\n"
}

func TestPodUsage(t *testing.T) {
	t.Parallel()
	pod := podOf(podSpec(manifest(t, `
kind: Pod
spec:
  overhead: {cpu: 10m}
  initContainers:
    - {name: small, resources: {requests: {cpu: 100m}}}
    - {name: sidecar, restartPolicy: Always, resources: {requests: {cpu: 200m}}}
    - {name: big, resources: {requests: {cpu: 1}, limits: {cpu: 2, memory: 1Gi}}}
  containers:
    - {name: a, resources: {requests: {cpu: 300m}}}
    - {name: b, resources: {limits: {cpu: 400m}}}
    - {name: c}
`)[0]))
	got := map[string]string{}
	for name, q := range pod.usage(limitsFrom(manifest(t, limitRange("default: {memory: 128Mi}, defaultRequest: {cpu: 50m}")))) {
		if !strings.Contains(name, "pods") {
			got[name] = q.String()
		}
	}
	// 1.2 of the big init container beside the sidecar is more than the 0.95 of
	// all that run side by side.
	want := map[string]string{
		"cpu": "1210m", "requests.cpu": "1210m", "limits.cpu": "2010m",
		"memory": "1Gi", "requests.memory": "1152Mi", "limits.memory": "1152Mi",
	}
	want["memory"] = want["requests.memory"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlainQuantities(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"5200m": "5.2", "5": "5", "1536Mi": "1536Mi", "200Gi": "200Gi", "50m": "0.05", "1500": "1500"} {
		if got := plain(resource.MustParse(text)); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func BenchmarkQuota(b *testing.B) {
	t := turn(b, "tenant.acme", tenantOf("1", "1"), tenantOf("2", "1"))
	for b.Loop() {
		simulateQuota("ns", nil, []Turn{t}, nil)
	}
}
