package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// podTemplates is where each kind of workload keeps its pod template; a bare
// Pod is its own.
var podTemplates = map[string][]string{
	"CronJob":     {"spec", "jobTemplate", "spec", "template"},
	"DaemonSet":   {"spec", "template"},
	"Deployment":  {"spec", "template"},
	"Job":         {"spec", "template"},
	"Pod":         {},
	"ReplicaSet":  {"spec", "template"},
	"StatefulSet": {"spec", "template"},
}

// podSpec returns the pod specification of a workload; nil for other objects.
func podSpec(o Object) map[string]any {
	path, workload := podTemplates[kindOf(o)]
	if !workload {
		return nil
	}
	spec, _ := valueAt(o, append(slices.Clone(path), "spec")...).(map[string]any)
	return spec
}

// container is a container of a pod as its manifest has it.
type container struct {
	name, image string
	init        bool
	spec        map[string]any
}

// containers are those of an object's pods, init containers first.
func containers(o Object) []container {
	var out []container
	spec := podSpec(o)
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range mapsAt(spec, list) {
			name, _ := c["name"].(string)
			image, _ := c["image"].(string)
			out = append(out, container{name: name, image: image, init: list == "initContainers", spec: c})
		}
	}
	return out
}

// templateChanges says whether anything in the pod template changes, labels and
// annotations included.
func (o objectChange) templateChanges() bool {
	path, workload := podTemplates[o.key.kind]
	if !workload || o.action != Change || len(path) == 0 {
		return false
	}
	return slices.ContainsFunc(o.changes, func(c change) bool { return within(c.path, strings.Join(path, ".")) })
}

// restarts says whether running pods of a changed workload are replaced, or, of
// a bare Pod, its container.
func (o objectChange) restarts() bool {
	if o.action != Change || idle(o.after) {
		return false
	}
	switch o.key.kind {
	case "Deployment", "DaemonSet", "StatefulSet":
		return o.templateChanges() && !onDelete(o.after) || len(immutableFields(o)) > 0
	case "Pod":
		before := containers(o.before)
		return slices.ContainsFunc(containers(o.after), func(c container) bool { return !c.init && c.in(before) != c.image })
	}
	return false
}

// idle says that a workload asks for no pods.
func idle(o Object) bool {
	n, ok := asFloat(valueAt(o, "spec", "replicas"))
	return ok && n == 0
}

func onDelete(o Object) bool { return textAt(o, "spec", "updateStrategy", "type") == "OnDelete" }

// workloadNotes tell what of an upgrade's changes does not reach running pods,
// or makes new ones; one a line, identity taken out. after is the new manifest.
func workloadNotes(changes []objectChange, after []Object, namespace string, id identity) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, id.remove(fmt.Sprintf(format, args...))) }
	for _, o := range changes {
		switch {
		case o.key.kind == "Job" && (o.action == Create || o.templateChanges()):
			note("Job %s runs", o.key.name)
		case o.key.kind == "CronJob" && o.templateChanges():
			note("CronJob %s: its next run is made from the new template, one under way goes on", o.key.name)
		case o.templateChanges() && onDelete(o.after):
			note("%s %s has updateStrategy OnDelete: its pods stay as they are until somebody deletes them", o.key.kind, o.key.name)
		case o.contentChanges():
			for _, w := range staleUsers(o, changes, after, namespace) {
				note("%s %s changes and %s", o.key.kind, o.key.name, w)
			}
		}
	}
	slices.Sort(notes)
	return slices.Compact(notes)
}

// contentChanges says whether the content of a ConfigMap or Secret changes, for
// more than its being random.
func (o objectChange) contentChanges() bool {
	if o.action != Change || o.key.kind != "ConfigMap" && o.key.kind != "Secret" {
		return false
	}
	return slices.ContainsFunc(o.changes, func(c change) bool {
		return (within(c.path, "data") || within(c.path, "binaryData") || within(c.path, "stringData")) && !o.unstable[strings.Join(c.path, "")]
	})
}

// staleUsers says of every running workload that uses a changed ConfigMap or
// Secret and does not restart what it goes on with.
func staleUsers(config objectChange, changes []objectChange, after []Object, namespace string) []string {
	fresh := map[objectKey]bool{}
	for _, o := range changes {
		fresh[o.key] = o.action == Create || o.restarts()
	}
	var users []string
	for _, o := range after {
		k := keyOf(o)
		if fresh[k] || idle(o) || cmp.Or(k.namespace, namespace) != cmp.Or(config.key.namespace, namespace) {
			continue
		}
		switch k.kind {
		case "Deployment", "DaemonSet", "StatefulSet", "Pod":
		default:
			continue
		}
		env, mounted := uses(podSpec(o), config.key.kind, config.key.name)
		switch {
		case env:
			users = append(users, fmt.Sprintf("%s %s, which has it in its environment, does not restart: it keeps the old values", k.kind, k.name))
		case mounted:
			users = append(users, fmt.Sprintf("%s %s, which mounts it, does not restart: it gets the new files while it runs", k.kind, k.name))
		}
	}
	return users
}

// uses says how a pod uses a ConfigMap or Secret.
func uses(spec map[string]any, kind, name string) (env, mounted bool) {
	ref, key, volume, nameKey := "configMapRef", "configMapKeyRef", "configMap", "name"
	if kind == "Secret" {
		ref, key, volume, nameKey = "secretRef", "secretKeyRef", "secret", "secretName"
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range mapsAt(spec, list) {
			for _, from := range mapsAt(c, "envFrom") {
				env = env || textAt(from, ref, "name") == name
			}
			for _, e := range mapsAt(c, "env") {
				env = env || textAt(e, "valueFrom", key, "name") == name
			}
		}
	}
	for _, v := range mapsAt(spec, "volumes") {
		mounted = mounted || textAt(v, volume, nameKey) == name
		for _, source := range mapsAt(v, "projected", "sources") {
			mounted = mounted || textAt(source, volume, "name") == name
		}
	}
	return env, mounted
}
