package helm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Lookup is a question that a template asked of the cluster, and what state
// the answer was in.
type Lookup struct {
	Group, Version, Resource string
	// Namespace is empty for all of them, Name for a list.
	Namespace, Name string
	// State changes whenever the answer does. It is empty when there was no
	// such object.
	State string
}

func lookupOf(key lookupKey, e *lookupEntry) Lookup {
	l := Lookup{Group: key.resource.Group, Version: key.resource.Version, Resource: key.resource.Resource, Namespace: key.namespace, Name: key.name}
	switch {
	case e.object != nil:
		l.State = stateOf(e.object)
	case e.list != nil:
		var all []metav1.Object
		for i := range e.list.Items {
			all = append(all, &e.list.Items[i])
		}
		l.State = stateOfAll(all)
	}
	return l
}

func stateOf(o metav1.Object) string { return string(o.GetUID()) + "/" + o.GetResourceVersion() }

func stateOfAll(all []metav1.Object) string {
	var states []string
	for _, o := range all {
		states = append(states, o.GetNamespace()+"/"+o.GetName()+"="+stateOf(o))
	}
	slices.Sort(states)
	sum := sha256.Sum256([]byte(strings.Join(states, "\n")))
	return hex.EncodeToString(sum[:])
}

// verifiable says whether [Client.Current] can tell that the answer is still
// the same without reading much: the Secrets that Helm stores revisions in are
// many.
func (l Lookup) verifiable() bool {
	return l.gvr() != secrets || l.Name != "" && !storedRevision(lookupKey{resource: secrets, name: l.Name})
}

func (l Lookup) gvr() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: l.Group, Version: l.Version, Resource: l.Resource}
}

// fewNamespaces is up to how many namespaces are read one by one rather than
// all together.
const fewNamespaces = 3

// Current says of each lookup whether it would be answered the same now. It
// reads metadata alone, and of each kind all objects that may matter at once.
func (c *Client) Current(ctx context.Context, lookups []Lookup) (map[Lookup]bool, error) {
	byResource := map[schema.GroupVersionResource][]Lookup{}
	for _, l := range lookups {
		if l.verifiable() {
			byResource[l.gvr()] = append(byResource[l.gvr()], l)
		}
	}
	current := map[Lookup]bool{}
	for resource, some := range byResource {
		objects, err := c.metadataOf(ctx, resource, some)
		if apierrors.IsNotFound(err) {
			continue // the kind is gone
		}
		if err != nil {
			return nil, err
		}
		for _, l := range some {
			current[l] = l.State == objects.state(l)
		}
	}
	return current, nil
}

// metadataOf lists a kind in the namespaces of the lookups.
func (c *Client) metadataOf(ctx context.Context, resource schema.GroupVersionResource, lookups []Lookup) (*listed, error) {
	var namespaces []string
	for _, l := range lookups {
		namespaces = append(namespaces, l.Namespace)
	}
	slices.Sort(namespaces)
	namespaces = slices.Compact(namespaces)
	if len(namespaces) > fewNamespaces || namespaces[0] == "" {
		namespaces = []string{""}
	}
	out := &listed{byName: map[[2]string]metav1.Object{}}
	for _, namespace := range namespaces {
		if err := c.listMetadata(ctx, resource, namespace, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Client) listMetadata(ctx context.Context, resource schema.GroupVersionResource, namespace string, into *listed) error {
	options := metav1.ListOptions{Limit: listPage}
	if resource == secrets {
		options.FieldSelector = "type!=" + secretType
	}
	for {
		reading, cancel := c.cluster.Reading(ctx)
		page, err := c.cluster.Metadata().Resource(resource).Namespace(namespace).List(reading, options)
		cancel()
		if err != nil {
			return fmt.Errorf("listing %s: %w", resource.Resource, c.cluster.ExplainRead(err))
		}
		for i := range page.Items {
			o := &page.Items[i]
			into.byName[[2]string{o.Namespace, o.Name}] = o
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return nil
		}
	}
}

// listed are objects by namespace and name.
type listed struct{ byName map[[2]string]metav1.Object }

// state is that of a lookup's answer among them.
func (l *listed) state(of Lookup) string {
	if of.Name != "" {
		if o := l.byName[[2]string{of.Namespace, of.Name}]; o != nil {
			return stateOf(o)
		}
		return ""
	}
	var all []metav1.Object
	for k, o := range l.byName {
		if of.Namespace == "" || k[0] == of.Namespace {
			all = append(all, o)
		}
	}
	return stateOfAll(all)
}

// Offers identifies all that templates can see of the cluster beside its
// objects: its version, and the kinds that it knows.
func (c *Client) Offers(ctx context.Context) (string, error) {
	caps, err := c.capabilities(ctx)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%q %q", caps.KubeVersion, []string(caps.APIVersions))
	return hex.EncodeToString(sum.Sum(nil)), nil
}
