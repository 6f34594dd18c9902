package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"
)

// CRDResource is where custom resource definitions live.
var CRDResource = crdResource

// StoredVersionError says that a definition drops versions that objects may
// still be stored in. Nothing was changed.
type StoredVersionError struct {
	Name     string
	Versions []string
}

func (e *StoredVersionError) Error() string {
	return fmt.Sprintf("definition %s no longer has %s, in which objects may still be stored: write every object again in a version that stays, take %[2]s out of the definition's status.storedVersions, and try again",
		e.Name, strings.Join(e.Versions, ", "))
}

// ApplyCRDs makes custom resource definitions those given, on the server's
// side, and waits until they are established and their kinds can be used, or
// the context ends. What somebody else put into one stays, except for what an
// earlier version of the chart had and this one has not. Its errors are a
// [StoredVersionError], before anything is written, and those of
// [Cluster.WaitReady].
func (c *Cluster) ApplyCRDs(ctx context.Context, crds []*unstructured.Unstructured, fieldManager string) error {
	exists := make([]bool, len(crds))
	for i, crd := range crds {
		live, err := c.dynamic.Resource(crdResource).Get(ctx, crd.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the definition %s: %w", crd.GetName(), c.Explain(err))
		}
		if gone := droppedStored(live, crd); len(gone) > 0 {
			return &StoredVersionError{Name: crd.GetName(), Versions: gone}
		}
		exists[i] = true
	}
	for i, crd := range crds {
		if exists[i] {
			// Its status changes at any time.
			err := retry.RetryOnConflict(retry.DefaultRetry, func() error { return c.takeOver(ctx, crd.GetName(), fieldManager) })
			if err != nil {
				return fmt.Errorf("taking over the definition %s: %w", crd.GetName(), c.Explain(err))
			}
		}
		sent := crd.DeepCopy()
		delete(sent.Object, "status")
		unstructured.RemoveNestedField(sent.Object, "metadata", "creationTimestamp")
		if err := c.Apply(ctx, sent, fieldManager); err != nil {
			return fmt.Errorf("applying the definition %s: %w", crd.GetName(), err)
		}
	}
	// Its versions may be new, and the mapping is by version.
	c.Refresh()
	return c.WaitReady(ctx, crds, WaitOptions{})
}

// droppedStored are the versions that objects may be stored in and that the
// new definition lacks.
func droppedStored(live, want *unstructured.Unstructured) []string {
	stored, _, _ := unstructured.NestedStringSlice(live.Object, "status", "storedVersions")
	versions, _, _ := unstructured.NestedSlice(want.Object, "spec", "versions")
	return slices.DeleteFunc(stored, func(name string) bool {
		return slices.ContainsFunc(versions, func(v any) bool {
			m, _ := v.(map[string]any)
			return m["name"] == name
		})
	})
}

// takeOver makes the fields that others than appliers wrote the applier's own,
// where they wrote the definition's versions: fields that Helm created would
// stay for ever otherwise. Who only fills something in, such as a certificate,
// keeps it.
func (c *Cluster) takeOver(ctx context.Context, name, fieldManager string) error {
	live, err := c.dynamic.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	authors := sets.New[string]()
	for _, m := range live.GetManagedFields() {
		var fields struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if m.Operation != metav1.ManagedFieldsOperationUpdate || m.Subresource != "" || m.FieldsV1 == nil || json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, wrote := fields.Spec["f:versions"]; wrote {
			authors.Insert(m.Manager)
		}
	}
	if authors.Len() == 0 {
		return nil
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, authors, fieldManager)
	if err != nil || patch == nil {
		return err
	}
	_, err = c.dynamic.Resource(crdResource).Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}
