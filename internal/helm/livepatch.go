package helm

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// patchFor is the patch that Helm would send to bring a live object from the
// original to the modified manifest; nil when there is nothing to send. For
// kinds that it has no type for, Helm does not look at the live object.
func patchFor(original, modified placed, live *unstructured.Unstructured) ([]byte, types.PatchType, error) {
	before, after, current, err := encodeAll(original.Unstructured, modified.Unstructured, live)
	if err != nil {
		return nil, "", err
	}
	typed := modified.versioned()
	if _, unknown := typed.(runtime.Unstructured); unknown {
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(before, after, before)
		return someOf(patch), types.MergePatchType, err
	}
	patch, err := strategicPatch(typed, before, after, current)
	return patch, types.StrategicMergePatchType, err
}

// restoring is the patch that would give a live object the manifest's values
// back.
func restoring(o placed, live *unstructured.Unstructured) ([]byte, types.PatchType, error) {
	_, after, current, err := encodeAll(o.Unstructured, o.Unstructured, live)
	if err != nil {
		return nil, "", err
	}
	typed := o.versioned()
	if _, unknown := typed.(runtime.Unstructured); unknown {
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(after, after, current)
		return someOf(patch), types.MergePatchType, err
	}
	patch, err := strategicPatch(typed, after, after, current)
	return patch, types.StrategicMergePatchType, err
}

func strategicPatch(typed any, before, after, current []byte) ([]byte, error) {
	schema, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(before, after, current, schema, true)
	return someOf(patch), err
}

func someOf(patch []byte) []byte {
	if string(patch) == "{}" {
		return nil
	}
	return patch
}

func encodeAll(a, b, c *unstructured.Unstructured) (x, y, z []byte, err error) {
	for _, e := range []struct {
		o    *unstructured.Unstructured
		into *[]byte
	}{{a, &x}, {b, &y}, {c, &z}} {
		if *e.into, err = json.Marshal(e.o.Object); err != nil {
			return nil, nil, nil, fmt.Errorf("encoding %s %s: %w", e.o.GetKind(), e.o.GetName(), err)
		}
	}
	return x, y, z, nil
}
