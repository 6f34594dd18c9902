package observe_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

// ownersCRDs are the kinds of k3s, Flux and Argo CD as far as the API server
// has to know them.
var ownersCRDs = []struct{ group, kind, plural, versions string }{
	{"helm.cattle.io", "HelmChart", "helmcharts", "v1"},
	{"helm.toolkit.fluxcd.io", "HelmRelease", "helmreleases", "v2 v2beta2"},
	{"argoproj.io", "Application", "applications", "v1alpha1"},
}

func object(t *testing.T, text string, args ...any) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(fmt.Appendf(nil, text, args...), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// define makes the API server offer the kinds of other tools.
func define(t *testing.T, c *observe.Cluster) {
	t.Helper()
	var offered []string
	for _, d := range ownersCRDs {
		crd := object(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[3]s.%[1]s}
spec: {group: %[1]s, scope: Namespaced, names: {kind: %[2]s, plural: %[3]s}}`, d.group, d.kind, d.plural)
		var versions []any
		for i, v := range strings.Fields(d.versions) {
			versions = append(versions, map[string]any{
				"name": v, "served": true, "storage": i == 0,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			})
			offered = append(offered, d.group+"/"+v+"/"+d.kind)
		}
		if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
			t.Fatal(err)
		}
		if err := c.Kube.Apply(t.Context(), crd, "test"); err != nil {
			t.Fatal(err)
		}
	}
	sandboxtest.Eventually(t, func(context.Context) error {
		c.Kube.Refresh()
		all, err := c.Kube.APIVersions()
		for _, want := range offered {
			if err == nil && !strings.Contains(" "+strings.Join(all, " ")+" ", " "+want+" ") {
				err = fmt.Errorf("the API server does not offer %s", want)
			}
		}
		return err
	})
}

func TestOwners(t *testing.T) {
	t.Parallel()
	setup := direct(t)
	define(t, setup)
	f := newFleet(t)
	f.cluster("far", "")
	names := []string{"chart", "charted", "flux", "flux-beta", "targeted", "remote", "argo", "argo-b", "twice", "free", "strange"}
	for _, n := range names {
		f.tenant(t, "main", n, n != "argo") // Argo CD leaves no release behind
	}
	f.tenant(t, "far", "elsewhere", false)
	p, far := through(t, faultproxy.Options{})
	tools := sandboxtest.Namespace(t)
	for _, text := range []string{
		`{apiVersion: helm.cattle.io/v1, kind: HelmChart, metadata: {name: chart, namespace: RELEASES}, spec: {}}`,
		`{apiVersion: helm.cattle.io/v1, kind: HelmChart, metadata: {name: charted}, spec: {targetNamespace: RELEASES}}`,
		`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: flux, namespace: RELEASES}, spec: {}}`,
		`{apiVersion: helm.toolkit.fluxcd.io/v2beta2, kind: HelmRelease, metadata: {name: any}, spec: {releaseName: flux-beta, storageNamespace: RELEASES}}`,
		`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: more}, spec: {releaseName: targeted, targetNamespace: RELEASES}}`,
		`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: default}, spec: {targetNamespace: RELEASES}}`,
		`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: remote, namespace: RELEASES}, spec: {kubeConfig: {secretRef: {name: x}}}}`,
		`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: strange, namespace: RELEASES}, spec: {releaseName: [strange], targetNamespace: {a: 1}, kubeConfig: 7}}`,
		`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: argo}, spec: {destination: {server: "https://kubernetes.default.svc", namespace: RELEASES}, source: {chart: small}}}`,
		`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: several}, spec: {destination: {name: in-cluster, namespace: RELEASES}, sources: [{helm: {releaseName: argo-b}}, {helm: {releaseName: twice}}]}}`,
		`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: twice}, spec: {destination: {name: in-cluster, namespace: RELEASES}}}`,
		`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: free}, spec: {destination: {name: other, namespace: RELEASES}}}`,
		`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: elsewhere}, spec: {destination: {server: "` + p.URL + `/", namespace: RELEASES}}}`,
	} {
		u := object(t, "%s", strings.ReplaceAll(text, "RELEASES", f.namespace))
		if u.GetNamespace() == "" {
			u.SetNamespace(tools)
		}
		gv := u.GroupVersionKind()
		resource := gv.GroupVersion().WithResource(strings.ToLower(gv.Kind) + "s")
		if _, err := setup.Kube.Dynamic().Resource(resource).Namespace(u.GetNamespace()).Create(t.Context(), u, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	f.tenant(t, "main", "labelled", true)
	deployment := object(t, `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: labelled
  namespace: %[1]s
  labels: {argocd.argoproj.io/instance: hub-app}
  annotations: {meta.helm.sh/release-name: labelled, meta.helm.sh/release-namespace: %[1]s}
spec: {replicas: 0, selector: {matchLabels: {app: labelled}}, template: {metadata: {labels: {app: labelled}}, spec: {containers: [{name: c, image: i}]}}}`, f.namespace)
	if err := setup.Kube.Apply(t.Context(), deployment, "test"); err != nil {
		t.Fatal(err)
	}
	live := f.observe(t, observe.Clusters{"main": direct(t), "far": far})
	got := map[string]string{}
	for k, owner := range live.Owners {
		got[k.Cluster+"/"+k.Name] = strings.NewReplacer(f.namespace, "RELEASES", tools, "TOOLS").Replace(owner)
	}
	want := map[string]string{
		"main/chart": "k3s HelmChart RELEASES/chart", "main/charted": "k3s HelmChart TOOLS/charted",
		"main/flux": "Flux HelmRelease RELEASES/flux", "main/flux-beta": "Flux HelmRelease TOOLS/any", "main/targeted": "Flux HelmRelease TOOLS/more",
		"main/argo": "Argo CD Application TOOLS/argo", "main/argo-b": "Argo CD Application TOOLS/several",
		"main/twice": "Argo CD Application TOOLS/several and Argo CD Application TOOLS/twice", "far/elsewhere": "Argo CD Application TOOLS/elsewhere",
		"main/labelled": "Argo CD Application hub-app",
	}
	// Both names of the cluster are the same one, so what is in it is seen twice.
	for k := range got {
		if want[k] == "" && !strings.HasPrefix(k, "far/") {
			t.Errorf("%s is managed by %s", k, got[k])
		}
	}
	for k, owner := range want {
		if got[k] != owner {
			t.Errorf("%s is managed by %q, want %q", k, got[k], owner)
		}
	}

	// One list a kind, in the best version there is.
	p.Requests()
	f.observe(t, observe.Clusters{"main": far})
	lists := 0
	for _, r := range p.Requests() {
		for _, d := range ownersCRDs {
			if strings.Contains(r, "/"+d.plural) {
				lists++
				if version, _, _ := strings.Cut(d.versions, " "); !strings.HasPrefix(r, "GET /apis/"+d.group+"/"+version+"/"+d.plural+"?") {
					t.Errorf("asked for %s", r)
				}
			}
		}
	}
	if lists != len(ownersCRDs) {
		t.Errorf("%d lists, want one a kind", lists)
	}

	// Who may not list them is not told of it; who gets no answer is.
	p.Add(faultproxy.Rule{Match: faultproxy.Path("GET", "/helmcharts"), Fault: forbidden})
	live = f.observe(t, observe.Clusters{"main": far})
	if len(live.Clusters) > 0 || live.Owners[f.key("main", "chart")] != "" || live.Owners[f.key("main", "flux")] == "" {
		t.Errorf("without permission: clusters %v, owners %v", live.Clusters, live.Owners)
	}
	p.Clear()
	p.Add(faultproxy.Rule{Match: faultproxy.Path("GET", "/helmcharts"), Fault: faultproxy.Hang})
	if _, err := observe.Observe(t.Context(), f.Fleet, observe.Clusters{"main": far}, 4); err == nil || !strings.Contains(err.Error(), "listing k3s HelmChart objects: the API server did not answer") {
		t.Errorf("got %v", err)
	}
}
