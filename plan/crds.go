package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CRDChanges says what applying a chart's definitions would change about the
// live ones, by name. Both are in the API server's form. On a first install
// Helm creates those that are missing by itself, and changes none.
func CRDChanges(live, want []Object, installing bool) []CRDChange {
	have := map[string]Object{}
	for _, o := range live {
		have[keyOf(o).name] = o
	}
	var out []CRDChange
	for _, w := range want {
		name := keyOf(w).name
		old, exists := have[name]
		switch {
		case !exists && !installing:
			out = append(out, CRDChange{Name: name, Action: Create})
		case exists && !sameDefinition(old, w):
			out = append(out, CRDChange{Name: name, Action: Change, Breaking: breakingCRD(old, w)})
		}
	}
	slices.SortFunc(out, func(a, b CRDChange) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// StuckVersions are the versions that objects may be stored in and that the new
// definition drops: the cluster refuses that.
func StuckVersions(live, want Object) []string {
	status, _ := live["status"].(map[string]any)
	stored, _ := status["storedVersions"].([]any)
	has := versionsOf(want)
	var stuck []string
	for _, v := range stored {
		if name, _ := v.(string); has[name] == nil {
			stuck = append(stuck, name)
		}
	}
	return stuck
}

func sameDefinition(live, want Object) bool {
	return len(compare(definition(live, want), definition(want, want))) == 0
}

// definition is a definition's spec with what the API server fills in. Who puts
// in a webhook's certificate authority is not the chart unless it has one.
func definition(o, want Object) map[string]any {
	spec := maps.Clone(submap(o, "spec"))
	names := maps.Clone(submap(spec, "names"))
	kind, _ := names["kind"].(string)
	if names["singular"] == nil {
		names["singular"] = strings.ToLower(kind)
	}
	if names["listKind"] == nil {
		names["listKind"] = kind + "List"
	}
	spec["names"] = names
	conversion := maps.Clone(submap(spec, "conversion"))
	if conversion["strategy"] == nil {
		conversion["strategy"] = "None"
	}
	if webhook := maps.Clone(submap(conversion, "webhook")); len(webhook) > 0 {
		client := maps.Clone(submap(webhook, "clientConfig"))
		if submap(submap(submap(submap(want, "spec"), "conversion"), "webhook"), "clientConfig")["caBundle"] == nil {
			delete(client, "caBundle")
		}
		if service := maps.Clone(submap(client, "service")); len(service) > 0 {
			if service["port"] == nil {
				service["port"] = int64(443)
			}
			client["service"] = service
		}
		webhook["clientConfig"] = client
		conversion["webhook"] = webhook
	}
	spec["conversion"] = conversion
	return spec
}

// submap never returns nil, so that it can be written to once cloned.
func submap(m map[string]any, key string) map[string]any {
	sub, _ := m[key].(map[string]any)
	if sub == nil {
		return map[string]any{}
	}
	return sub
}

// breakingCRD says what of a change stored objects and their users may not
// survive.
func breakingCRD(live, want Object) []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	before, after := definition(live, want), definition(want, want)
	if a, b := before["scope"], after["scope"]; a != b {
		say("its scope changes from %v to %v, which Kubernetes refuses", a, b)
	}
	if a, b := submap(before, "names")["kind"], submap(after, "names")["kind"]; a != b {
		say("its kind changes from %v to %v, which Kubernetes refuses", a, b)
	}
	if a, b := submap(before, "conversion")["strategy"], submap(after, "conversion")["strategy"]; a != b {
		say("conversion between versions changes from %v to %v", a, b)
	}
	old, now := versionsOf(live), versionsOf(want)
	stuck := StuckVersions(live, want)
	if a, b := storageOf(old), storageOf(now); a != b {
		say("objects are stored as %s from now on, not as %s", b, a)
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		was, is := old[name], now[name]
		switch {
		case is == nil && slices.Contains(stuck, name):
			say("version %s is removed while objects may be stored in it, which Kubernetes refuses until they are written again in another version and %[1]s is taken out of status.storedVersions", name)
		case is == nil:
			say("version %s is removed", name)
		case was["served"] == true && is["served"] != true:
			say("version %s is no longer served", name)
		}
		if is != nil {
			s := schemaChange{version: name}
			s.walk("", schemaOf(was), schemaOf(is))
			lines = append(lines, s.lines...)
		}
	}
	return lines
}

func versionsOf(o Object) map[string]map[string]any {
	list, _ := submap(o, "spec")["versions"].([]any)
	out := map[string]map[string]any{}
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			name, _ := m["name"].(string)
			out[name] = m
		}
	}
	return out
}

func storageOf(versions map[string]map[string]any) string {
	for name, v := range versions {
		if v["storage"] == true {
			return name
		}
	}
	return ""
}

func schemaOf(version map[string]any) map[string]any {
	return submap(submap(version, "schema"), "openAPIV3Schema")
}

// schemaChange gathers what a version's new schema takes away from objects that
// the old one allowed.
type schemaChange struct {
	version string
	lines   []string
}

func (s *schemaChange) say(path, format string, args ...any) {
	if path == "" {
		path = "the object"
	}
	s.lines = append(s.lines, s.version+": "+path+" "+fmt.Sprintf(format, args...))
}

// schemaRules narrow what a field may hold.
var schemaRules = []string{
	"allOf", "anyOf", "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
	"minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern", "uniqueItems", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-validations",
}

func (s *schemaChange) walk(path string, was, is map[string]any) {
	if len(was) == 0 || len(is) == 0 {
		return
	}
	if a, b := was["type"], is["type"]; a != nil && a != b {
		s.say(path, "changes its type from %v to %v", a, orAny(b))
		return
	}
	s.required(path, was, is)
	s.enum(path, was, is)
	var rules []string
	for _, r := range schemaRules {
		if is[r] != nil && len(compare(was[r], is[r])) > 0 {
			rules = append(rules, r)
		}
	}
	if len(rules) > 0 {
		s.say(path, "is held to other rules: %s", strings.Join(rules, ", "))
	}
	if open(was) && !open(is) {
		s.say(path, "no longer keeps fields that the definition does not name")
	}
	old, now := submap(was, "properties"), submap(is, "properties")
	for _, k := range slices.Sorted(maps.Keys(old)) {
		here := strings.TrimPrefix(path+"."+k, ".")
		if now[k] == nil {
			if !open(is) {
				s.say(here, "is removed: what objects have there is lost when they are written next")
			}
			continue
		}
		s.walk(here, submap(old, k), submap(now, k))
	}
	s.walk(path+"[]", submap(was, "items"), submap(is, "items"))
	s.walk(path+"[*]", submap(was, "additionalProperties"), submap(is, "additionalProperties"))
}

// required tells of fields that objects must have from now on. The API server
// fills in those with a default.
func (s *schemaChange) required(path string, was, is map[string]any) {
	old, _ := was["required"].([]any)
	now, _ := is["required"].([]any)
	for _, f := range now {
		name, _ := f.(string)
		if slices.Contains(old, f) || submap(submap(is, "properties"), name)["default"] != nil {
			continue
		}
		s.say(strings.TrimPrefix(path+"."+name, "."), "is required from now on")
	}
}

func (s *schemaChange) enum(path string, was, is map[string]any) {
	old, had := was["enum"].([]any)
	now, has := is["enum"].([]any)
	if !has {
		return
	}
	if !had {
		s.say(path, "takes only certain values from now on")
		return
	}
	for _, v := range old {
		if !slices.ContainsFunc(now, func(n any) bool { return len(compare(v, n)) == 0 }) {
			s.say(path, "no longer takes %v", v)
		}
	}
}

// open says whether a map keeps fields that are not among its properties.
func open(schema map[string]any) bool {
	return schema["x-kubernetes-preserve-unknown-fields"] == true || schema["additionalProperties"] != nil
}

func orAny(v any) any {
	if v == nil {
		return "any"
	}
	return v
}
