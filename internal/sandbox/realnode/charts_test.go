package realnode_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/yaml"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/sandbox/realnode"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
)

const (
	charts    = "../../../examples/charts"
	system    = "soctalk-system"
	tenant    = "tenant-acme"
	revisions = "psql -U soctalk_admin -d soctalk -Atc 'SELECT version_num FROM alembic_version'"
)

// TestCharts installs a system and a tenant as a person would, with nothing
// between Helm and the pods.
func TestCharts(t *testing.T) {
	client := realnodetest.Client(t)
	install(t, system, system, "0.1.4", realnode.SystemValues())

	t.Run("the init container migrated", func(t *testing.T) {
		got := realnodetest.Exec(t, system, system+"-postgres-0", "postgres", "bash", "-c", revisions)
		if want := "v1_0016_provisioning_job_reconcile_kind"; got != want {
			t.Errorf("the database is at %q, want %q", got, want)
		}
	})
	t.Run("the init container's logs", func(t *testing.T) {
		logs := realnodetest.Logs(t, system, podOf(t, system, "api"), "db-init")
		if want := "At revision v1_0016_provisioning_job_reconcile_kind"; !strings.Contains(logs, want) {
			t.Errorf("the logs lack %q:\n%s", want, logs)
		}
	})
	t.Run("the api through the service proxy", func(t *testing.T) {
		for path, want := range map[string]string{"/health/ready": "ok", "/version": "0.1.0"} {
			body, err := client.CoreV1().Services(system).ProxyGet("http", system+"-api", "http", path, nil).DoRaw(t.Context())
			if err != nil {
				t.Fatalf("GET %s: %v: %s", path, err, body)
			}
			if got := strings.TrimSpace(string(body)); got != want {
				t.Errorf("GET %s: %q, want %q", path, got, want)
			}
		}
	})
	t.Run("names of Services", func(t *testing.T) {
		for _, address := range []string{
			"soctalk-system-api/8000",                                    // with an address of its own
			"soctalk-system-postgres.soctalk-system/5432",                // without
			"soctalk-system-postgres-0.soctalk-system-postgres/5432",     // one pod's
			"soctalk-system-api.soctalk-system.svc.cluster.local/8000",   // in full
			"kubernetes.default.svc/443",                                 // the API server
			"soctalk-system-app-ui.soctalk-system.svc.cluster.local./80", // absolute, and another port than the pod's
		} {
			realnodetest.Exec(t, system, system+"-postgres-0", "postgres", "timeout", "10", "bash", "-c", "exec 3<>/dev/tcp/"+address)
		}
		got := realnodetest.Exec(t, system, system+"-postgres-0", "postgres", "bash", "-c", "exec 3<>/dev/tcp/nobody/80 || echo no")
		if got != "no" {
			t.Errorf("a Service that does not exist: %s", got)
		}
	})
	t.Run("a password is asked for over the network", func(t *testing.T) {
		got := realnodetest.Exec(t, system, system+"-postgres-0", "postgres", "bash", "-c",
			"PGPASSWORD=wrong psql -h soctalk-system-postgres -U soctalk_admin -d soctalk -c 'SELECT 1' 2>&1 || true")
		if !strings.Contains(got, "password authentication failed") {
			t.Errorf("a wrong password: %s", got)
		}
	})
	t.Run("pg_dump through exec", func(t *testing.T) {
		got := realnodetest.Exec(t, system, system+"-postgres-0", "postgres", "bash", "-c",
			"pg_dump -U soctalk_admin -Fc -f /tmp/dump soctalk && pg_restore --list /tmp/dump")
		if want := "TABLE DATA public alembic_version"; !strings.Contains(got, want) {
			t.Errorf("the dump lacks %q:\n%s", want, got)
		}
	})
	t.Run("a tenant", func(t *testing.T) {
		install(t, "soctalk-tenant", tenant, "0.1.9", realnode.TenantValues())
		if got := realnodetest.Logs(t, tenant, podOf(t, tenant, "runs-worker"), ""); !strings.Contains(got, "runs-worker 0.1.0") {
			t.Errorf("the runs worker's logs: %s", got)
		}
	})
}

// install installs a chart into the namespace of the release's name.
func install(t *testing.T, chart, release, version string, values []byte) {
	t.Helper()
	loaded, err := loader.Load(filepath.Join(charts, chart, version))
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string]any
	if err := yaml.Unmarshal(values, &parsed); err != nil {
		t.Fatal(err)
	}
	kubeconfig := realnodetest.Cluster(t).Kubeconfig
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig, flags.Namespace = &kubeconfig, &release
	var configuration action.Configuration
	if err := configuration.Init(flags, release, "secret", func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	helm := action.NewInstall(&configuration)
	helm.ReleaseName, helm.Namespace, helm.CreateNamespace = release, release, true
	helm.Wait, helm.Timeout = true, 2*time.Minute
	if _, err := helm.RunWithContext(t.Context(), loaded, parsed); err != nil {
		describe(t, release)
		t.Fatalf("install %s %s: %v", chart, version, err)
	}
}

// describe logs what keeps the pods of a namespace from running.
func describe(t *testing.T, namespace string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	client := realnodetest.Client(t).CoreV1()
	events, err := client.Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Log(err)
		return
	}
	for _, event := range events.Items {
		if event.Type == corev1.EventTypeWarning {
			t.Logf("%s %s: %s: %s", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)
		}
	}
	pods, err := client.Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Log(err)
		return
	}
	for _, pod := range pods.Items {
		for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
			if status.Ready || status.RestartCount == 0 {
				continue
			}
			options := &corev1.PodLogOptions{Container: status.Name, Previous: true}
			logs, err := client.Pods(namespace).GetLogs(pod.Name, options).DoRaw(ctx)
			t.Logf("%s in %s wrote before it was restarted: %s%v", status.Name, pod.Name, logs, err)
		}
	}
}

// podOf returns the one pod of a component.
func podOf(t *testing.T, namespace, component string) string {
	t.Helper()
	pods, err := realnodetest.Client(t).CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: "app.kubernetes.io/component=" + component,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) != 1 {
		t.Fatalf("%d pods of %s in %s, want 1", len(pods.Items), component, namespace)
	}
	return pods.Items[0].Name
}
