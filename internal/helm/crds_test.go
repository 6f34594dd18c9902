package helm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
)

// gadgets is a definition; properties are those of its spec.
func gadgets(group, properties string) string {
	return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.` + group + `}
spec:
  group: ` + group + `
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {` + properties + `}}}}}
`
}

// definitionChanges are those of a chart's definitions on the live cluster.
func definitionChanges(t *testing.T, c *helm.Client, crds []*unstructured.Unstructured, installing bool) []plan.CRDChange {
	t.Helper()
	live, want, err := c.LiveCRDs(t.Context(), crds)
	if err != nil {
		t.Fatal(err)
	}
	objects := func(list []*unstructured.Unstructured) []plan.Object {
		var all []plan.Object
		for _, o := range list {
			all = append(all, o.Object)
		}
		return all
	}
	return plan.CRDChanges(objects(live), objects(want), installing)
}

func TestDefinitionsFollowTheChart(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	group := strings.ReplaceAll(ns, "-", "") + ".example.com"
	name := "gadgets." + group
	render := func(properties string) (helm.Target, []*unstructured.Unstructured) {
		t.Helper()
		target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small.with(
			"crds/gadgets.yaml", gadgets(group, properties),
			"templates/gadget.yaml", "apiVersion: "+group+"/v1\nkind: Gadget\nmetadata: {name: one}\nspec: {size: {{ .Values.size | default 1 }}}\n",
		))}
		rendered, err := c.Render(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		return target, rendered.CRDs
	}
	check := func(got []plan.CRDChange, want ...plan.CRDChange) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	target, crds := render(`size: {type: integer, minimum: 1, description: "", nullable: false, x-kubernetes-int-or-string: false}, colour: {type: string, enum: [red, blue]}`)
	check(definitionChanges(t, c, crds, false), plan.CRDChange{Name: name, Action: plan.Create})
	check(definitionChanges(t, c, crds, true)) // Helm makes it
	t.Cleanup(func() {
		_ = k.Dynamic().Resource(kube.CRDResource).Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	target.Base = install(t, c, target, helm.ApplyOptions{})
	check(definitionChanges(t, c, crds, false))
	check(definitionChanges(t, c, crds, true))

	_, crds = render("size: {type: integer, minimum: 1, maximum: 5}, shape: {type: string}")
	changed := plan.CRDChange{Name: name, Action: plan.Change, Breaking: []string{
		"v1: spec.colour is removed: what objects have there is lost when they are written next",
		"v1: spec.size is held to other rules: maximum",
	}}
	check(definitionChanges(t, c, crds, false), changed)
	check(definitionChanges(t, c, crds, true), changed)
	if err := c.ApplyCRDs(t.Context(), crds); err != nil {
		t.Fatal(err)
	}
	check(definitionChanges(t, c, crds, false))

	// The next upgrade is held against the new definition. The API server takes
	// a moment to use it.
	target.Values = map[string]any{"size": 9}
	sandboxtest.Eventually(t, func(context.Context) error {
		got := inspect(t, c, liveRelease(t, c, target))
		if !slices.Equal(got, []string{"refused Gadget one: spec.size: spec.size: should be less than or equal to 5"}) {
			return fmt.Errorf("got %q", got)
		}
		return nil
	})
}

func TestStoredVersionsAreKept(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	group := strings.ReplaceAll(ns, "-", "") + ".example.com"
	old := manifest(t, gadgets(group, "a: {type: string}"))
	t.Cleanup(func() {
		_ = k.Dynamic().Resource(kube.CRDResource).Delete(context.Background(), "gadgets."+group, metav1.DeleteOptions{})
	})
	if err := c.ApplyCRDs(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	next := manifest(t, strings.Replace(gadgets(group, "a: {type: string}"), "name: v1", "name: v2", 1))
	got := definitionChanges(t, c, next, false)
	want := []plan.CRDChange{{Name: "gadgets." + group, Action: plan.Change, Breaking: []string{
		"objects are stored as v2 from now on, not as v1",
		"version v1 is removed while objects may be stored in it, which Kubernetes refuses until they are written again in another version and v1 is taken out of status.storedVersions",
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var stored *kube.StoredVersionError
	if err := c.ApplyCRDs(t.Context(), next); !errors.As(err, &stored) {
		t.Errorf("got %v", err)
	}
}
