package helm

import (
	"encoding/json"
	"strings"

	hkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/cli-runtime/pkg/resource"
)

// tried is a revision that failed and was not undone.
type tried struct{ namespace, name, manifest string }

// onto adds to what Helm takes for the release's own, which is the last revision
// that was deployed, what the failed one has set since. Otherwise that would stay
// when the next revision leaves it out: Helm takes away only what it knows of.
func (t *tried) onto(original hkube.ResourceList, client *hkube.Client) hkube.ResourceList {
	objects, err := client.Build(strings.NewReader(t.manifest), false)
	if err != nil { // it holds kinds that there are not, so it did not get far
		return original
	}
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

// owns says whether an object that the failed revision was to bring is there, and
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
