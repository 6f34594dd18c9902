package examples

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"
)

// published lists every version of every chart with its appVersion, oldest first.
var published = map[string][][2]string{
	"soctalk-system": {{"0.1.2", "0.1.0"}, {"0.1.3", "0.1.0"}, {"0.1.4", "0.1.0"}, {"0.2.0", "0.2.0"}, {"0.2.1", "0.2.1"}, {"0.3.0", "0.3.0"}},
	"soctalk-tenant": {{"0.1.1", "0.1.0"}, {"0.1.9", "0.1.0"}, {"0.2.0", "0.2.0"}, {"0.2.1", "0.2.1"}, {"0.3.0", "0.3.0"}},
	"wazuh":          {{"0.1.0", "4.12.0"}, {"0.1.1", "4.12.0"}, {"0.2.0", "4.12.0"}, {"0.2.1", "4.12.0"}, {"0.3.0", "5.0.0"}},
}

// schemaRevisions are the database revisions that the code of each system version needs.
var schemaRevisions = map[string]string{
	"0.1.2": "v1_0016_provisioning_job_reconcile_kind",
	"0.1.3": "v1_0016_provisioning_job_reconcile_kind",
	"0.1.4": "v1_0016_provisioning_job_reconcile_kind",
	"0.2.0": "v1_0037_authored_response_playbooks",
	"0.2.1": "v1_0047_tenant_llm_engine",
	"0.3.0": "v1_0052_tenant_data_plane",
}

const jobTemplate = "templates/jobs/alembic-upgrade.yaml"

type object = unstructured.Unstructured

// eachVersion runs f for every published version of the named charts, or of all.
func eachVersion(t *testing.T, f func(t *testing.T, name, version string), names ...string) {
	t.Helper()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(published))
	}
	for _, name := range names {
		for _, v := range published[name] {
			t.Run(name+"/"+v[0], func(t *testing.T) { f(t, name, v[0]) })
		}
	}
}

func load(t *testing.T, name, version string) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(filepath.Join("charts", name, version))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// releaseOptions are the name and namespace that a chart's release has in SocTalk.
func releaseOptions(name string) chartutil.ReleaseOptions {
	o := chartutil.ReleaseOptions{Name: "soctalk-system", Namespace: "soctalk-system", Revision: 1, IsInstall: true}
	switch name {
	case "soctalk-tenant":
		o.Name, o.Namespace = "tenant-acme", "tenant-acme"
	case "wazuh":
		o.Name, o.Namespace = "wazuh-acme", "tenant-acme"
	}
	return o
}

type clients struct{ dynamic.Interface }

func (c clients) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	return c.Resource(gv.WithResource(strings.ToLower(kind) + "s")), true, err
}

// render returns the rendered text of each template, as Helm would send it to a cluster that holds the given objects.
func render(name, version, values string, apis chartutil.VersionSet, live ...runtime.Object) (map[string]string, error) {
	c, err := loader.LoadDir(filepath.Join("charts", name, version))
	if err != nil {
		return nil, err
	}
	v := map[string]any{}
	if err := yaml.Unmarshal([]byte(values), &v); err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, v); err != nil {
		return nil, err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = chartutil.KubeVersion{Version: "v1.36.3", Major: "1", Minor: "36"}
	caps.APIVersions = append(slices.Clone(caps.APIVersions), apis...)
	top, err := chartutil.ToRenderValues(c, v, releaseOptions(name), caps)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	out, err := engine.RenderWithClientProvider(c, top, clients{fake.NewSimpleDynamicClient(scheme, live...)})
	if err != nil {
		return nil, err
	}
	templates := map[string]string{}
	for path, text := range out {
		if strings.TrimSpace(text) != "" && !strings.HasPrefix(filepath.Base(path), "_") {
			templates[strings.TrimPrefix(path, name+"/")] = text
		}
	}
	return templates, nil
}

var separator = regexp.MustCompile(`(?m)^---\s*$`)

func objects(t *testing.T, templates map[string]string) map[string]object {
	t.Helper()
	all := map[string]object{}
	for _, path := range slices.Sorted(maps.Keys(templates)) {
		for _, document := range separator.Split(templates[path], -1) {
			o := object{}
			if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
				t.Fatalf("%s: %v\n%s", path, err, document)
			}
			if len(o.Object) == 0 {
				continue
			}
			id := o.GetKind() + "/" + o.GetName()
			if _, twice := all[id]; twice || o.GetAPIVersion() == "" || o.GetName() == "" {
				t.Errorf("%s: %s is incomplete or rendered twice", path, id)
			}
			all[id] = o
		}
	}
	return all
}

func mustRender(t *testing.T, name, version, values string, live ...runtime.Object) map[string]object {
	t.Helper()
	templates, err := render(name, version, values, nil, live...)
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, templates)
}

func field[T any](t *testing.T, o object, path ...string) T {
	t.Helper()
	v, found, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	typed, ok := v.(T)
	if !found || err != nil || !ok {
		t.Fatalf("%s/%s has no %s", o.GetKind(), o.GetName(), strings.Join(path, "."))
	}
	return typed
}

func podSpec(o object) map[string]any {
	spec, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	return spec
}

func images(o object) []string {
	var all []string
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := podSpec(o)[list].([]any)
		for _, c := range containers {
			all = append(all, c.(map[string]any)["image"].(string))
		}
	}
	return all
}

func TestChartsAreComplete(t *testing.T) {
	for name, versions := range published {
		folders, err := os.ReadDir(filepath.Join("charts", name))
		if err != nil {
			t.Fatal(err)
		}
		if len(folders) != len(versions) {
			t.Errorf("%s: %d folders, %d versions listed in this test", name, len(folders), len(versions))
		}
	}
	eachVersion(t, func(t *testing.T, name, version string) {
		c := load(t, name, version)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if err := action.CheckDependencies(c, c.Metadata.Dependencies); err != nil {
			t.Error(err)
		}
		var app string
		for _, v := range published[name] {
			if v[0] == version {
				app = v[1]
			}
		}
		got := []string{c.Name(), c.Metadata.Version, c.Metadata.AppVersion, c.Metadata.KubeVersion}
		if diff := cmp.Diff([]string{name, version, app, ">=1.28.0-0"}, got); diff != "" {
			t.Error(diff)
		}
		var changes []struct{ Kind, Description string }
		if err := yaml.UnmarshalStrict([]byte(c.Metadata.Annotations["artifacthub.io/changes"]), &changes); err != nil || len(changes) == 0 {
			t.Errorf("release notes: %v %v", changes, err)
		}
		if name == "soctalk-system" && c.Metadata.Annotations["soctalk.io/schema-revision"] != schemaRevisions[version] {
			t.Errorf("schema revision %q", c.Metadata.Annotations["soctalk.io/schema-revision"])
		}
		for _, m := range lint.AllWithKubeVersion(filepath.Join("charts", name, version), nil, "default", nil).Messages {
			if m.Severity > support.InfoSev {
				t.Error(m)
			}
		}
	})
}

func TestVendoredWazuhIsThePublishedChart(t *testing.T) {
	vendored := map[string]string{"0.1.9": "0.1.1", "0.2.0": "0.2.0", "0.2.1": "0.2.1", "0.3.0": "0.3.0"}
	eachVersion(t, func(t *testing.T, _, version string) {
		folder := filepath.Join("charts/soctalk-tenant", version, "charts/wazuh")
		original, ok := vendored[version]
		if !ok {
			if _, err := os.Stat(folder); !os.IsNotExist(err) {
				t.Errorf("a subchart that was not expected: %v", err)
			}
			return
		}
		if d := load(t, "soctalk-tenant", version).Metadata.Dependencies[0]; d.Version != original {
			t.Errorf("Chart.yaml wants wazuh %s", d.Version)
		}
		want, got := tree(t, filepath.Join("charts/wazuh", original)), tree(t, folder)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}, "soctalk-tenant")
}

func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		relative, _ := filepath.Rel(root, path)
		files[relative] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDefaultsRender(t *testing.T) {
	clusterScoped := []string{"ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
	eachVersion(t, func(t *testing.T, name, version string) {
		for id, o := range mustRender(t, name, version, "") {
			want := releaseOptions(name).Namespace
			if slices.Contains(clusterScoped, o.GetKind()) {
				want = ""
			}
			if o.GetNamespace() != want {
				t.Errorf("%s is in namespace %q", id, o.GetNamespace())
			}
			if o.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" {
				t.Errorf("%s does not say who manages it", id)
			}
		}
	})
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		chart, version, values string
		want                   string
	}{
		{"soctalk-system", "0.1.4", "", `
			ClusterRole/soctalk-system-controller ClusterRoleBinding/soctalk-system-controller
			ConfigMap/soctalk-system-config ConfigMap/soctalk-system-migrations-0.1.4
			Deployment/soctalk-system-api Deployment/soctalk-system-app-ui Job/soctalk-system-preinstall-check
			NetworkPolicy/soctalk-system-allow-dns NetworkPolicy/soctalk-system-api NetworkPolicy/soctalk-system-app-ui
			NetworkPolicy/soctalk-system-default-deny NetworkPolicy/soctalk-system-postgres
			Secret/soctalk-system-adapter-signing-key Secret/soctalk-system-jwt-signing-key Secret/soctalk-system-llm-api-key
			Secret/soctalk-system-postgres-admin-creds Secret/soctalk-system-postgres-app-creds Secret/soctalk-system-postgres-mssp-creds
			Service/soctalk-system-api Service/soctalk-system-app-ui Service/soctalk-system-postgres
			ServiceAccount/soctalk-system-controller ServiceAccount/soctalk-system-preinstall-check
			StatefulSet/soctalk-system-postgres
			ValidatingAdmissionPolicy/soctalk-system-tenant-namespace-guard ValidatingAdmissionPolicy/soctalk-system-tenant-resource-guard
			ValidatingAdmissionPolicyBinding/soctalk-system-tenant-namespace-guard ValidatingAdmissionPolicyBinding/soctalk-system-tenant-resource-guard`},
		{"soctalk-system", "0.2.1", "{networkPolicy: {enabled: false}, admissionPolicy: {enabled: false}, preInstallCheck: {enabled: false}, bootstrapAdmin: {password: x}}", `
			ClusterRole/soctalk-system-controller ClusterRoleBinding/soctalk-system-controller
			ConfigMap/soctalk-system-config ConfigMap/soctalk-system-migrations-0.2.1
			Deployment/soctalk-system-api Deployment/soctalk-system-app-ui Job/soctalk-system-alembic-upgrade
			PodDisruptionBudget/soctalk-system-api
			Secret/soctalk-system-adapter-signing-key Secret/soctalk-system-bootstrap-admin Secret/soctalk-system-jwt-signing-key
			Secret/soctalk-system-llm-api-key
			Secret/soctalk-system-postgres-admin-creds Secret/soctalk-system-postgres-app-creds Secret/soctalk-system-postgres-mssp-creds
			Service/soctalk-system-api Service/soctalk-system-app-ui Service/soctalk-system-postgres
			ServiceAccount/soctalk-system-controller StatefulSet/soctalk-system-postgres`},
		{"soctalk-tenant", "0.2.1", "", `
			ConfigMap/soctalk-triage-policies ConfigMap/tenant-acme-wazuh-manager ConfigMap/tenant-config
			Deployment/soctalk-adapter Deployment/soctalk-runs-worker Deployment/tenant-acme-wazuh-dashboard
			LimitRange/tenant-limits
			NetworkPolicy/adapter-egress-api NetworkPolicy/adapter-ingress-system NetworkPolicy/allow-dns NetworkPolicy/allow-inside
			NetworkPolicy/default-deny NetworkPolicy/runs-worker-egress NetworkPolicy/wazuh-agents-ingress
			ResourceQuota/tenant-quota
			Secret/tenant-acme-ingest-key Secret/tenant-acme-wazuh-creds
			Service/soctalk-adapter Service/tenant-acme-linuxep Service/tenant-acme-wazuh-dashboard
			Service/tenant-acme-wazuh-indexer Service/tenant-acme-wazuh-manager
			ServiceAccount/tenant-acme-sa
			StatefulSet/tenant-acme-linuxep StatefulSet/tenant-acme-wazuh-indexer StatefulSet/tenant-acme-wazuh-manager`},
		{"soctalk-tenant", "0.2.1", "{profile: provided, components: {wazuh: {enabled: false}}, networkPolicy: {enabled: false}, llm: {apiKey: x}, adapter: {token: x}, runsWorker: {token: x}}", `
			ConfigMap/soctalk-triage-policies ConfigMap/tenant-config Deployment/soctalk-adapter Deployment/soctalk-runs-worker
			LimitRange/tenant-limits ResourceQuota/tenant-quota
			Secret/adapter-token Secret/runs-worker-token Secret/tenant-acme-ingest-key Secret/tenant-llm-key
			Service/soctalk-adapter ServiceAccount/tenant-acme-sa`},
		{"wazuh", "0.2.1", "", `
			ConfigMap/wazuh-acme-wazuh-manager Deployment/wazuh-acme-wazuh-dashboard Secret/wazuh-acme-wazuh-creds
			Service/wazuh-acme-wazuh-dashboard Service/wazuh-acme-wazuh-indexer Service/wazuh-acme-wazuh-manager
			StatefulSet/wazuh-acme-wazuh-indexer StatefulSet/wazuh-acme-wazuh-manager`},
	} {
		t.Run(test.chart+"/"+test.version, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(mustRender(t, test.chart, test.version, test.values)))
			if diff := cmp.Diff(strings.Fields(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSchemas(t *testing.T) {
	for _, test := range []struct {
		chart, values string
		versions      string // the versions that accept these values
	}{
		{"soctalk-system", "{}", ">=0.1.2"},
		{"soctalk-system", "{image: {tag: 0.1.0}, tenantProvisioning: {tenantChartVersion: 0.1.9, adapterImageTag: 0.1.0, runsWorkerImageTag: 0.1.0, linuxEpImageTag: 0.1.0}}", ">=0.1.2"},
		{"soctalk-system", "{profile: small, postgres: {image: 'example.com/postgres:15', clusterIP: 10.96.0.50}, migration: {image: 'example.com/postgres:15', command: [psql]}}", ">=0.1.2"},
		{"soctalk-system", "{llm: {dollarBudgetPerDay: 5}}", "<0.2.1"},
		{"soctalk-system", "{llm: {engine: native}}", ">=0.2.1"},
		{"soctalk-system", "{llm: {provider: openai-compatible}}", "<0.2.1"},
		{"soctalk-system", "{llm: {provider: openai-compatible, baseUrl: 'https://llm.example.com'}}", ">=0.1.2"},
		{"soctalk-system", "{llm: {engine: gateway}}", "<0.0.0"},
		{"soctalk-system", "{playbooks: {enabled: false}}", ">=0.2.0"},
		{"soctalk-system", "{migration: {backoffLimit: 2}}", ">=0.2.1"},
		{"soctalk-system", "{install: {msspId: acme}}", "<0.0.0"},
		{"soctalk-system", "{imagee: {}}", "<0.0.0"},
		{"soctalk-tenant", "{}", ">=0.1.1"},
		{"soctalk-tenant", "{adapter: {image: {tag: 0.1.0}}, runsWorker: {image: {tag: 0.1.0}}, linuxep: {image: {tag: 0.1.0}}}", ">=0.1.1"},
		{"soctalk-tenant", "{llm: {dollarBudgetPerRun: 0.5}}", "<0.2.1"},
		{"soctalk-tenant", "{llm: {provider: openai-compatible}}", "<0.2.1"},
		{"soctalk-tenant", "{llm: {engine: native}}", ">=0.2.1"},
		{"soctalk-tenant", "{linux-ep: {managerHost: m}}", "0.1.9 || >=0.2.1"},
		{"soctalk-tenant", "{linuxep: {managerHost: m}}", ">=0.2.0"},
		{"soctalk-tenant", "{runsWorker: {wazuh: {enabled: false}}}", ">=0.2.1"},
		{"soctalk-tenant", "{externalSiemEndpoints: ['siem.example.com:9201']}", ">=0.2.1"},
		{"soctalk-tenant", "{wazuh: {size: small}}", ">=0.1.9"},
		{"soctalk-tenant", "{wazuh: {sise: small}}", "<0.0.0"},
		{"soctalk-tenant", "{wazuh: {storage: {layout: v4}}}", ">=0.3.0"},
		{"soctalk-tenant", "{components: {wazuh: {enabled: false}}}", "!=0.1.9"},
		{"soctalk-tenant", "{components: {wazuh: {enabled: false}, linuxep: {enabled: false}}}", ">=0.1.1"},
		{"soctalk-tenant", "{quota: {limitsCpu: '4'}}", ">=0.1.1"},
		{"soctalk-tenant", "{quota: {limitsCpu: 4}}", "<0.0.0"},
		{"wazuh", "{storage: {indexerSize: 1Gi}}", ">=0.1.0"},
		{"wazuh", "{storage: {layout: v4}}", ">=0.3.0"},
		{"wazuh", "{storage: {indexerSize: small}}", "<0.0.0"},
	} {
		accepts, err := semver.NewConstraint(test.versions)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range published[test.chart] {
			_, err := render(test.chart, v[0], test.values, nil)
			if want := accepts.Check(semver.MustParse(v[0])); want != (err == nil) {
				t.Errorf("%s %s with %s: accepted %v, want %v: %v", test.chart, v[0], test.values, err == nil, want, err)
			}
		}
	}
}

func TestMigrationJob(t *testing.T) {
	withJob := []string{"0.2.1", "0.3.0"}
	values := "{image: {tag: 9.9.9}, bootstrapAdmin: {password: x}, migration: {podAnnotations: {a: b}}}"
	eachVersion(t, func(t *testing.T, name, version string) {
		first, err := render(name, version, values, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := objects(t, first)
		var init []any
		if list, ok := podSpec(all["Deployment/soctalk-system-api"])["initContainers"].([]any); ok {
			init = list
		}
		job, found := all["Job/soctalk-system-alembic-upgrade"]
		if want := slices.Contains(withJob, version); found != want || (first[jobTemplate] != "") != want || (len(init) == 0) != want {
			t.Fatalf("Job %v, template %v, init containers %d", found, first[jobTemplate] != "", len(init))
		}
		script := field[map[string]any](t, all["ConfigMap/soctalk-system-migrations-"+version], "data")
		if _, ok := script[strings.TrimPrefix(schemaRevisions[version], "v1_")+".sql"]; !ok {
			t.Errorf("the head of the migrations is not %s", schemaRevisions[version])
		}
		if !found {
			return
		}
		second, err := render(name, version, values, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first[jobTemplate], second[jobTemplate]); diff != "" {
			t.Errorf("two renders differ: %s", diff)
		}
		if _, hook := job.GetAnnotations()["helm.sh/hook"]; hook {
			t.Error("the Job is a hook")
		}
		labels := field[map[string]any](t, job, "spec", "template", "metadata", "labels")
		if diff := cmp.Diff(map[string]any{"app.kubernetes.io/component": "api", "soctalk.io/job": "alembic-upgrade"}, labels); diff != "" {
			t.Error(diff)
		}
		if got := images(job); !slices.Equal(got, []string{"ghcr.io/soctalk/soctalk-api:9.9.9"}) {
			t.Errorf("images %v", got)
		}
		// Rendered and applied alone, as the runbook does, the template must bring all that the Job needs beside Secrets.
		alone := objects(t, map[string]string{jobTemplate: first[jobTemplate]})
		if len(alone) != 2 || alone["ConfigMap/soctalk-system-migrations-"+version].Object == nil {
			t.Errorf("the template holds %v", slices.Sorted(maps.Keys(alone)))
		}
	}, "soctalk-system")
}

func TestImages(t *testing.T) {
	t.Run("default to the appVersion", func(t *testing.T) {
		eachVersion(t, func(t *testing.T, name, version string) {
			c := load(t, name, version)
			for id, o := range mustRender(t, name, version, "") {
				for _, image := range images(o) {
					want := c.Metadata.AppVersion
					if !strings.HasPrefix(image, "ghcr.io/soctalk/") {
						continue
					}
					if !strings.HasSuffix(image, ":"+want) {
						t.Errorf("%s: %s, want tag %s", id, image, want)
					}
				}
			}
		})
	})
	t.Run("follow pins", func(t *testing.T) {
		system := mustRender(t, "soctalk-system", "0.2.1", "{image: {registry: example.com, repository: mirror/soctalk, tag: 0.1.0}}")
		for id, want := range map[string]string{
			"Deployment/soctalk-system-api":       "example.com/mirror/soctalk-api:0.1.0",
			"Deployment/soctalk-system-app-ui":    "example.com/mirror/soctalk-app-ui:0.1.0",
			"Job/soctalk-system-alembic-upgrade":  "example.com/mirror/soctalk-api:0.1.0",
			"Job/soctalk-system-preinstall-check": "example.com/mirror/soctalk-api:0.1.0",
		} {
			if got := images(system[id]); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %v, want %s", id, got, want)
			}
		}
		tenant := mustRender(t, "soctalk-tenant", "0.2.1", "{adapter: {image: {tag: 0.1.0}}, runsWorker: {image: {tag: 0.1.1}}, wazuh: {image: {tag: 4.11.0}}}")
		for id, want := range map[string]string{
			"Deployment/soctalk-adapter":             "ghcr.io/soctalk/soctalk-adapter:0.1.0",
			"Deployment/soctalk-runs-worker":         "ghcr.io/soctalk/soctalk-runs-worker:0.1.1",
			"StatefulSet/tenant-acme-linuxep":        "ghcr.io/soctalk/soctalk-linux-ep:0.2.1",
			"Deployment/tenant-acme-wazuh-dashboard": "docker.io/wazuh/wazuh-dashboard:4.11.0",
		} {
			if got := images(tenant[id]); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %v, want %s", id, got, want)
			}
		}
	})
}

func TestPodAnnotationsReachEveryWorkload(t *testing.T) {
	values := map[string]string{
		"soctalk-system": "{api: {podAnnotations: {x: staged}}, ui: {podAnnotations: {x: staged}}, postgres: {podAnnotations: {x: staged}}, migration: {podAnnotations: {x: staged}}, preInstallCheck: {podAnnotations: {x: staged}}}",
		"soctalk-tenant": "{components: {wazuh: {enabled: false}, linuxep: {enabled: false}}, adapter: {podAnnotations: {x: staged}}, runsWorker: {podAnnotations: {x: staged}}}",
		"wazuh":          "{indexer: {podAnnotations: {x: staged}}, manager: {podAnnotations: {x: staged}}, dashboard: {podAnnotations: {x: staged}}}",
	}
	eachVersion(t, func(t *testing.T, name, version string) {
		for id, o := range mustRender(t, name, version, values[name]) {
			if podSpec(o) == nil {
				continue
			}
			if annotations, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "annotations"); annotations["x"] != "staged" {
				t.Errorf("%s: %v", id, annotations)
			}
		}
	})
}

// A generated Secret that already lives in the cluster must come out as it is; without one, each render makes its own.
func TestGeneratedSecretsAreKept(t *testing.T) {
	eachVersion(t, func(t *testing.T, name, version string) {
		secrets := func(live ...runtime.Object) map[string]map[string]any {
			data := map[string]map[string]any{}
			for id, o := range mustRender(t, name, version, "", live...) {
				if o.GetKind() == "Secret" {
					data[id] = field[map[string]any](t, o, "data")
				}
			}
			return data
		}
		first := secrets()
		if len(first) == 0 {
			t.Fatal("no Secret at all")
		}
		if cmp.Equal(first, secrets()) {
			t.Error("two first installs share their secrets")
		}
		var live []runtime.Object
		for id, data := range first {
			o := &object{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "data": data}}
			o.SetName(strings.TrimPrefix(id, "Secret/"))
			o.SetNamespace(releaseOptions(name).Namespace)
			live = append(live, o)
		}
		if diff := cmp.Diff(first, secrets(live...)); diff != "" {
			t.Error(diff)
		}
	})
}

// What Kubernetes does not let change in place must be the same from each version to the next, but for the documented case.
func TestImmutableFieldsStay(t *testing.T) {
	immutable := func(o object) map[string]any {
		spec, _, _ := unstructured.NestedMap(o.Object, "spec")
		switch o.GetKind() {
		case "Deployment":
			return map[string]any{"selector": spec["selector"]}
		case "StatefulSet":
			return map[string]any{"selector": spec["selector"], "serviceName": spec["serviceName"], "volumeClaimTemplates": spec["volumeClaimTemplates"]}
		case "Service":
			return map[string]any{"clusterIP": spec["clusterIP"]}
		}
		return nil
	}
	for name, versions := range published {
		for i := range versions[1:] {
			from, to := versions[i][0], versions[i+1][0]
			t.Run(fmt.Sprintf("%s/%s-%s", name, from, to), func(t *testing.T) {
				before := mustRender(t, name, from, "")
				changed := func(values string) []string {
					var ids []string
					for id, o := range mustRender(t, name, to, values) {
						if old, ok := before[id]; ok && !cmp.Equal(immutable(old), immutable(o)) {
							ids = append(ids, id)
						}
					}
					slices.Sort(ids)
					return ids
				}
				var want []string
				if to == "0.3.0" && name != "soctalk-system" {
					r := releaseOptions(name).Name
					want = []string{"StatefulSet/" + r + "-wazuh-indexer", "StatefulSet/" + r + "-wazuh-manager"}
					v4 := "{storage: {layout: v4}}"
					if name == "soctalk-tenant" {
						v4 = "{wazuh: {storage: {layout: v4}}}"
					}
					if got := changed(v4); got != nil {
						t.Errorf("changed even with the old layout: %v", got)
					}
				}
				if got := changed(""); !slices.Equal(got, want) {
					t.Errorf("changed: %v, want %v", got, want)
				}
			})
		}
	}
}

func TestTenantPeculiarities(t *testing.T) {
	t.Run("Cilium policy", func(t *testing.T) {
		eachVersion(t, func(t *testing.T, name, version string) {
			for _, test := range []struct {
				apis chartutil.VersionSet
				want bool
			}{{nil, false}, {chartutil.VersionSet{"cilium.io/v2"}, false}, {chartutil.VersionSet{"cilium.io/v2", "cilium.io/v2/CiliumNetworkPolicy"}, true}} {
				templates, err := render(name, version, "", test.apis)
				if err != nil {
					t.Fatal(err)
				}
				if _, got := objects(t, templates)["CiliumNetworkPolicy/adapter-fqdn-egress"]; got != test.want {
					t.Errorf("with %v: %v", test.apis, got)
				}
			}
		}, "soctalk-tenant")
	})
	t.Run("duplicate keys", func(t *testing.T) {
		eachVersion(t, func(t *testing.T, name, version string) {
			templates, err := render(name, version, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			var strict map[string]any
			document, _, _ := strings.Cut(templates["templates/adapter.yaml"], "\n---\n")
			err = yaml.UnmarshalStrict([]byte(document), &strict)
			if want := version == "0.1.9" || version == "0.2.0"; want != (err != nil) {
				t.Errorf("duplicate keys %v, want %v", err, want)
			}
		}, "soctalk-tenant")
	})
	t.Run("duplicate Wazuh", func(t *testing.T) {
		const own = "StatefulSet/tenant-acme-wazuh-manager"
		values := "{components: {wazuh: {enabled: true}}}"
		if _, ok := mustRender(t, "soctalk-tenant", "0.1.1", values)[own]; ok {
			t.Error("0.1.1 deploys Wazuh itself")
		}
		if _, ok := mustRender(t, "soctalk-tenant", "0.1.9", values)[own]; !ok {
			t.Error("0.1.9 does not deploy Wazuh with the values of 0.1.1")
		}
	})
}

// The persistent profile has room for adapter and worker beside their successors, but not for the dashboard too.
func TestQuotaLeavesRoomForAdapterAndWorkerOnly(t *testing.T) {
	all := mustRender(t, "soctalk-tenant", "0.2.1", "{profile: persistent}")
	hard := resource.MustParse(field[string](t, all["ResourceQuota/tenant-quota"], "spec", "hard", "limits.cpu"))
	limit := func(id string) int64 {
		containers := podSpec(all[id])["containers"].([]any)
		text, _, _ := unstructured.NestedString(containers[0].(map[string]any), "resources", "limits", "cpu")
		q := resource.MustParse(text)
		return q.MilliValue()
	}
	var stack int64
	for id, o := range all {
		if podSpec(o) != nil {
			stack += limit(id)
		}
	}
	surge := stack + limit("Deployment/soctalk-adapter") + limit("Deployment/soctalk-runs-worker")
	dashboard := stack + limit("Deployment/tenant-acme-wazuh-dashboard")
	if got := []int64{hard.MilliValue(), stack, surge, dashboard}; !slices.Equal(got, []int64{5000, 4200, 4900, 5200}) {
		t.Errorf("limit, stack, surge of adapter and worker, surge of the dashboard: %v", got)
	}
}

func TestAgentGroupCRDChanges(t *testing.T) {
	crd := func(version string) []byte {
		crds := load(t, "wazuh", version).CRDObjects()
		if len(crds) == 0 {
			return nil
		}
		return crds[0].File.Data
	}
	if crd("0.2.0") != nil || crd("0.2.1") == nil || bytes.Equal(crd("0.2.1"), crd("0.3.0")) {
		t.Error("the CRD must appear with 0.2.1 and change with 0.3.0")
	}
}

func TestTwoInstallationsInOneCluster(t *testing.T) {
	c := load(t, "soctalk-system", "0.2.1")
	names := map[string]bool{}
	for _, o := range []chartutil.ReleaseOptions{{Name: "soctalk-system", Namespace: "soctalk-system"}, {Name: "soctalk-system", Namespace: "other"}, {Name: "second", Namespace: "other"}} {
		top, err := chartutil.ToRenderValues(c, nil, o, chartutil.DefaultCapabilities.Copy())
		if err != nil {
			t.Fatal(err)
		}
		out, err := engine.Render(c, top)
		if err != nil {
			t.Fatal(err)
		}
		for id := range objects(t, map[string]string{"policy": out["soctalk-system/templates/admission-policy.yaml"]}) {
			if names[id] {
				t.Errorf("%s belongs to two installations", id)
			}
			names[id] = true
		}
	}
}

func TestCompatibilityCoversEveryPair(t *testing.T) {
	data, err := os.ReadFile("compatibility.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var matrix []struct {
		System string `json:"system"`
		Tenant []struct {
			Version string `json:"version"`
			Status  string `json:"status"`
			Notes   string `json:"notes"`
		} `json:"tenant"`
	}
	if err := yaml.UnmarshalStrict(data, &matrix); err != nil {
		t.Fatal(err)
	}
	status := map[[2]string]string{}
	for _, row := range matrix {
		for _, cell := range row.Tenant {
			pair := [2]string{row.System, cell.Version}
			if status[pair] != "" || !slices.Contains([]string{"supported", "deprecated", "blocked"}, cell.Status) {
				t.Errorf("%v: %q", pair, cell.Status)
			}
			if cell.Status != "supported" && cell.Notes == "" {
				t.Errorf("%v does not say why it is %s", pair, cell.Status)
			}
			status[pair] = cell.Status
		}
	}
	systems, tenants := published["soctalk-system"], published["soctalk-tenant"]
	if len(status) != len(systems)*len(tenants) {
		t.Errorf("%d pairs listed", len(status))
	}
	for pair, want := range map[[2]string]string{
		{"0.1.2", "0.1.1"}: "supported",
		{"0.1.4", "0.1.9"}: "supported",
		{"0.1.4", "0.2.0"}: "blocked",
		{"0.2.0", "0.2.1"}: "blocked",
		{"0.2.1", "0.1.1"}: "blocked",
		{"0.2.1", "0.1.9"}: "deprecated",
		{"0.2.1", "0.2.1"}: "supported",
		{"0.2.1", "0.3.0"}: "blocked",
		{"0.3.0", "0.1.9"}: "blocked",
		{"0.3.0", "0.2.1"}: "supported",
		{"0.3.0", "0.3.0"}: "supported",
	} {
		if status[pair] != want {
			t.Errorf("system %s with tenant %s is %q, want %q", pair[0], pair[1], status[pair], want)
		}
	}
}
