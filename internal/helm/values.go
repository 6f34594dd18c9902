package helm

import (
	"encoding/json"
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/strvals"

	"github.com/soctalk/fleet/schema"
)

// CheckSet says whether Helm understands a set assignment.
func CheckSet(path, value string) error {
	return assign(map[string]any{}, schema.SetValue{Path: path, Value: value})
}

// assign does what --set path=value does.
func assign(values map[string]any, s schema.SetValue) error {
	if strings.TrimSpace(s.Path) == "" {
		return &SetError{Path: s.Path, Why: "it is empty"}
	}
	err := strvals.ParseInto(s.Path+"="+s.Value, values)
	if err == nil {
		return nil
	}
	// Helm's message quotes the value where the fault may be in it.
	if keyErr := strvals.ParseInto(s.Path+"=", map[string]any{}); keyErr != nil {
		return &SetError{Path: s.Path, Why: "Helm cannot read it: " + keyErr.Error()}
	}
	if strings.ContainsAny(s.Value, ",{}\\") {
		return &SetError{Path: s.Path, Why: `Helm cannot read its value: write \, for a comma, and {a,b} for a list`}
	}
	return &SetError{Path: s.Path, Why: "it does not fit the values that it is applied to"}
}

// MergeValues lays over upon base as Helm merges values files: maps deeply,
// anything else by replacement, null kept. Neither is modified.
func MergeValues(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		if m, ok := v.(map[string]any); ok {
			if b, ok := out[k].(map[string]any); ok {
				out[k] = MergeValues(b, m)
				continue
			}
		}
		out[k] = v
	}
	return out
}

// EffectiveValues are the values with every set assignment applied: what the
// release stores as its config. The result is private, and its numbers are of
// the types that Helm has after it read a values file, because templates can
// tell them apart.
func EffectiveValues(values map[string]any, set []schema.SetValue) (map[string]any, error) {
	out := map[string]any{}
	if len(values) > 0 {
		raw, err := json.Marshal(values)
		if err != nil {
			return nil, fmt.Errorf("copying values: %w", err)
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			return nil, fmt.Errorf("copying values: %w", err)
		}
	}
	for _, s := range set {
		if err := assign(out, s); err != nil {
			return nil, err
		}
	}
	return out, nil
}
