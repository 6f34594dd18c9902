package helm_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soctalk/fleet/internal/helm"
)

const knownSchema = `{
  "type": "object", "additionalProperties": false,
  "properties": {
    "llm": {"type": "object", "additionalProperties": false, "properties": {"model": {"type": "string"}, "old": false}},
    "list": {"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {"a": {}}}},
    "either": {"oneOf": [
      {"type": "object", "additionalProperties": false, "properties": {"a": {}}},
      {"type": "object", "additionalProperties": false, "properties": {"b": {}}}]},
    "free": {"type": "object"},
    "sub": {"type": "object"},
    "global": {"type": "object"}
  }
}`

func TestKnownValues(t *testing.T) {
	t.Parallel()
	c := helm.NewOffline(helm.Capabilities{Version: "v1.36.0"})
	open := load(t, files{"Chart.yaml": meta("app", "1.0.0"), "values.yaml": "any: 1\n"})
	strict := load(t, files{
		"Chart.yaml": meta("app", "1.0.0"), "values.yaml": "llm: {model: small}\n", "values.schema.json": knownSchema,
		"charts/sub/Chart.yaml":         meta("sub", "1.0.0"),
		"charts/sub/values.schema.json": `{"type": "object", "properties": {"known": {}, "global": {}}, "additionalProperties": false}`,
	})
	type values = map[string]any
	for name, test := range map[string]struct {
		given, want values
		unknown     []string
	}{
		"all is known":       {given: values{"llm": values{"model": "a"}}, want: values{"llm": values{"model": "a"}}},
		"a key":              {given: values{"new": 1, "free": values{"x": 1}}, want: values{"free": values{"x": 1}}, unknown: []string{"new"}},
		"nested, and false":  {given: values{"llm": values{"model": "a", "engine": "b", "old": 1}}, want: values{"llm": values{"model": "a"}}, unknown: []string{"llm.engine", "llm.old"}},
		"of a subchart":      {given: values{"sub": values{"known": 1, "late": values{"x": 1}}}, want: values{"sub": values{"known": 1}}, unknown: []string{"sub.late"}},
		"in a list":          {given: values{"list": []any{values{"b": 1}}}, want: values{"list": []any{values{"b": 1}}}},
		"of an alternative":  {given: values{"either": values{"c": 1}}, want: values{"either": values{"c": 1}}},
		"of the wrong type":  {given: values{"llm": 5}, want: values{"llm": 5}},
		"an odd name":        {given: values{"a.b/c": 1}, want: values{}, unknown: []string{`["a.b/c"]`}},
		"removed with a nil": {given: values{"llm": nil}, want: values{"llm": nil}},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := helm.EffectiveValues(test.given, nil)
			known, unknown := c.KnownValues(strict, test.given)
			if diff := cmp.Diff(test.want, known); diff != "" || !reflect.DeepEqual(unknown, test.unknown) {
				t.Errorf("left out %q, and of the rest (-want +got):\n%s", unknown, diff)
			}
			if after, _ := helm.EffectiveValues(test.given, nil); !reflect.DeepEqual(before, after) {
				t.Errorf("the values were modified: %v", after)
			}
			if same, left := c.KnownValues(open, test.given); left != nil || !reflect.DeepEqual(same, test.given) {
				t.Errorf("a chart without a schema knows everything, and %q was left out", left)
			}
		})
	}
}
