package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	goneFirst = 50 * time.Millisecond
	goneLast  = 500 * time.Millisecond
)

// WaitGone returns when none of the objects exists any more. It returns a
// [NotReadyError] when the context's deadline passes.
func (c *Cluster) WaitGone(ctx context.Context, objs []*unstructured.Unstructured) error {
	type place struct {
		resource  schema.GroupVersionResource
		namespace string
	}
	kindOf := map[place]string{}
	left := map[place]map[string]bool{}
	for _, o := range objs {
		gvk := o.GroupVersionKind()
		mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for the end of %s %s: %w", gvk.Kind, o.GetName(), c.Explain(err))
		}
		p := place{mapping.Resource, o.GetNamespace()}
		if left[p] == nil {
			left[p] = map[string]bool{}
		}
		left[p][o.GetName()] = true
		kindOf[p] = gvk.Kind
	}
	for pause := goneFirst; ; pause = min(2*pause, goneLast) {
		for p, names := range left {
			var err error
			left[p], err = c.existing(ctx, p.resource, p.namespace, names)
			// Anything else may pass.
			if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
				return fmt.Errorf("waiting for the end of %s in namespace %s: %w", p.resource.Resource, p.namespace, c.Explain(err))
			}
			if len(left[p]) == 0 {
				delete(left, p)
			}
		}
		if len(left) == 0 {
			return nil
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
			continue
		case <-ctx.Done():
			t.Stop()
		}
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return context.Cause(ctx)
		}
		e := &NotReadyError{TimedOut: true, Cause: ctx.Err()}
		for p, names := range left {
			for name := range names {
				e.Reasons = append(e.Reasons, Reason{Kind: kindOf[p], Namespace: p.namespace, Name: name, Message: "still exists"})
			}
		}
		return e
	}
}

// existing returns which of the names are still there.
func (c *Cluster) existing(ctx context.Context, r schema.GroupVersionResource, namespace string, names map[string]bool) (map[string]bool, error) {
	client := c.metadata.Resource(r).Namespace(namespace)
	still := map[string]bool{}
	if len(names) == 1 {
		for name := range names {
			_, err := client.Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return still, nil
			}
			return names, err
		}
	}
	list, err := client.List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return still, nil
	}
	if err != nil {
		return names, err
	}
	for i := range list.Items {
		if names[list.Items[i].Name] {
			still[list.Items[i].Name] = true
		}
	}
	return still, nil
}
