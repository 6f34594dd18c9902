package kube

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Apply creates an object or makes its fields those given, on the server's
// side, and takes over fields that others own.
func (c *Cluster) Apply(ctx context.Context, o *unstructured.Unstructured, fieldManager string) error {
	gvk := o.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return fmt.Errorf("find out what a %s is: %w", gvk.Kind, err)
	}
	_, err = c.dynamic.Resource(mapping.Resource).Namespace(o.GetNamespace()).
		Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return c.Explain(err)
}
