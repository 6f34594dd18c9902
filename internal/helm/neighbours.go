package helm

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// neighbours, as a name, stands for every object of a kind in a namespace.
// Charts that look up one Secret of their namespace mostly look up others too,
// so the first question is put for all of them.
const neighbours = "*"

// fewNeighbours is how many objects are read to answer for one.
const fewNeighbours = 100

// neighbours returns the objects that the one at the key is among, or nil when
// it has to be asked for alone.
func (l *lookups) neighbours(ctx context.Context, key lookupKey) map[string]*unstructured.Unstructured {
	if key.namespace == "" || key.name == "" || key.name == neighbours || storedRevision(key) {
		return nil
	}
	key.name = neighbours
	e, err := l.read(ctx, key)
	if err != nil {
		return nil // what is wrong shows when it is asked for alone
	}
	return e.all
}

// storedRevision says that a Secret is one of Helm's own, which are not listed
// as neighbours: they are large.
func storedRevision(key lookupKey) bool {
	return key.resource == secrets && strings.HasPrefix(key.name, "sh.helm.release.")
}

// listNeighbours returns nil when there are too many, or none may be listed.
func listNeighbours(ctx context.Context, client dynamic.ResourceInterface, resource schema.GroupVersionResource) (map[string]*unstructured.Unstructured, error) {
	options := metav1.ListOptions{Limit: fewNeighbours}
	if resource == secrets {
		options.FieldSelector = "type!=" + secretType
	}
	list, err := client.List(ctx, options)
	if apierrors.IsForbidden(err) {
		return nil, nil // the one that is asked for may be allowed
	}
	if err != nil {
		return nil, err
	}
	if list.GetContinue() != "" {
		return nil, nil
	}
	all := make(map[string]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		all[list.Items[i].GetName()] = &list.Items[i]
	}
	return all, nil
}
