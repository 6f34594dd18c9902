package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const (
	defaultGrace = 30 * time.Second
	// refusalInterval is how often the events are asked whether pods are
	// refused, for the kinds that do not say so themselves.
	refusalInterval = 5 * time.Second
	servedInterval  = 200 * time.Millisecond
)

// Status is how far a wait has come.
type Status struct {
	// Ready of Total objects are; only those of kinds that take time count.
	Ready, Total int
	// Waiting are the objects that are not ready yet, without events and logs.
	Waiting []Reason
}

// WaitOptions are the settings of a wait.
type WaitOptions struct {
	// Grace is how long a trouble that may pass (an image that cannot be pulled,
	// a quota that is full) is tolerated; zero means 30 seconds.
	Grace time.Duration
	// SkipJobs leaves Jobs out, as Helm does unless asked otherwise.
	SkipJobs bool
	// Report hears of every change; it must not block. May be nil.
	Report func(Status)
	// InitLogs receives what the init containers of the objects' pods write,
	// line by line. May be nil.
	InitLogs io.Writer
}

// WaitReady returns when every object is ready in its current generation. It
// returns a [NotReadyError] when the context's deadline passes, or earlier when
// waiting cannot help. A cancelled context's cause is returned as it is.
//
// Of the objects only kind, namespace and name are looked at, the generation
// where there is one (an older one does not count), the type of Services, and
// which kind a CustomResourceDefinition makes: it is waited for until that can
// be used.
func (c *Cluster) WaitReady(ctx context.Context, objs []*unstructured.Unstructured, o WaitOptions) error {
	w := c.newWaiter(o)
	for _, obj := range objs {
		switch kind := obj.GroupVersionKind().GroupKind(); {
		case kind == kindJob && o.SkipJobs:
		case kind == kindService && !balanced(obj):
		default:
			w.add(obj)
		}
	}
	if o.InitLogs != nil {
		f := newFollower(ctx, c, o.InitLogs)
		f.containers = initContainersOf
		w.each = f.followNew
		defer f.finish()
	}
	if err := w.run(ctx); err != nil {
		return err
	}
	return c.served(ctx, objs)
}

// served returns when the kinds of the definitions among the objects can be
// used: the API server offers them a moment after they are established.
func (c *Cluster) served(ctx context.Context, objs []*unstructured.Unstructured) error {
	for _, o := range objs {
		group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
		if o.GroupVersionKind().GroupKind() != kindCRD || kind == "" {
			continue
		}
		for _, version := range servedVersions(o) {
			if err := c.offered(ctx, schema.GroupVersionKind{Group: group, Version: version, Kind: kind}, o.GetName()); err != nil {
				return err
			}
		}
	}
	return nil
}

// offered returns when a kind of a definition can be used in a version.
func (c *Cluster) offered(ctx context.Context, gvk schema.GroupVersionKind, definition string) error {
	for first := true; ; first = false {
		_, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err == nil {
			return nil
		}
		if !meta.IsNoMatchError(err) {
			return fmt.Errorf("waiting for the kind %s of %s: %w", gvk.Kind, definition, c.Explain(err))
		}
		if !first {
			select {
			case <-ctx.Done():
				return &NotReadyError{TimedOut: true, Cause: ctx.Err(), Reasons: []Reason{{Kind: kindCRD.Kind, Name: definition, Message: "its kind is not offered yet"}}}
			case <-time.After(servedInterval):
			}
		}
		c.Refresh()
	}
}

func servedVersions(crd *unstructured.Unstructured) []string {
	var served []string
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range versions {
		if m, ok := v.(map[string]any); ok && m["served"] == true {
			name, _ := m["name"].(string)
			served = append(served, name)
		}
	}
	return served
}

func balanced(service *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(service.Object, "spec", "type")
	return kind == string(corev1.ServiceTypeLoadBalancer)
}

// WaitDone returns when every Job among the objects is complete and every pod
// has succeeded; other kinds are not waited for. Its errors are those of
// [Cluster.WaitReady].
func (c *Cluster) WaitDone(ctx context.Context, objs []*unstructured.Unstructured, o WaitOptions) error {
	w := c.newWaiter(o)
	w.untilDone = true
	for _, obj := range objs {
		if kind := obj.GroupVersionKind().GroupKind(); kind == kindJob || kind == kindPod {
			w.add(obj)
		}
	}
	return w.run(ctx)
}

type target struct {
	kind            schema.GroupKind
	namespace, name string
	generation      int64
}

func (t target) String() string { return t.kind.Kind + " " + t.namespace + "/" + t.name }

type feedKey struct {
	kind      schema.GroupKind
	namespace string
}

// waiter is one wait.
type waiter struct {
	cluster   *Cluster
	options   WaitOptions
	grace     time.Duration
	untilDone bool
	targets   []target

	// What follows belongs to the goroutine of run.
	feeds   map[feedKey]*feed
	changed chan struct{}
	wg      sync.WaitGroup
	// since holds when a trouble was first seen; current are those of the
	// present look.
	since   map[string]time.Time
	current map[string]bool
	late    map[string]bool // storage classes, whether they bind late
	// restarts are those of containers when first seen in trouble, verdicts
	// the times of conditions when first seen.
	restarts map[string]int32
	verdicts map[types.UID]metav1.Time

	refusals     map[types.UID]string
	refusalCount map[types.UID]int32
	refusalsRead time.Time
	reported     string
	// each is called with every pod of the objects, at every look.
	each func(*corev1.Pod)
}

func (c *Cluster) newWaiter(o WaitOptions) *waiter {
	grace := o.Grace
	if grace == 0 {
		grace = defaultGrace
	}
	return &waiter{
		cluster: c, options: o, grace: grace,
		feeds: map[feedKey]*feed{}, changed: make(chan struct{}, 1),
		since: map[string]time.Time{}, late: map[string]bool{}, refusals: map[types.UID]string{},
		restarts: map[string]int32{}, verdicts: map[types.UID]metav1.Time{},
	}
}

func (w *waiter) add(o *unstructured.Unstructured) {
	t := target{kind: o.GroupVersionKind().GroupKind(), namespace: o.GetNamespace(), name: o.GetName(), generation: o.GetGeneration()}
	if _, ok := kinds[t.kind]; ok {
		w.targets = append(w.targets, t)
	}
}

func (w *waiter) notify() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// watch adds a feed. One that has a single target watches that object alone.
func (w *waiter) watch(ctx context.Context, kind schema.GroupKind, namespace string) {
	key := feedKey{kind, namespace}
	if w.feeds[key] != nil {
		return
	}
	name := ""
	if n := slices.IndexFunc(w.targets, key.holds); n >= 0 && kind != kindPod && kind != kindReplicaSet {
		if !slices.ContainsFunc(w.targets[n+1:], key.holds) {
			name = w.targets[n].name
		}
	}
	w.feeds[key] = newFeed(ctx, &w.wg, w.cluster.lister(kind, namespace, name), kinds[kind].example, w.notify)
}

func (k feedKey) holds(t target) bool { return t.kind == k.kind && t.namespace == k.namespace }

// look is what one look at a target found.
type look struct {
	target
	state
	troubles []trouble
}

func (w *waiter) run(ctx context.Context) error {
	if len(w.targets) == 0 {
		return nil
	}
	feeding, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer w.wg.Wait()
	defer stop()
	for _, t := range w.targets {
		w.watch(feeding, t.kind, t.namespace)
	}
	// What persists is noticed even where nothing changes any more.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var looks []look
	for {
		if err := w.refused(); err != nil {
			return err
		}
		if w.synced() {
			looks = w.look(ctx)
			w.report(looks)
			pending := slices.DeleteFunc(slices.Clone(looks), func(l look) bool { return l.ready })
			if len(pending) == 0 {
				return nil
			}
			if slices.ContainsFunc(pending, func(l look) bool { return l.fatal }) {
				return w.notReady(ctx, pending, nil)
			}
			w.watchPods(feeding, pending)
		}
		select {
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return context.Cause(ctx)
			}
			return w.timedOut(ctx, looks)
		case <-w.changed:
		case <-tick.C:
		}
	}
}

// watchPods begins to look at pods once something is not ready at first sight.
func (w *waiter) watchPods(ctx context.Context, pending []look) {
	for _, l := range pending {
		switch l.kind {
		case kindDeployment:
			w.watch(ctx, kindReplicaSet, l.namespace)
			w.watch(ctx, kindPod, l.namespace)
		case kindStatefulSet, kindDaemonSet, kindReplicaSet, kindJob, kindPod:
			w.watch(ctx, kindPod, l.namespace)
		}
	}
}

// synced says that the state of every target is known.
func (w *waiter) synced() bool {
	for _, t := range w.targets {
		if !w.feeds[feedKey{t.kind, t.namespace}].synced() {
			return false
		}
	}
	return true
}

// refused returns a missing permission to see the targets. Without that to see
// pods a wait only knows less.
func (w *waiter) refused() error {
	for _, t := range w.targets {
		if err := w.feeds[feedKey{t.kind, t.namespace}].refused(); err != nil {
			return fmt.Errorf("waiting for %s: %w", t, w.cluster.Explain(err))
		}
	}
	return nil
}

func (w *waiter) look(ctx context.Context) []look {
	w.current = map[string]bool{}
	var all []look
	for _, t := range w.targets {
		l := look{target: t}
		obj, deleted := w.feeds[feedKey{t.kind, t.namespace}].get(t.namespace, t.name)
		switch m, _ := obj.(metav1.Object); {
		case obj == nil:
			l.message = "does not exist"
		case deleted && t.kind != kindJob && t.kind != kindPod:
			l.message = "was deleted"
		case m.GetGeneration() < t.generation:
			l.message = unseen
		default:
			l.state = kinds[t.kind].state(w, obj)
			if deleted && !l.ready {
				l.state = state{fatal: true, message: "was deleted before it ended"}
			}
		}
		if !l.ready {
			w.examine(ctx, &l)
		}
		all = append(all, l)
	}
	for key := range w.since {
		if !w.current[key] {
			delete(w.since, key)
		}
	}
	return all
}

// examine finds out what keeps an object from being ready.
func (w *waiter) examine(ctx context.Context, l *look) {
	if l.hopeless != "" {
		l.message += "; " + l.hopeless
		l.fatal = l.fatal || w.persists(l.String(), l.patience)
	}
	if l.starved {
		if refusal := w.refusal(ctx, *l); refusal != "" {
			l.message += "; " + refusal
			l.fatal = l.fatal || w.persists(l.String()+"/refused", w.grace)
		}
	}
	pods := w.feeds[feedKey{kindPod, l.namespace}]
	if pods == nil || l.owns == nil {
		return
	}
	for _, o := range pods.all() {
		p, ok := o.(*corev1.Pod)
		if !ok || !l.owns(p) {
			continue
		}
		if w.each != nil {
			w.each(p)
		}
		for _, t := range troubles(p, l.kind == kindJob || l.kind == kindPod) {
			crashed := w.crashed(t)
			t.fatal = t.fatal || t.looping && crashed
			l.troubles = append(l.troubles, t)
			l.fatal = l.fatal || t.fatal || t.passing && w.persists(l.String()+"/"+t.class, w.grace)
		}
	}
	slices.SortStableFunc(l.troubles, func(a, b trouble) int { return b.weight() - a.weight() })
}

// crashed says whether a container was restarted since it was first seen in
// trouble. A crash loop of before may be mended by now: its pod only waits to
// be started again.
func (w *waiter) crashed(t trouble) bool {
	key := string(t.pod.UID) + "/" + t.reason.Container
	first, known := w.restarts[key]
	if !known {
		w.restarts[key] = t.reason.Restarts
	}
	return known && t.reason.Restarts > first
}

// outdated says whether a condition is as it was when it was first seen: then
// it is the verdict on an attempt before this wait.
func (w *waiter) outdated(uid types.UID, at metav1.Time) bool {
	first, known := w.verdicts[uid]
	if !known {
		w.verdicts[uid], first = at, at
	}
	return first.Equal(&at)
}

// persists notes a trouble, and says whether it has been there for longer than
// it may.
func (w *waiter) persists(key string, patience time.Duration) bool {
	w.current[key] = true
	since, ok := w.since[key]
	if !ok {
		w.since[key] = time.Now()
		return false
	}
	return time.Since(since) >= patience
}

// bindsLate says whether a storage class waits for the first pod.
func (w *waiter) bindsLate(class string) bool {
	late, known := w.late[class]
	if !known {
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		sc, err := w.cluster.typed.StorageV1().StorageClasses().Get(ctx, class, metav1.GetOptions{})
		late = err == nil && sc.VolumeBindingMode != nil && *sc.VolumeBindingMode == "WaitForFirstConsumer"
		w.late[class] = late
	}
	return late
}

func (w *waiter) report(looks []look) {
	if w.options.Report == nil {
		return
	}
	s := Status{Total: len(looks)}
	for _, l := range looks {
		if l.ready {
			s.Ready++
		} else {
			s.Waiting = append(s.Waiting, l.reason())
		}
	}
	if text := fmt.Sprintf("%v", s); text != w.reported {
		w.reported = text
		w.options.Report(s)
	}
}

func (l look) reason() Reason {
	r := Reason{Kind: l.kind.Kind, Namespace: l.namespace, Name: l.name, Message: l.message, Fatal: l.fatal}
	for _, t := range l.troubles {
		r.Pods = append(r.Pods, t.reason)
	}
	return r
}
