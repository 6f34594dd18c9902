package schema

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v2"
)

// maxDepth bounds the nesting of YAML, JSON and HCL.
const maxDepth = 200

var errTooDeep = fmt.Errorf("it is nested more than %d levels deep", maxDepth)

// checkYAML refuses texts that a decoder would spend all memory or stack on.
// Texts without aliases and without deep nesting, which is nearly all, cost
// one look at each byte.
func checkYAML(text string) error {
	if len(text) > maxFile {
		return tooLarge(int64(len(text)))
	}
	if err := yamlDepth(text); err != nil {
		return err
	}
	if strings.Contains(text, "&") && strings.Contains(text, "*") {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			return yamlError(err)
		}
	}
	return nil
}

// yamlDepth estimates nesting from brackets, indentation and dashes.
func yamlDepth(text string) error {
	open, dashes := 0, 0
	indent, lineStart := 0, true
	steps := []int{}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			lineStart, indent, dashes = true, 0, 0
			continue
		case lineStart && (c == ' ' || c == '\t'):
			indent++
			continue
		case c == '[' || c == '{':
			if open++; open > maxDepth {
				return errTooDeep
			}
		case (c == ']' || c == '}') && open > 0:
			open--
		case (c == '-' || c == '?' || c == ':') && i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t'):
			if dashes++; dashes > maxDepth {
				return errTooDeep
			}
		}
		if lineStart {
			lineStart = false
			for len(steps) > 0 && steps[len(steps)-1] >= indent {
				steps = steps[:len(steps)-1]
			}
			if steps = append(steps, indent); len(steps) > maxDepth {
				return errTooDeep
			}
		}
	}
	return nil
}

func yamlError(err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.Contains(msg, "excessive aliasing") {
		msg = "its aliases expand to far more than the text itself (a YAML bomb)"
	}
	return errors.New(msg)
}

// decodeValues reads a YAML text as Helm reads a values file, but keeps whole
// numbers whole.
func decodeValues(text string) (map[string]any, error) {
	if err := checkYAML(text); err != nil {
		return nil, err
	}
	if err := checkKeys(text); err != nil {
		return nil, err
	}
	var raw any
	if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
		return nil, yamlError(err)
	}
	if raw == nil {
		return map[string]any{}, nil
	}
	plain, err := jsonable(raw)
	if err != nil {
		return nil, err
	}
	m, ok := plain.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("values must be a mapping of names, this is %s", describe(plain))
	}
	return m, nil
}

func describe(v any) string {
	switch v.(type) {
	case []any:
		return "a list"
	case string:
		return "a text"
	case nil:
		return "null"
	}
	return "a single value"
}

// jsonable brings a decoded YAML value to the types of JSON, keys included.
func jsonable(v any) (any, error) {
	switch x := v.(type) {
	case map[any]any:
		m := make(map[string]any, len(x))
		for k, e := range x {
			key, err := yamlKey(k)
			if err != nil {
				return nil, err
			}
			c, err := jsonable(e)
			if err != nil {
				return nil, err
			}
			m[key] = c
		}
		return m, nil
	case []any:
		for i, e := range x {
			c, err := jsonable(e)
			if err != nil {
				return nil, err
			}
			x[i] = c
		}
		return x, nil
	case int:
		return int64(x), nil
	case uint64:
		return float64(x), nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, errors.New("infinite numbers and NaN cannot be passed to a chart")
		}
		return x, nil
	case nil, string, bool, int64:
		return x, nil
	}
	return nil, fmt.Errorf("a value of type %T cannot be passed to a chart", v)
}

// yamlKey follows sigs.k8s.io/yaml, and so Kubernetes and Helm.
func yamlKey(k any) (string, error) {
	switch x := k.(type) {
	case string:
		return x, nil
	case int:
		return strconv.Itoa(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 32), nil
	case bool:
		return strconv.FormatBool(x), nil
	}
	return "", errors.New("the keys of a mapping must be texts, numbers or booleans")
}
