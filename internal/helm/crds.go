package helm

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/soctalk/fleet/internal/kube"
)

// LiveCRDs reads the live twins of a chart's definitions, one request each;
// those that do not exist are left out. Both lists come back in the form that
// the API server gives them, so that they can be compared.
func (c *Client) LiveCRDs(ctx context.Context, crds []*unstructured.Unstructured) (live, want []*unstructured.Unstructured, err error) {
	_, unknown, err := c.place("", crds)
	if err != nil {
		return nil, nil, err
	}
	if len(unknown) > 0 {
		return nil, nil, fmt.Errorf("the cluster does not offer %s, as which the chart writes the definition %s", unknown[0].GetAPIVersion(), unknown[0].GetName())
	}
	for _, crd := range crds {
		want = append(want, normalised(crd))
		reading, cancel := c.cluster.Reading(ctx)
		o, err := c.cluster.Dynamic().Resource(kube.CRDResource).Get(reading, crd.GetName(), metav1.GetOptions{})
		cancel()
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading the definition %s: %w", crd.GetName(), c.cluster.ExplainRead(err))
		}
		live = append(live, normalised(o))
	}
	return live, want, nil
}

// ApplyCRDs makes definitions what a chart says, and waits until they can be
// used or the context ends; see [kube.Cluster.ApplyCRDs].
func (c *Client) ApplyCRDs(ctx context.Context, crds []*unstructured.Unstructured) error {
	err := c.cluster.ApplyCRDs(ctx, crds, fieldManager)
	c.Forget()
	return err
}

// normalised drops what says nothing from a definition, and what its type does
// not know.
func normalised(crd *unstructured.Unstructured) *unstructured.Unstructured {
	typed := placed{Unstructured: crd}.versioned()
	if _, unknown := typed.(runtime.Unstructured); unknown {
		return crd
	}
	normal, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return crd
	}
	out := &unstructured.Unstructured{Object: normal}
	out.SetGroupVersionKind(crd.GroupVersionKind())
	return out
}
