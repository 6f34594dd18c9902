package plan

import (
	"slices"
	"strings"
)

// immutable says for each kind which fields Kubernetes never changes on a live
// object. A path is written as in a plan: spec.selector, data.
var immutable = map[string]fieldRule{
	"ClusterRoleBinding": never("roleRef"),
	"RoleBinding":        never("roleRef"),
	"ConfigMap":          whenSealed("data", "binaryData", "immutable"),
	"Secret":             immutableSecret,
	"DaemonSet":          never("spec.selector"),
	"Deployment":         never("spec.selector"),
	"Job": never("spec.template", "spec.selector", "spec.completions", "spec.completionMode", "spec.podFailurePolicy",
		"spec.successPolicy", "spec.backoffLimitPerIndex", "spec.managedBy"),
	"PersistentVolumeClaim": immutableClaim,
	"Service":               immutableService,
	"StatefulSet":           immutableSet,
	"StorageClass":          never("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
}

// fieldRule returns the field of an object that a change may not touch, or
// nothing when it may.
type fieldRule func(o objectChange, c change) string

// immutableFields are the fields that an object's change touches and Kubernetes
// refuses, sorted.
func immutableFields(o objectChange) []string {
	rule := immutable[o.key.kind]
	if rule == nil || o.action != Change {
		return nil
	}
	var fields []string
	for _, c := range o.changes {
		if sameToKubernetes(c) {
			continue
		}
		if f := rule(o, c); f != "" && !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	slices.Sort(fields)
	return fields
}

// never refuses any change within the given fields.
func never(fields ...string) fieldRule {
	return func(_ objectChange, c change) string {
		for _, f := range fields {
			if within(c.path, f) {
				return f
			}
		}
		return ""
	}
}

// whenSealed refuses changes of what is marked with immutable: true.
func whenSealed(fields ...string) fieldRule {
	rule := never(fields...)
	return func(o objectChange, c change) string {
		if sealed, _ := o.before["immutable"].(bool); !sealed {
			return ""
		}
		return rule(o, c)
	}
}

func immutableSecret(o objectChange, c change) string {
	if within(c.path, "type") {
		return "type"
	}
	return whenSealed("data", "stringData", "immutable")(o, c)
}

// setMutable are the only fields of a StatefulSet's spec that may change.
var setMutable = []string{".replicas", ".ordinals", ".template", ".updateStrategy", ".minReadySeconds", ".revisionHistoryLimit", ".persistentVolumeClaimRetentionPolicy"}

func immutableSet(_ objectChange, c change) string {
	if len(c.path) < 2 || c.path[0] != ".spec" || slices.Contains(setMutable, c.path[1]) {
		return ""
	}
	return "spec" + c.path[1]
}

func immutableClaim(_ objectChange, c change) string {
	if len(c.path) < 2 || c.path[0] != ".spec" || c.path[1] == ".volumeAttributesClassName" {
		return ""
	}
	const storage = "spec.resources.requests.storage"
	if !within(c.path, storage) {
		return "spec" + c.path[1]
	}
	if before, after := quantityOf(c.before), quantityOf(c.after); after.Cmp(before) < 0 {
		return storage
	}
	return ""
}

// immutableService refuses another address. One that is no longer written is
// kept by Kubernetes.
func immutableService(o objectChange, c change) string {
	address, _ := c.after.(string)
	if !within(c.path, "spec.clusterIP") || address == "" || external(o.before) || external(o.after) {
		return ""
	}
	return "spec.clusterIP"
}

func external(service Object) bool { return textAt(service, "spec", "type") == "ExternalName" }

// within says whether a path is a field or something in it.
func within(path []string, field string) bool {
	p := strings.TrimPrefix(strings.Join(path, ""), ".")
	rest, ok := strings.CutPrefix(p, field)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// defaulted are what Kubernetes fills in where a manifest says nothing.
var defaulted = map[string]string{
	".podManagementPolicy": "OrderedReady",
	".serviceName":         "",
	".volumeMode":          "Filesystem",
	".completionMode":      "NonIndexed",
	".reclaimPolicy":       "Delete",
	".volumeBindingMode":   "Immediate",
}

// sameToKubernetes says that two texts differ and mean the same: one quantity
// written in two ways, or a default that only one side spells out.
func sameToKubernetes(c change) bool {
	if c.hasBefore && c.hasAfter {
		path := strings.Join(c.path, "")
		if !quantityPath.MatchString(path) {
			return false
		}
		before, okBefore := parseQuantity(c.before)
		after, okAfter := parseQuantity(c.after)
		return okBefore && okAfter && before.Cmp(after) == 0
	}
	if len(c.path) == 0 {
		return false
	}
	def, known := defaulted[c.path[len(c.path)-1]]
	one := c.before
	if c.hasAfter {
		one = c.after
	}
	return known && one == def
}
