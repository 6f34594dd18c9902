package helm

import (
	"context"
	"fmt"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/soctalk/fleet/internal/kube"
)

// lookups is what the template function lookup has read, each thing once.
type lookups struct {
	cluster *kube.Cluster

	mu      sync.Mutex
	entries map[lookupKey]*lookupEntry
}

type lookupKey struct {
	resource        schema.GroupVersionResource
	namespace, name string // an empty name is a list
}

type lookupEntry struct {
	done chan struct{}
	// One of the two is set, or neither where nothing was found.
	object *unstructured.Unstructured
	list   *unstructured.UnstructuredList
	// all is the answer to neighbours, by name.
	all map[string]*unstructured.Unstructured
	err error
}

// newLookups reads from a cluster; without one nothing is found.
func newLookups(c *kube.Cluster) *lookups {
	return &lookups{cluster: c, entries: map[lookupKey]*lookupEntry{}}
}

// forget drops what was read in a namespace, and of the cluster as a whole;
// with an empty namespace it drops all.
func (l *lookups) forget(namespace string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.entries {
		if namespace == "" || k.namespace == "" || k.namespace == namespace {
			delete(l.entries, k)
		}
	}
}

// leave drops what was read in a namespace.
func (l *lookups) leave(namespace string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.entries {
		if k.namespace == namespace {
			delete(l.entries, k)
		}
	}
}

// read returns what is at the key, and reads it if nobody has yet. Only answers
// are kept, failures are not.
func (l *lookups) read(ctx context.Context, key lookupKey) (*lookupEntry, error) {
	for {
		l.mu.Lock()
		e, ok := l.entries[key]
		if !ok {
			e = &lookupEntry{done: make(chan struct{})}
			l.entries[key] = e
			l.mu.Unlock()
			l.fill(ctx, key, e)
			return e, e.err
		}
		l.mu.Unlock()
		select {
		case <-e.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if e.err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

func (l *lookups) fill(ctx context.Context, key lookupKey, e *lookupEntry) {
	ctx, cancel := l.cluster.Reading(ctx)
	defer cancel()
	if all := l.neighbours(ctx, key); all != nil {
		e.object = all[key.name]
		close(e.done)
		return
	}
	client := l.cluster.Dynamic().Resource(key.resource).Namespace(key.namespace)
	switch key.name {
	case neighbours:
		e.all, e.err = listNeighbours(ctx, client, key.resource)
	case "":
		e.list, e.err = client.List(ctx, metav1.ListOptions{})
	default:
		e.object, e.err = client.Get(ctx, key.name, metav1.GetOptions{})
	}
	if apierrors.IsNotFound(e.err) {
		e.object, e.list, e.err = nil, nil, nil
	}
	if e.err != nil {
		e.err = fmt.Errorf("looking up %s: %w", key, l.cluster.ExplainRead(e.err))
		l.mu.Lock()
		if l.entries[key] == e {
			delete(l.entries, key)
		}
		l.mu.Unlock()
	}
	close(e.done)
}

func (k lookupKey) String() string {
	s := k.resource.Resource
	if k.name != "" {
		s += " " + k.name
	}
	if k.namespace != "" {
		s += " in namespace " + k.namespace
	}
	return s
}

// during returns the provider that Helm's engine asks for the time of a render.
func (l *lookups) during(ctx context.Context) lookupProvider {
	return lookupProvider{lookups: l, ctx: ctx, failure: new(error), seen: map[Lookup]bool{}, found: new([]*unstructured.Unstructured)}
}

// lookupProvider implements engine.ClientProvider.
type lookupProvider struct {
	lookups *lookups
	// Helm's template functions know no context.
	ctx context.Context
	// failure is the last question that got no answer. Helm makes a template's
	// error out of it, and its cause is lost.
	failure *error
	// seen is what was asked, with the answers.
	seen map[Lookup]bool
	// found are the objects that were read.
	found *[]*unstructured.Unstructured
}

// GetClientFor finds a kind within exactly the given version, as Helm does: a
// kind that the version does not have is looked up as nothing.
func (p lookupProvider) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	if p.lookups.cluster == nil {
		return lookupClient{lookupProvider: p}, false, nil
	}
	d := p.lookups.cluster.Discovery()
	resources, err := d.ServerResourcesForGroupVersion(apiVersion)
	if err != nil && !d.Fresh() {
		p.lookups.cluster.Refresh()
		resources, err = d.ServerResourcesForGroupVersion(apiVersion)
	}
	if err != nil {
		return nil, false, fmt.Errorf("looking up a %s: the cluster does not offer %s", kind, apiVersion)
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, false, err
	}
	for _, r := range resources.APIResources {
		if r.Kind == kind && !strings.Contains(r.Name, "/") {
			return lookupClient{lookupProvider: p, key: lookupKey{resource: gv.WithResource(r.Name)}}, r.Namespaced, nil
		}
	}
	return lookupClient{lookupProvider: p}, false, nil
}

// lookupClient answers the two questions that lookup asks.
type lookupClient struct {
	dynamic.NamespaceableResourceInterface
	lookupProvider
	key lookupKey
}

// Namespace implements dynamic.NamespaceableResourceInterface.
func (c lookupClient) Namespace(namespace string) dynamic.ResourceInterface {
	c.key.namespace = namespace
	return c
}

// Get returns a private copy: templates can modify it.
func (c lookupClient) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*unstructured.Unstructured, error) {
	c.key.name = name
	if c.key.resource.Resource != "" {
		e, err := c.lookups.read(c.ctx, c.key)
		if err != nil {
			*c.failure = err
			return nil, err
		}
		c.seen[lookupOf(c.key, e)] = true
		if e.object != nil {
			*c.found = append(*c.found, e.object)
			return e.object.DeepCopy(), nil
		}
	}
	return nil, apierrors.NewNotFound(c.key.resource.GroupResource(), name)
}

// List returns a private copy: templates can modify it.
func (c lookupClient) List(_ context.Context, _ metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	if c.key.resource.Resource != "" {
		e, err := c.lookups.read(c.ctx, c.key)
		if err != nil {
			*c.failure = err
			return nil, err
		}
		c.seen[lookupOf(c.key, e)] = true
		if e.list != nil {
			for i := range e.list.Items {
				*c.found = append(*c.found, &e.list.Items[i])
			}
			return e.list.DeepCopy(), nil
		}
	}
	return nil, apierrors.NewNotFound(c.key.resource.GroupResource(), "")
}
