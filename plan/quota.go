package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Turn is one hop of one release, as far as its namespace's quotas see it.
type Turn struct {
	Address       string
	Before, After Footprint
	// Rolls are the workloads whose pods are replaced, as Kind/name.
	Rolls []string
	// Objects counts the objects that exist while the hop is made, by kind in
	// lower case: Helm deletes what goes after it has made what comes.
	Objects, ObjectsBefore map[string]int
}

// turnOf gathers what the quota simulation needs to know of a hop.
func turnOf(address, namespace string, before, after []Object, changes []objectChange) Turn {
	t := Turn{
		Address: address, Before: footprintOf(before, namespace), After: footprintOf(after, namespace),
		Objects: countKinds(namespace, before, after), ObjectsBefore: countKinds(namespace, before),
	}
	for _, o := range changes {
		if o.key.kind != "Pod" && (o.templateChanges() && !onDelete(o.after) || len(immutableFields(o)) > 0) {
			t.Rolls = append(t.Rolls, o.key.kind+"/"+o.key.name)
		}
	}
	return t
}

func countKinds(namespace string, manifests ...[]Object) map[string]int {
	seen, counts := map[objectKey]bool{}, map[string]int{}
	for _, objects := range manifests {
		for _, o := range objects {
			k := keyOf(o)
			k.namespace = cmp.Or(k.namespace, namespace)
			if k.namespace == namespace && !seen[k] {
				seen[k] = true
				counts[strings.ToLower(k.kind)]++
			}
		}
	}
	return counts
}

// Shortage is a bound of a namespace that a turn runs into.
type Shortage struct {
	Severity        Severity
	Address         string
	Summary, Detail string
}

// simulateQuota plays the turns of one namespace, in order, against its quotas
// and limits: live ones as they were read, with their status, and over them
// those that the releases bring. It finds what Kubernetes would refuse (errors)
// and rollouts that fit only one after the other (warnings). What else is in
// the namespace is known from what a live quota says is used. scaled are, by
// Kind/name, the workloads as they are live, where that was looked at.
func simulateQuota(namespace string, live []Object, turns []Turn, scaled map[string]Scale) []Shortage {
	turns, why := asScaled(turns, scaled)
	n := &quotaWorld{namespace: namespace, bounds: map[string]Object{}, current: map[string]Footprint{}, objects: map[string]map[string]int{}, claims: map[string]Claim{}}
	n.overlay(live)
	for _, t := range turns {
		if _, known := n.current[t.Address]; !known {
			n.current[t.Address], n.objects[t.Address] = t.Before, t.ObjectsBefore
			n.own(t.Before.Claims)
		}
	}
	n.measure()
	for _, t := range turns {
		n.play(t)
	}
	for i := range n.found {
		n.found[i].Detail += why
	}
	return n.found
}

type quotaWorld struct {
	namespace string
	bounds    map[string]Object // by kind/name
	current   map[string]Footprint
	objects   map[string]map[string]int
	claims    map[string]Claim
	foreign   map[string]amounts // by quota: what is used by none of the releases
	found     []Shortage
}

func (n *quotaWorld) overlay(bounds []Object) {
	for _, o := range bounds {
		if k := keyOf(o); k.kind == "ResourceQuota" || k.kind == "LimitRange" {
			n.bounds[k.kind+"/"+k.name] = o
		}
	}
}

func (n *quotaWorld) own(claims []Claim) {
	for _, c := range claims {
		if _, has := n.claims[c.Name]; !has {
			n.claims[c.Name] = c
		}
	}
}

func (n *quotaWorld) ofKind(kind string) []Object {
	var out []Object
	for _, key := range slices.Sorted(maps.Keys(n.bounds)) {
		if o := n.bounds[key]; kindOf(o) == kind {
			out = append(out, o)
		}
	}
	return out
}

// measure finds what is used beside the releases.
func (n *quotaWorld) measure() {
	n.foreign = map[string]amounts{}
	defaults := limitsFrom(n.ofKind("LimitRange"))
	for _, o := range n.ofKind("ResourceQuota") {
		q := n.quota(o)
		known := n.still(q)
		for _, f := range n.current {
			for _, w := range f.Workloads {
				if w.Kind != "Job" {
					known.add(q.counts(w.Pod, defaults), int64(w.Pods))
				}
			}
		}
		rest := amounts{}
		for name, used := range amountsOf(valueAt(o, "status", "used")) {
			if own, has := known[name]; has {
				used.Sub(own)
			}
			if used.Sign() > 0 {
				rest[name] = used
			}
		}
		n.foreign[q.name] = rest
	}
}

// quota is a ResourceQuota with what is used of it at a moment of the play.
type quota struct {
	name   string
	hard   amounts
	scopes []string
	used   amounts
}

func (n *quotaWorld) quota(o Object) *quota {
	q := &quota{name: keyOf(o).name, hard: amountsOf(valueAt(o, "spec", "hard")), used: amounts{}}
	list, _ := valueAt(o, "spec", "scopes").([]any)
	for _, s := range list {
		q.scopes = append(q.scopes, fmt.Sprint(s))
	}
	for _, e := range mapsAt(o, "spec", "scopeSelector", "matchExpressions") {
		q.scopes = append(q.scopes, textAt(e, "scopeName"))
	}
	return q
}

// counts returns what one pod counts for in the quota; nothing when its scopes
// leave the pod out.
func (q *quota) counts(p Pod, defaults limits) amounts {
	usage := p.usage(defaults)
	for _, s := range q.scopes {
		bestEffort := true
		for name := range usage {
			bestEffort = bestEffort && !strings.HasSuffix(name, ".cpu") && !strings.HasSuffix(name, ".memory")
		}
		in := map[string]bool{"Terminating": p.Terminating, "NotTerminating": !p.Terminating, "BestEffort": bestEffort, "NotBestEffort": !bestEffort}[s]
		if !in {
			return amounts{}
		}
	}
	out := amounts{}
	for name := range q.hard {
		if v, has := usage[name]; has {
			out[name] = v
		}
	}
	return out
}

// still is what the releases take of a quota beside their pods.
func (n *quotaWorld) still(q *quota) amounts {
	out := amounts{}
	one := *resource.NewQuantity(1, resource.DecimalSI)
	for _, c := range n.claims {
		all := amounts{"persistentvolumeclaims": one, "count/persistentvolumeclaims": one, "requests.storage": c.Storage}
		if c.Class != "" {
			all[c.Class+".storageclass.storage.k8s.io/persistentvolumeclaims"] = one
			all[c.Class+".storageclass.storage.k8s.io/requests.storage"] = c.Storage
		}
		out.add(all, 1)
	}
	for name := range q.hard {
		kind := countedKind(name)
		for _, objects := range n.objects {
			if kind != "" && objects[kind] > 0 {
				out.add(amounts{name: one}, int64(objects[kind]))
			}
		}
	}
	return out
}

// countedKind is the kind that a resource like configmaps or
// count/deployments.apps counts, in lower case; empty when it counts none.
func countedKind(name string) string {
	plural, counted := strings.CutPrefix(name, "count/")
	if !counted && !slices.Contains([]string{"configmaps", "replicationcontrollers", "resourcequotas", "secrets", "services"}, name) {
		return ""
	}
	plural, _, _ = strings.Cut(plural, ".")
	switch {
	case plural == "pods" || plural == "persistentvolumeclaims":
		return ""
	case strings.HasSuffix(plural, "ies"):
		return strings.TrimSuffix(plural, "ies") + "y"
	case strings.HasSuffix(plural, "sses"):
		return strings.TrimSuffix(plural, "es")
	}
	return strings.TrimSuffix(plural, "s")
}

func (q *quota) exceeded(more amounts) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(q.hard)) {
		add, asks := more[name]
		if !asks || add.Sign() == 0 {
			continue
		}
		sum := q.used[name].DeepCopy()
		sum.Add(add)
		if sum.Cmp(q.hard[name]) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// play makes one hop and leaves the namespace as it is then.
func (n *quotaWorld) play(t Turn) {
	n.overlay(t.After.Bounds)
	defaults := limitsFrom(n.ofKind("LimitRange"))
	actors := actorsOf(t)
	before := maps.Clone(n.claims)
	n.own(t.After.Claims)
	n.objects[t.Address] = t.Objects
	var quotas []*quota
	for _, o := range n.ofKind("ResourceQuota") {
		q := n.quota(o)
		if slices.ContainsFunc(q.scopes, func(s string) bool {
			return strings.HasPrefix(s, "PriorityClass") || strings.HasPrefix(s, "CrossNamespace") || strings.HasPrefix(s, "VolumeAttributes")
		}) {
			n.find(Warning, t, "Quota not simulated", fmt.Sprintf("quota %s of namespace %s has scopes that a manifest does not tell: whether the upgrade fits shows only when it is made.", q.name, n.namespace))
			continue
		}
		q.used.add(n.foreign[q.name], 1)
		q.used.add(n.still(q), 1)
		for address, f := range n.current {
			for _, w := range f.Workloads {
				if address != t.Address && w.Kind != "Job" {
					q.used.add(q.counts(w.Pod, defaults), int64(w.Pods))
				}
			}
		}
		n.checkStill(t, q, len(n.claims) > len(before))
		quotas = append(quotas, q)
	}
	n.checkPods(t, actors, quotas, defaults)
	n.roll(t, actors, quotas, defaults)

	for _, o := range t.Before.Bounds {
		if k := keyOf(o); !slices.ContainsFunc(t.After.Bounds, func(a Object) bool { return kindOf(a) == k.kind && keyOf(a).name == k.name }) {
			delete(n.bounds, k.kind+"/"+k.name)
		}
	}
	n.current[t.Address] = t.After
}

// checkStill holds new claims and objects against the quota.
func (n *quotaWorld) checkStill(t Turn, q *quota, newClaims bool) {
	for _, name := range slices.Sorted(maps.Keys(q.hard)) {
		used, hard := q.used[name], q.hard[name]
		claims := strings.HasSuffix(name, "persistentvolumeclaims") || strings.HasSuffix(name, "requests.storage")
		kind := countedKind(name)
		more := claims && newClaims || kind != "" && t.Objects[kind] > t.ObjectsBefore[kind]
		if kind == "secret" { // Helm keeps each revision in one
			used.Add(*resource.NewQuantity(1, resource.DecimalSI))
			more = true
		}
		if more && used.Cmp(hard) > 0 {
			n.find(Error, t, "Quota is too small", fmt.Sprintf("quota %s of namespace %s: %s needs %s of %s. Kubernetes would refuse what goes beyond. Raise the quota first.", q.name, n.namespace, name, plain(used), plain(hard)))
		}
	}
}

// checkPods finds pods that are refused one by one, however few there are.
func (n *quotaWorld) checkPods(t Turn, actors []*actor, quotas []*quota, defaults limits) {
	for _, a := range actors {
		if a.fresh >= a.target {
			continue
		}
		for _, c := range a.pod.Containers {
			limit, request := defaults.limitsOf(c), defaults.requests(c)
			for _, name := range slices.Sorted(maps.Keys(defaults.max)) {
				top := defaults.max[name]
				if l, has := limit[name]; has && l.Cmp(top) > 0 {
					n.find(Error, t, "Pod beyond the namespace's limits", fmt.Sprintf("container %s of %s has a %s limit of %s, and LimitRange %s of namespace %s allows %s: Kubernetes refuses its pods.", c.Name, a.name, name, plain(l), defaults.name, n.namespace, plain(top)))
				}
			}
			for _, name := range slices.Sorted(maps.Keys(defaults.min)) {
				least := defaults.min[name]
				if r, has := request[name]; has && r.Cmp(least) < 0 {
					n.find(Error, t, "Pod beyond the namespace's limits", fmt.Sprintf("container %s of %s requests %s of %s, and LimitRange %s of namespace %s demands %s: Kubernetes refuses its pods.", c.Name, a.name, plain(r), name, defaults.name, n.namespace, plain(least)))
				}
			}
			for _, q := range quotas {
				if len(a.pod.Requests)+len(a.pod.Limits) > 0 || len(q.scopes) > 0 && len(q.counts(a.pod, defaults)) == 0 {
					continue
				}
				for _, name := range slices.Sorted(maps.Keys(q.hard)) {
					of, what, _ := strings.Cut(name, ".")
					if what == "" {
						of, what = "requests", name
					}
					given := map[string]amounts{"requests": request, "limits": limit}[of]
					if _, has := given[what]; given != nil && !has && (what == "cpu" || what == "memory") {
						n.find(Error, t, "Pod without what the quota counts", fmt.Sprintf("container %s of %s says nothing of %s.%s, which quota %s of namespace %s counts: Kubernetes refuses its pods. Give it one, or the namespace a LimitRange with a default.", c.Name, a.name, of, what, q.name, n.namespace))
					}
				}
			}
		}
	}
}

func (n *quotaWorld) find(severity Severity, t Turn, summary, detail string) {
	s := Shortage{Severity: severity, Address: t.Address, Summary: summary, Detail: detail}
	if !slices.Contains(n.found, s) {
		n.found = append(n.found, s)
	}
}

// plain writes a quantity as people do.
func plain(q resource.Quantity) string {
	if milli := q.MilliValue(); milli%1000 != 0 {
		return strings.TrimRight(fmt.Sprintf("%.3f", float64(milli)/1000), "0")
	}
	return q.String()
}
