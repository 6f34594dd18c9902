package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// amounts are quantities by resource: cpu, memory, …
type amounts map[string]resource.Quantity

// Ask is how much of a resource something asks for.
type Ask struct {
	Resource string
	Amount   resource.Quantity
}

// asksOf are amounts in little room: a plan keeps those of every container.
func asksOf(v any) []Ask {
	var all []Ask
	for name, amount := range amountsOf(v) {
		all = append(all, Ask{name, amount})
	}
	slices.SortFunc(all, func(a, b Ask) int { return strings.Compare(a.Resource, b.Resource) })
	return all
}

// Footprint is what a manifest takes of its namespace, and the bounds that it
// sets there. It holds no values but names and quantities.
type Footprint struct {
	Workloads []Workload `json:"workloads,omitempty"`
	// Claims are the volume claims, those of StatefulSets among them.
	Claims []Claim `json:"claims,omitempty"`
	// Mounts are the claims that pods name, whoever made them.
	Mounts []string `json:"mounts,omitempty"`
	// Bounds are ResourceQuotas and LimitRanges as they stand in the manifest.
	Bounds []Object `json:"bounds,omitempty"`
}

// Workload is something that runs pods.
type Workload struct {
	Kind, Name string
	Pods       int
	// Surge is how many pods beyond Pods a rollout may make, Unavailable how
	// many of them it may do without.
	Surge, Unavailable int
	Pod                Pod
	// Open says that the manifest leaves the number to whoever scales it.
	Open bool `json:",omitempty"`
	// MaxSurge and MaxUnavailable are a Deployment's own words for the above, and
	// Recreate that it has none.
	MaxSurge       any  `json:",omitempty"`
	MaxUnavailable any  `json:",omitempty"`
	Recreate       bool `json:",omitempty"`
}

// Pod is what one pod asks for.
type Pod struct {
	Containers []Container
	Overhead   []Ask
	// Requests and Limits are those of the pod as a whole, where it has any.
	Requests, Limits []Ask
	Terminating      bool // has a deadline
}

// Container is what one container asks for.
type Container struct {
	Name             string
	Init             bool
	Sidecar          bool // an init container that goes on running
	Requests, Limits []Ask
}

// Claim is one volume claim.
type Claim struct {
	Name, Class string
	Storage     resource.Quantity
}

// footprintOf gathers what a release's manifest takes of its own namespace.
// CronJobs are left out, since their runs are no part of an upgrade, and
// DaemonSets, whose number of pods only the cluster knows.
func footprintOf(objects []Object, namespace string) Footprint {
	var f Footprint
	for _, o := range objects {
		k := keyOf(o)
		if cmp.Or(k.namespace, namespace) != namespace {
			continue
		}
		switch k.kind {
		case "ResourceQuota", "LimitRange":
			f.Bounds = append(f.Bounds, o)
		case "PersistentVolumeClaim":
			f.Claims = append(f.Claims, claimOf(k.name, o))
		case "Deployment", "ReplicaSet", "StatefulSet", "Job", "Pod":
			w := workloadOf(o)
			f.Workloads = append(f.Workloads, w)
			for _, v := range mapsAt(podSpec(o), "volumes") {
				if name := textAt(v, "persistentVolumeClaim", "claimName"); name != "" {
					f.Mounts = append(f.Mounts, name)
				}
			}
			if k.kind != "StatefulSet" {
				continue
			}
			for _, t := range mapsAt(o, "spec", "volumeClaimTemplates") {
				for i := range w.Pods {
					f.Claims = append(f.Claims, claimOf(fmt.Sprintf("%s-%s-%d", textAt(t, "metadata", "name"), k.name, i), t))
				}
			}
		}
	}
	return f
}

func claimOf(name string, o Object) Claim {
	return Claim{Name: name, Class: textAt(o, "spec", "storageClassName"), Storage: quantityOf(valueAt(o, "spec", "resources", "requests", "storage"))}
}

func workloadOf(o Object) Workload {
	k, spec := keyOf(o), valueAt(o, "spec")
	w := Workload{Kind: k.kind, Name: k.name, Pod: podOf(podSpec(o)), Open: k.kind != "Job" && k.kind != "Pod" && valueAt(spec, "replicas") == nil}
	w.Recreate = textAt(spec, "strategy", "type") == "Recreate"
	w.MaxSurge, w.MaxUnavailable = valueAt(spec, "strategy", "rollingUpdate", "maxSurge"), valueAt(spec, "strategy", "rollingUpdate", "maxUnavailable")
	pods := number(valueAt(spec, "replicas"), 1)
	if k.kind == "Job" {
		pods = min(number(valueAt(spec, "parallelism"), 1), number(valueAt(spec, "completions"), math.MaxInt))
	}
	return w.of(pods)
}

// of is the workload with another number of pods.
func (w Workload) of(pods int) Workload {
	w.Pods = pods
	switch {
	case w.Kind == "Deployment" && w.Recreate:
		w.Unavailable = pods
	case w.Kind == "Deployment":
		w.Surge = share(w.MaxSurge, pods, math.Ceil)
		w.Unavailable = share(w.MaxUnavailable, pods, math.Floor)
		if w.Surge == 0 && w.Unavailable == 0 {
			w.Unavailable = 1 // as Kubernetes has it
		}
	case w.Kind == "StatefulSet":
		w.Unavailable = 1
	}
	return w
}

// share is a number of pods, or a percentage of them; a quarter when not given.
func share(v any, pods int, round func(float64) float64) int {
	percent := 25.0
	switch v := v.(type) {
	case nil:
	case string:
		p, err := strconv.ParseFloat(strings.TrimSuffix(v, "%"), 64)
		if err != nil {
			return 0
		}
		percent = p
	default:
		return number(v, 0)
	}
	return int(round(percent * float64(pods) / 100))
}

func number(v any, otherwise int) int {
	f, ok := asFloat(v)
	if !ok || f < 0 || f > math.MaxInt32 {
		return otherwise
	}
	return int(f)
}

func podOf(spec map[string]any) Pod {
	p := Pod{
		Overhead: asksOf(spec["overhead"]),
		Requests: asksOf(valueAt(spec, "resources", "requests")), Limits: asksOf(valueAt(spec, "resources", "limits")),
		Terminating: spec["activeDeadlineSeconds"] != nil,
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range mapsAt(spec, list) {
			x := Container{
				Name: textAt(c, "name"), Init: list == "initContainers",
				Requests: asksOf(valueAt(c, "resources", "requests")), Limits: asksOf(valueAt(c, "resources", "limits")),
			}
			x.Sidecar = x.Init && textAt(c, "restartPolicy") == "Always"
			p.Containers = append(p.Containers, x)
		}
	}
	return p
}

func amountsOf(v any) amounts {
	m, _ := v.(map[string]any)
	out := make(amounts, len(m))
	for name, text := range m {
		if q, ok := parseQuantity(text); ok {
			out[name] = q
		}
	}
	return out
}

// usage is what one pod counts for in quotas: requests.cpu, limits.memory, pods
// and so on, as Kubernetes reckons it. defaults are those of a LimitRange.
func (p Pod) usage(defaults limits) amounts {
	requests := p.total(p.Requests, func(c Container) amounts { return defaults.requests(c) })
	limit := p.total(p.Limits, func(c Container) amounts { return defaults.limitsOf(c) })
	out := amounts{"pods": *resource.NewQuantity(1, resource.DecimalSI), "count/pods": *resource.NewQuantity(1, resource.DecimalSI)}
	for name, q := range requests {
		out["requests."+name] = q
		if name == "cpu" || name == "memory" || name == "ephemeral-storage" || strings.HasPrefix(name, "hugepages-") {
			out[name] = q
		}
	}
	for name, q := range limit {
		out["limits."+name] = q
	}
	return out
}

// total sums the containers of a pod: those that run side by side, or one init
// container with the sidecars before it, whichever is more.
func (p Pod) total(whole []Ask, of func(Container) amounts) amounts {
	running, sidecars, peak := amounts{}, amounts{}, amounts{}
	for _, c := range p.Containers {
		switch a := of(c); {
		case c.Sidecar:
			sidecars.add(a, 1)
			running.add(a, 1)
			peak.atLeast(sidecars)
		case c.Init:
			one := amounts{}
			one.add(sidecars, 1)
			one.add(a, 1)
			peak.atLeast(one)
		default:
			running.add(a, 1)
		}
	}
	running.atLeast(peak)
	for _, ask := range whole {
		running[ask.Resource] = ask.Amount
	}
	for _, ask := range p.Overhead {
		if sum, has := running[ask.Resource]; has {
			sum = sum.DeepCopy()
			sum.Add(ask.Amount)
			running[ask.Resource] = sum
		}
	}
	return running
}

func (a amounts) add(b amounts, times int64) {
	for name, q := range b {
		sum := a[name].DeepCopy()
		q = q.DeepCopy()
		q.Mul(times)
		sum.Add(q)
		a[name] = sum
	}
}

func (a amounts) atLeast(b amounts) {
	for name, q := range b {
		if own, has := a[name]; !has || own.Cmp(q) < 0 {
			a[name] = q
		}
	}
}

// limits are the LimitRanges of a namespace for containers.
type limits struct {
	request, limit, min, max amounts
	name                     string // of the last one, for messages
}

func limitsFrom(ranges []Object) limits {
	l := limits{amounts{}, amounts{}, amounts{}, amounts{}, ""}
	for _, r := range ranges {
		for _, item := range mapsAt(r, "spec", "limits") {
			if textAt(item, "type") != "Container" {
				continue
			}
			l.name = keyOf(r).name
			request, limit := amountsOf(item["defaultRequest"]), amountsOf(item["default"])
			// Kubernetes fills these in when a LimitRange is made.
			fill(limit, amountsOf(item["max"]))
			fill(request, limit)
			fill(request, amountsOf(item["min"]))
			fill(l.request, request)
			fill(l.limit, limit)
			l.min.atLeast(amountsOf(item["min"]))
			for name, q := range amountsOf(item["max"]) {
				if own, has := l.max[name]; !has || q.Cmp(own) < 0 {
					l.max[name] = q
				}
			}
		}
	}
	return l
}

func fill(into, from amounts) {
	for name, q := range from {
		if _, has := into[name]; !has {
			into[name] = q
		}
	}
}

func (a amounts) ask(asks []Ask) {
	for _, ask := range asks {
		if _, has := a[ask.Resource]; !has {
			a[ask.Resource] = ask.Amount
		}
	}
}

func (l limits) limitsOf(c Container) amounts {
	out := amounts{}
	out.ask(c.Limits)
	fill(out, l.limit)
	return out
}

// requests of a container that has none are its own limits, or else the
// namespace's default.
func (l limits) requests(c Container) amounts {
	out := amounts{}
	out.ask(c.Requests)
	out.ask(c.Limits)
	fill(out, l.request)
	return out
}
