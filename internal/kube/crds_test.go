package kube_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/soctalk/fleet/internal/kube"
)

// gizmos is a definition with versions, and a short name.
func gizmos(t *testing.T, group, short string, versions ...string) *unstructured.Unstructured {
	t.Helper()
	text := `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gizmos.` + group + `}
spec:
  group: ` + group + `
  scope: Namespaced
  names: {kind: Gizmo, plural: gizmos` + short + `}
  versions:
`
	for i, v := range versions {
		name, properties, _ := strings.Cut(v, " ")
		storage := "false"
		if i == 0 {
			storage = "true"
		}
		text += "  - {name: " + name + ", served: true, storage: " + storage + ", schema: {openAPIV3Schema: {type: object, properties: {" + properties + "}}}}\n"
	}
	return parse(t, "", text)[0]
}

func TestApplyCRDs(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	group := strings.ReplaceAll(ns, "-", "") + ".example.com"
	ctx := within(t, time.Minute)
	definitions := c.Dynamic().Resource(kube.CRDResource)
	// As Helm makes it at the first install.
	if _, err := definitions.Create(ctx, gizmos(t, group, ", shortNames: [gz"+group[:8]+"]", "v1 a: {type: string}, b: {type: string}"), metav1.CreateOptions{FieldManager: "helm"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = definitions.Delete(context.Background(), "gizmos."+group, metav1.DeleteOptions{})
	})
	// A label of somebody else stays.
	if _, err := definitions.Patch(ctx, "gizmos."+group, "application/merge-patch+json", []byte(`{"metadata":{"labels":{"own":"1"}}}`), metav1.PatchOptions{FieldManager: "kubectl-label"}); err != nil {
		t.Fatal(err)
	}
	get := func() *unstructured.Unstructured {
		t.Helper()
		o, err := definitions.Get(ctx, "gizmos."+group, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}

	if err := c.ApplyCRDs(ctx, []*unstructured.Unstructured{gizmos(t, group, "", "v2 a: {type: string}", "v1 a: {type: string}")}, "soctalk"); err != nil {
		t.Fatal(err)
	}
	live := get()
	versions, _, _ := unstructured.NestedSlice(live.Object, "spec", "versions")
	if _, kept, _ := unstructured.NestedFieldNoCopy(versions[1].(map[string]any), "schema", "openAPIV3Schema", "properties", "b"); kept {
		t.Error("a field that the chart took out is still there")
	}
	if _, kept, _ := unstructured.NestedFieldNoCopy(live.Object, "spec", "names", "shortNames"); kept {
		t.Error("a short name that the chart took out is still there")
	}
	if live.GetLabels()["own"] != "1" {
		t.Error("somebody else's label is gone")
	}
	// The new version can be used at once.
	if _, err := c.Mapper().RESTMapping(schema.GroupKind{Group: group, Kind: "Gizmo"}, "v2"); err != nil {
		t.Error(err)
	}

	// v1 is stored still: nothing is written, of no definition.
	other := gizmos(t, "other."+group, "", "v1 a: {type: string}")
	err := c.ApplyCRDs(ctx, []*unstructured.Unstructured{other, gizmos(t, group, "", "v2 a: {type: string}")}, "soctalk")
	var stored *kube.StoredVersionError
	if !errors.As(err, &stored) || stored.Name != "gizmos."+group || len(stored.Versions) != 1 || stored.Versions[0] != "v1" {
		t.Errorf("got %v", err)
	}
	if _, err := definitions.Get(ctx, other.GetName(), metav1.GetOptions{}); err == nil {
		t.Error("the other definition was made")
	}
	if again := get(); again.GetGeneration() != live.GetGeneration() {
		t.Error("the definition was changed")
	}
}

func TestNamesThatAreTakenEndTheWait(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	group := strings.ReplaceAll(ns, "-", "") + ".example.com"
	first := gizmos(t, group, "", "v1 a: {type: string}")
	second := parse(t, "", strings.ReplaceAll(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: others.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Gizmo, plural: others}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`, "GROUP", group))[0]
	for _, name := range []string{first.GetName(), second.GetName()} {
		t.Cleanup(func() {
			_ = c.Dynamic().Resource(kube.CRDResource).Delete(context.Background(), name, metav1.DeleteOptions{})
		})
	}
	if err := c.ApplyCRDs(within(t, time.Minute), []*unstructured.Unstructured{first}, "soctalk"); err != nil {
		t.Fatal(err)
	}
	err := c.ApplyCRDs(within(t, time.Minute), []*unstructured.Unstructured{second}, "soctalk")
	var e *kube.NotReadyError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "names are taken") {
		t.Errorf("got %v", err)
	}
}
