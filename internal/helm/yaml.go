package helm

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// errNoObject says that a document is YAML, and no Kubernetes object.
var errNoObject = errors.New("apiVersion, kind or name is missing")

// parseYAML returns what a document decodes to, as the API server would read
// it; nil for an empty one. Nearly all documents are read straight into what
// JSON would give. What could come out differently goes the long way, through
// JSON itself.
func parseYAML(doc string) (map[string]any, error) {
	// Helm ends every document so; the last line of a text would lack it.
	data := []byte(doc + "\n")
	var tree any
	if err := yamlv2.Unmarshal(data, &tree); err == nil {
		if m, ok := tree.(map[any]any); ok {
			object, same := jsonMap(m)
			if kind, _ := object["kind"].(string); same && kind != "" {
				return object, nil
			}
		}
	}
	raw, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(raw); err != nil {
		return nil, errNoObject
	}
	return o.Object, nil
}

// jsonMap converts a map; false when JSON might read it differently.
func jsonMap(m map[any]any) (map[string]any, bool) {
	out := make(map[string]any, len(m))
	for k, v := range m {
		key, ok := k.(string)
		if !ok || !utf8.ValidString(key) {
			return nil, false
		}
		if out[key], ok = jsonValue(v); !ok {
			return nil, false
		}
	}
	return out, true
}

func jsonValue(v any) (any, bool) {
	switch v := v.(type) {
	case nil, bool:
		return v, true
	case string:
		return v, utf8.ValidString(v)
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		// JSON writes a whole number without a point, and reads an integer.
		return v, v != math.Trunc(v) && !math.IsNaN(v)
	case map[any]any:
		return jsonMap(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var ok bool
			if out[i], ok = jsonValue(e); !ok {
				return nil, false
			}
		}
		return out, true
	}
	return nil, false
}
