package examples

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// site is one release in a namespace of its own on the sandbox.
type site struct {
	chart, name, namespace string
	config                 *action.Configuration
	client                 kubernetes.Interface
	values                 map[string]any
	impatient              bool // upgrades do not wait
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

const patience = 5 * time.Minute

func newSite(t *testing.T, chartName, values string) *site {
	t.Helper()
	s := &site{chart: chartName, name: releaseOptions(chartName).Name, namespace: sandboxtest.Namespace(t), values: parse(t, values)}
	flags := genericclioptions.NewConfigFlags(true)
	kubeconfig := sandboxtest.Cluster(t).Kubeconfig
	flags.KubeConfig, flags.Namespace = &kubeconfig, &s.namespace
	flags.WrapConfigFn = func(c *rest.Config) *rest.Config {
		c.QPS, c.Burst = 200, 400
		return c
	}
	s.client = sandboxtest.Client(t)
	s.config = &action.Configuration{}
	if err := s.config.Init(flags, s.namespace, "secret", func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Some objects live outside the namespace.
		uninstall := action.NewUninstall(s.config)
		uninstall.IgnoreNotFound, uninstall.DisableHooks = true, true
		if _, err := uninstall.Run(s.name); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) install(t *testing.T, version string) {
	t.Helper()
	install := action.NewInstall(s.config)
	install.ReleaseName, install.Namespace, install.Wait, install.Timeout = s.name, s.namespace, true, patience
	install.DisableOpenAPIValidation = true
	if _, err := install.RunWithContext(t.Context(), load(t, s.chart, version), s.values); err != nil {
		t.Fatalf("install %s %s: %v", s.chart, version, err)
	}
}

func (s *site) upgrade(ctx context.Context, version string, dryRun bool) (*release.Release, error) {
	c, err := loader.LoadDir(filepath.Join("charts", s.chart, version))
	if err != nil {
		return nil, err
	}
	upgrade := action.NewUpgrade(s.config)
	upgrade.Namespace, upgrade.Wait, upgrade.Timeout = s.namespace, !s.impatient, patience
	// It would read the cluster's whole OpenAPI document each time; TestClusterAcceptsEveryObject is stricter.
	upgrade.DisableOpenAPIValidation = true
	if dryRun {
		upgrade.DryRun, upgrade.DryRunOption = true, "server"
	}
	r, err := upgrade.RunWithContext(ctx, s.name, c, s.values)
	if err != nil {
		return nil, fmt.Errorf("upgrade %s to %s: %w", s.chart, version, err)
	}
	return r, nil
}

// migrate does what the runbook says before an upgrade, when the target has the template: it returns the UID of the Job.
func (s *site) migrate(t *testing.T, version string) string {
	t.Helper()
	if !slices.ContainsFunc(load(t, s.chart, version).Templates, func(f *chart.File) bool { return f.Name == jobTemplate }) {
		return ""
	}
	r, err := s.upgrade(t.Context(), version, true)
	if err != nil {
		t.Fatal(err)
	}
	marker := "# Source: " + s.chart + "/" + jobTemplate + "\n"
	var documents []string
	for _, document := range releaseutil.SplitManifests(r.Manifest) {
		if strings.Contains(document, marker) {
			documents = append(documents, document)
		}
	}
	name := s.name + "-alembic-upgrade"
	now, background := int64(0), metav1.DeletePropagationBackground
	_ = s.client.BatchV1().Jobs(s.namespace).Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now, PropagationPolicy: &background})
	for _, document := range documents {
		objects, err := s.config.KubeClient.Build(strings.NewReader(document), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			accessor := o.Object.(metav1.Object)
			accessor.SetAnnotations(map[string]string{"meta.helm.sh/release-name": s.name, "meta.helm.sh/release-namespace": s.namespace})
		}
		if _, err := s.config.KubeClient.Update(objects, objects, false); err != nil {
			t.Fatal(err)
		}
	}
	uid := ""
	waitFor(t, "the migration Job", func() bool {
		job, err := s.client.BatchV1().Jobs(s.namespace).Get(t.Context(), name, metav1.GetOptions{})
		uid = string(job.UID)
		return err == nil && job.Status.Succeeded == 1
	})
	return uid
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// kept is what no upgrade may change: generated Secrets and the identity of volume claims.
func (s *site) kept(t *testing.T) map[string]any {
	t.Helper()
	kept := map[string]any{}
	secrets, err := s.client.CoreV1().Secrets(s.namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "type=Opaque"})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range secrets.Items {
		kept["Secret/"+o.Name] = o.Data
	}
	claims, err := s.client.CoreV1().PersistentVolumeClaims(s.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range claims.Items {
		kept["PersistentVolumeClaim/"+o.Name] = o.UID
	}
	return kept
}

// through upgrades the release to one version after the other. What was kept once must stay as it is.
func (s *site) through(t *testing.T, versions ...string) {
	t.Helper()
	s.install(t, versions[0])
	before := s.kept(t)
	for _, version := range versions[1:] {
		job := s.migrate(t, version)
		if _, err := s.upgrade(t.Context(), version, false); err != nil {
			t.Fatal(err)
		}
		after := s.kept(t)
		for id, value := range before {
			if diff := cmp.Diff(value, after[id]); diff != "" {
				t.Errorf("%s %s changed %s", s.chart, version, id)
			}
		}
		before = after
		if job == "" {
			continue
		}
		// The upgrade's own manifest must leave the Job alone, or the migration would run twice.
		live, err := s.client.BatchV1().Jobs(s.namespace).Get(t.Context(), s.name+"-alembic-upgrade", metav1.GetOptions{})
		if err != nil || string(live.UID) != job {
			t.Errorf("the migration Job was replaced by the upgrade: %v", err)
		}
	}
}

// The versions were made to be upgraded from one to the next, and from the old fleet of the demo to its new one.
func TestUpgradesOnACluster(t *testing.T) {
	for _, test := range []struct {
		name, chart, values string
		versions            []string
	}{
		{"system", "soctalk-system", "{bootstrapAdmin: {password: first}, llm: {apiKey: key}, preInstallCheck: {enabled: false}}", []string{"0.1.2", "0.1.3", "0.1.4", "0.2.0", "0.2.1", "0.3.0"}},
		{"system in one hop", "soctalk-system", "{profile: small}", []string{"0.1.4", "0.2.1"}},
		{"tenant", "soctalk-tenant", "{profile: persistent}", []string{"0.1.1", "0.1.9", "0.2.0", "0.2.1"}},
		{"tenant in one hop", "soctalk-tenant", "{tenant: {displayName: Acme}, llm: {model: gpt-4o}}", []string{"0.1.9", "0.2.1"}},
		{"tenant without Wazuh", "soctalk-tenant", "{profile: provided, components: {wazuh: {enabled: false}}}", []string{"0.2.1", "0.3.0"}},
		{"wazuh", "wazuh", "", []string{"0.1.0", "0.1.1", "0.2.0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			newSite(t, test.chart, test.values).through(t, test.versions...)
		})
	}

	t.Run("system with the old Job in the way", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, "soctalk-system", "")
		s.through(t, "0.2.1")
		if _, err := s.upgrade(t.Context(), "0.3.0", false); err == nil || !strings.Contains(err.Error(), "field is immutable") {
			t.Fatalf("the upgrade past the old Job: %v", err)
		}
		s.migrate(t, "0.3.0")
		if _, err := s.upgrade(t.Context(), "0.3.0", false); err != nil {
			t.Error(err)
		}
	})

	// Kubernetes refuses other volume claims. Keeping the old ones is one way around, taking the StatefulSets away the other.
	t.Run("wazuh to 5", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, "wazuh", "")
		s.toWazuh5InPlace(t)
		s.values = parse(t, "{storage: {layout: v4}}")
		if _, err := s.upgrade(t.Context(), "0.3.0", false); err != nil {
			t.Error(err)
		}
	})
	t.Run("tenant to Wazuh 5", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, "soctalk-tenant", "")
		s.toWazuh5InPlace(t)
		before := s.kept(t)
		withPods := metav1.DeletePropagationForeground
		for _, name := range []string{"-wazuh-indexer", "-wazuh-manager"} {
			if err := s.client.AppsV1().StatefulSets(s.namespace).Delete(t.Context(), s.name+name, metav1.DeleteOptions{PropagationPolicy: &withPods}); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the end of a StatefulSet", func() bool {
				_, err := s.client.AppsV1().StatefulSets(s.namespace).Get(t.Context(), s.name+name, metav1.GetOptions{})
				return apierrors.IsNotFound(err)
			})
		}
		if _, err := s.upgrade(t.Context(), "0.3.0", false); err != nil {
			t.Fatal(err)
		}
		after := s.kept(t)
		if claim := "PersistentVolumeClaim/ossec-queue-tenant-acme-wazuh-manager-0"; after[claim] == nil {
			t.Errorf("there is no %s", claim)
		}
		for id, value := range before {
			if !cmp.Equal(value, after[id]) {
				t.Errorf("%s changed", id)
			}
		}
	})

	t.Run("tenant whose quota stops the surge", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, "soctalk-tenant", "{profile: provided, components: {wazuh: {enabled: false}, linuxep: {enabled: false}}, quota: {limitsCpu: '1'}}")
		s.through(t, "0.2.0")
		s.impatient = true
		if _, err := s.upgrade(t.Context(), "0.2.1", false); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the quota to refuse the worker's new pod", func() bool {
			worker, err := s.client.AppsV1().Deployments(s.namespace).Get(t.Context(), "soctalk-runs-worker", metav1.GetOptions{})
			return err == nil && slices.ContainsFunc(worker.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
				return c.Type == appsv1.DeploymentReplicaFailure && strings.Contains(c.Message, "exceeded quota: tenant-quota")
			})
		})
	})
}

// toWazuh5InPlace starts from 0.2.0, since an installation of 0.2.1 would leave its CRD in the cluster.
func (s *site) toWazuh5InPlace(t *testing.T) {
	t.Helper()
	s.through(t, "0.2.0", "0.2.1")
	if _, err := s.upgrade(t.Context(), "0.3.0", false); err == nil || !strings.Contains(err.Error(), "updates to statefulset spec for fields other than") {
		t.Fatalf("the upgrade in place: %v", err)
	}
}

// The API server validates strictly what each version renders, the CRDs too, and stores nothing.
func TestClusterAcceptsEveryObject(t *testing.T) {
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(sandboxtest.Client(t).Discovery())
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	namespace := sandboxtest.Namespace(t)
	eachVersion(t, func(t *testing.T, name, version string) {
		all := slices.Collect(maps.Values(mustRender(t, name, version, "{}")))
		for _, crd := range load(t, name, version).CRDObjects() {
			all = append(all, object{Object: parse(t, string(crd.File.Data))})
		}
		for _, o := range all {
			mapping, err := mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
			if err != nil {
				t.Fatal(err)
			}
			resource := dynamic.ResourceInterface(client.Resource(mapping.Resource))
			if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
				o.SetNamespace(namespace)
				resource = client.Resource(mapping.Resource).Namespace(namespace)
			}
			// Another name, since the cluster may hold an object of this one.
			if o.GetKind() != "CustomResourceDefinition" {
				o.SetName("try-" + o.GetName())
			}
			_, err = resource.Create(t.Context(), &o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
			if err != nil {
				t.Errorf("%s/%s: %v", o.GetKind(), o.GetName(), err)
			}
		}
	})
}
