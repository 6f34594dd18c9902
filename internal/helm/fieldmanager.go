package helm

import (
	"encoding/json"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// writerOf names who wrote a field last, empty when the object does not tell:
// nobody owns a field that was taken out.
func writerOf(managers []metav1.ManagedFieldsEntry, at trail) string {
	writer := ""
	var last time.Time
	for _, m := range managers {
		if m.FieldsV1 == nil || m.Subresource == "status" {
			continue
		}
		var fields map[string]any
		if json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) != nil || !owns(fields, at) {
			continue
		}
		var when time.Time
		if m.Time != nil {
			when = m.Time.Time
		}
		if writer == "" || !when.Before(last) {
			writer, last = m.Manager, when
		}
	}
	return writer
}

// owns follows a trail through the tree of a manager's fields: "f:" and a
// field's name, "k:" and the key of a list's element, "v:" and a value.
func owns(fields map[string]any, at trail) bool {
	if len(at) == 0 || len(fields) == 0 {
		return true // an empty tree stands for all below it
	}
	if at[0].label == "" {
		sub, ok := fields["f:"+at[0].field].(map[string]any)
		return ok && owns(sub, at[1:])
	}
	for k, v := range fields {
		sub, _ := v.(map[string]any)
		if isElement(k, at[0].element) && owns(sub, at[1:]) {
			return true
		}
	}
	return false
}

func isElement(key string, element any) bool {
	if text, ok := strings.CutPrefix(key, "v:"); ok {
		var v any
		return json.Unmarshal([]byte(text), &v) == nil && sameScalar(v, element)
	}
	text, ok := strings.CutPrefix(key, "k:")
	m, isMap := element.(map[string]any)
	if !ok || !isMap {
		return false
	}
	var keys map[string]any
	if json.Unmarshal([]byte(text), &keys) != nil {
		return false
	}
	for k, v := range keys {
		if !sameScalar(v, m[k]) {
			return false
		}
	}
	return true
}
