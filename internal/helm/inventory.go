package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/pager"
)

const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedByHelm  = "Helm"
	// manyNamespaces is from when on the objects of a kind are listed across all
	// namespaces, whatever else is there.
	manyNamespaces = 4
	// manyMissing is from how many objects of a kind on, that should be there and
	// were not listed, their names are listed too.
	manyMissing = 20
)

// inventory holds live objects, without their status and field managers.
type inventory struct {
	client *Client

	mu sync.Mutex
	// objects are JSON: decoded ones would take several times the room.
	objects map[ref][]byte
	// absent are places that are known to be empty.
	absent map[ref]bool
}

// inventory reads the live objects at the places, in as few requests as it
// takes. What Helm made carries its label, so those of a whole kind come in
// one list.
func (c *Client) inventory(ctx context.Context, refs []ref, parallel int) (*inventory, error) {
	inv := &inventory{client: c, objects: map[ref][]byte{}, absent: map[ref]bool{}}
	wanted := map[ref]bool{}
	kinds := map[schema.GroupVersionResource]map[string]int{}
	for _, r := range refs {
		if wanted[r] {
			continue
		}
		wanted[r] = true
		if kinds[r.resource] == nil {
			kinds[r.resource] = map[string]int{}
		}
		kinds[r.resource][r.namespace]++
	}
	group, listing := errgroup.WithContext(ctx)
	group.SetLimit(max(parallel, 1))
	for resource, namespaces := range kinds {
		if len(namespaces) < manyNamespaces {
			for namespace, objects := range namespaces {
				if objects > 1 {
					group.Go(func() error { return inv.list(listing, resource, namespace, wanted) })
				}
			}
			continue
		}
		group.Go(func() error {
			err := inv.list(listing, resource, metav1.NamespaceAll, wanted)
			if !apierrors.IsForbidden(err) {
				return err
			}
			// Who may not look everywhere may look where they work.
			for namespace := range namespaces {
				if err := inv.list(listing, resource, namespace, wanted); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return inv, inv.missing(ctx, wanted)
}

// missing finds out which of many objects that were not listed exist without
// Helm's label. Asking for each would take a request an object where a fleet's
// workloads were deleted.
func (inv *inventory) missing(ctx context.Context, wanted map[ref]bool) error {
	unlisted := map[schema.GroupVersionResource][]ref{}
	for at := range wanted {
		if inv.objects[at] == nil {
			unlisted[at.resource] = append(unlisted[at.resource], at)
		}
	}
	for resource, refs := range unlisted {
		if len(refs) < manyMissing {
			continue
		}
		exist, err := inv.names(ctx, resource)
		switch {
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
			continue // they are read one by one
		case err != nil:
			return fmt.Errorf("listing %s: %w", resource.Resource, inv.client.cluster.ExplainRead(err))
		}
		for _, at := range refs {
			if !exist[at] {
				inv.absent[at] = true
			}
		}
	}
	return nil
}

// names are the places of all objects of a kind.
func (inv *inventory) names(ctx context.Context, resource schema.GroupVersionResource) (map[ref]bool, error) {
	client := inv.client.cluster.Metadata().Resource(resource)
	pages := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) })
	pages.PageSize, pages.PageBufferSize = listPage, 0
	exist := map[ref]bool{}
	err := pages.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error {
		o := item.(*metav1.PartialObjectMetadata)
		exist[ref{resource, o.Namespace, o.Name}] = true
		return nil
	})
	return exist, err
}

// list reads the objects of a kind in a namespace. What it may not list is
// read one by one later.
func (inv *inventory) list(ctx context.Context, resource schema.GroupVersionResource, namespace string, wanted map[ref]bool) error {
	client := inv.client.cluster.Dynamic().Resource(resource).Namespace(namespace)
	pages := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) })
	pages.PageSize, pages.PageBufferSize = listPage, 0
	err := pages.EachListItem(ctx, metav1.ListOptions{LabelSelector: managedByLabel + "=" + managedByHelm}, func(item runtime.Object) error {
		o := item.(*unstructured.Unstructured)
		at := ref{resource, o.GetNamespace(), o.GetName()}
		if !wanted[at] {
			return nil
		}
		o.SetManagedFields(nil)
		delete(o.Object, "status")
		text, err := json.Marshal(o.Object)
		inv.mu.Lock()
		defer inv.mu.Unlock()
		inv.objects[at] = text
		return err
	})
	switch {
	case apierrors.IsForbidden(err) && namespace == metav1.NamespaceAll:
		return err
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		return nil
	case err != nil:
		return fmt.Errorf("listing %s: %w", resource.Resource, inv.client.cluster.ExplainRead(err))
	}
	return nil
}

// get returns the live object, nil where there is none.
func (inv *inventory) get(ctx context.Context, at ref) (*unstructured.Unstructured, error) {
	inv.mu.Lock()
	text, listed := inv.objects[at]
	inv.mu.Unlock()
	if inv.absent[at] {
		return nil, nil
	}
	if !listed {
		// It may have lost Helm's label.
		return inv.read(ctx, at)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", at.resource.Resource, at.name, err)
	}
	return o, nil
}

// read asks the API server for one object, all of it; nil where there is none.
func (inv *inventory) read(ctx context.Context, at ref) (*unstructured.Unstructured, error) {
	o, err := inv.client.cluster.Dynamic().Resource(at.resource).Namespace(at.namespace).Get(ctx, at.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", at.resource.Resource, at.name, inv.client.cluster.ExplainRead(err))
	}
	return o, nil
}
