package helm

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// expected is what a manifest makes of the fields that it sets, written as the
// API server writes them: quantities in their shortest form, a Secret's texts
// as data, fields that say the same as none left out. schema tells which lists
// are merged; nil for kinds without a type.
func expected(o placed) (fields map[string]any, schema strategicpatch.LookupPatchMeta) {
	raw := o.DeepCopy()
	if o.GetKind() == "Secret" && o.GroupVersionKind().Group == "" {
		encodeTexts(raw)
	}
	o.Unstructured = raw
	fields = raw.Object
	typed := o.versioned()
	if _, unknown := typed.(runtime.Unstructured); !unknown {
		if normal, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed); err == nil {
			fields, _ = overlay(raw.Object, normal).(map[string]any)
			if s, err := strategicpatch.NewPatchMetaFromStruct(typed); err == nil {
				schema = s
			}
		}
	}
	for _, k := range []string{"apiVersion", "kind", "status"} {
		delete(fields, k)
	}
	if m, ok := fields["metadata"].(map[string]any); ok {
		kept := map[string]any{}
		for _, k := range []string{"labels", "annotations"} {
			if v, has := m[k]; has {
				kept[k] = v
			}
		}
		fields["metadata"] = kept
	}
	if _, aggregated := fields["aggregationRule"]; aggregated {
		// A controller fills in the rest.
		delete(fields, "rules")
	}
	return fields, schema
}

// encodeTexts does with a Secret's stringData what the API server does.
func encodeTexts(secret *unstructured.Unstructured) {
	texts, _, _ := unstructured.NestedMap(secret.Object, "stringData")
	data, _, _ := unstructured.NestedMap(secret.Object, "data")
	if data == nil {
		data = map[string]any{}
	}
	for k, v := range texts {
		if s, ok := v.(string); ok {
			data[k] = base64.StdEncoding.EncodeToString([]byte(s))
		}
	}
	delete(secret.Object, "stringData")
	if len(data) > 0 {
		secret.Object["data"] = data
	}
}

// overlay keeps the fields that raw sets, in the form that normal gives them.
// What normal lacks is not stored; of that, an explicit false and an empty list
// still say that there must be nothing else.
func overlay(raw, normal any) any {
	switch r := raw.(type) {
	case map[string]any:
		n, ok := normal.(map[string]any)
		if !ok {
			return normal
		}
		out := map[string]any{}
		for k, v := range r {
			if v == nil {
				continue
			}
			if nv := n[k]; nv != nil {
				out[k] = overlay(v, nv)
			} else if v == false {
				out[k] = notTrue{}
			} else if list, ok := v.([]any); ok && len(list) == 0 {
				out[k] = v
			}
		}
		return out
	case []any:
		n, ok := normal.([]any)
		if !ok || len(n) != len(r) {
			return normal
		}
		out := make([]any, len(r))
		for i := range r {
			out[i] = overlay(r[i], n[i])
		}
		return out
	}
	return normal
}

// notTrue stands for an explicit false that is stored as no field at all.
type notTrue struct{}
