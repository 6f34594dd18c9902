package helm

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	hkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/cli-runtime/pkg/resource"
)

// tried are the manifests, oldest first, that a release's objects may have
// something of beside that of the revision that Helm takes for its own.
type tried struct {
	namespace, name string
	manifests       []string
}

// triedSince reads what was tried since a release was deployed last, up to its
// newest revision. back is the revision that a way back goes to, or nil: for that
// Helm takes the newest for what is there, and if that was a way back itself, and
// was cut off, what it came from is there still.
func (c *Client) triedSince(ctx context.Context, newest, back *Release) (*tried, error) {
	history, err := c.History(ctx, newest.Namespace, newest.Name)
	if err != nil {
		return nil, err
	}
	t := &tried{namespace: newest.Namespace, name: newest.Name}
	if back == nil {
		t.manifests = append(t.manifests, newest.Manifest.String())
	}
	for _, m := range history {
		if m.Revision >= newest.Revision {
			continue
		}
		deployed := m.Status == "deployed"
		if deployed && back == nil {
			break // Helm itself starts from there
		}
		if !deployed && m.Status != "failed" {
			continue
		}
		body, err := c.Get(ctx, m.Namespace, m.Name, m.Revision)
		var gone *NotFoundError
		var corrupt *CorruptError
		switch {
		case errors.As(err, &gone) || errors.As(err, &corrupt):
		case err != nil:
			return nil, err
		case back != nil && body.Manifest.String() == back.Manifest.String():
			// The goal itself: what is to go is not in it.
		default:
			t.manifests = append(t.manifests, body.Manifest.String())
		}
		if deployed {
			break
		}
	}
	slices.Reverse(t.manifests)
	return t, nil
}

// onto adds to what Helm takes for the release's own what was tried beside it.
// Otherwise that would stay when the next revision leaves it out: Helm takes away
// only what it knows of.
func (t *tried) onto(original hkube.ResourceList, client *hkube.Client) hkube.ResourceList {
	for _, manifest := range t.manifests {
		objects, err := client.Build(strings.NewReader(manifest), false)
		if err != nil { // it holds kinds that there are not, so it did not get far
			continue
		}
		original = t.with(original, objects)
	}
	return original
}

func (t *tried) with(original, objects hkube.ResourceList) hkube.ResourceList {
	var all hkube.ResourceList
	for _, was := range original {
		since := objects.Get(was)
		if since == nil {
			all.Append(was)
			continue
		}
		both := *was // the object may be the target's own
		both.Object = union(was, since)
		all.Append(&both)
	}
	for _, o := range objects {
		if original.Get(o) == nil && t.owns(o) {
			all.Append(o)
		}
	}
	return all
}

// owns says whether an object that a failed revision was to bring is there, and
// is the release's.
func (t *tried) owns(o *resource.Info) bool {
	live, err := resource.NewHelper(o.Client, o.Mapping).Get(o.Namespace, o.Name)
	if err != nil {
		return false
	}
	m, err := meta.Accessor(live)
	return err == nil && m.GetAnnotations()["meta.helm.sh/release-name"] == t.name && m.GetAnnotations()["meta.helm.sh/release-namespace"] == t.namespace
}

// union is an object with the fields of both of its manifests; the later one's
// where it is of a kind whose lists cannot be merged.
func union(was, since *resource.Info) runtime.Object {
	typed := hkube.AsVersioned(since)
	if _, unknown := typed.(runtime.Unstructured); unknown {
		return since.Object
	}
	a, errA := json.Marshal(was.Object)
	b, errB := json.Marshal(since.Object)
	if errA != nil || errB != nil {
		return since.Object
	}
	merged, err := strategicpatch.StrategicMergePatch(a, b, typed)
	if err != nil {
		return since.Object
	}
	both := &unstructured.Unstructured{}
	if err := both.UnmarshalJSON(merged); err != nil {
		return since.Object
	}
	return both
}
