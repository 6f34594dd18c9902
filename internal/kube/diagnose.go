package kube

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/lines"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	diagnoseTime = 10 * time.Second
	logLines     = 10
	maxEvents    = 5
	// maxPods is how many pods of one object are told about; the others are
	// most likely in the same trouble.
	maxPods = 3
)

// notReady is the error for what is not ready, with everything that may
// explain it.
func (w *waiter) notReady(ctx context.Context, pending []look, cause error) error {
	// The deadline that ended the wait must not end the search for its cause.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), diagnoseTime)
	defer cancel()
	e := &NotReadyError{TimedOut: cause != nil, Cause: cause}
	// Those that will never be ready come first: the others may only wait for
	// them.
	slices.SortStableFunc(pending, func(a, b look) int {
		switch {
		case a.fatal == b.fatal:
			return 0
		case a.fatal:
			return -1
		}
		return 1
	})
	events := map[string][]corev1.Event{}
	for _, l := range pending {
		if len(l.troubles) > maxPods {
			l.troubles = l.troubles[:maxPods]
		}
		r := l.reason()
		for i, t := range l.troubles {
			if t.reason.Container != "" {
				r.Pods[i].Logs = w.cluster.lastWords(ctx, t)
			}
		}
		if _, read := events[l.namespace]; !read && l.namespace != "" {
			events[l.namespace] = w.cluster.warnings(ctx, l.namespace)
		}
		r.Events = about(events[l.namespace], l, w.podsOf(l))
		e.Reasons = append(e.Reasons, r)
	}
	return e
}

func (w *waiter) timedOut(ctx context.Context, looks []look) error {
	pending := slices.DeleteFunc(slices.Clone(looks), func(l look) bool { return l.ready })
	if len(pending) > 0 {
		return w.notReady(ctx, pending, ctx.Err())
	}
	// Nothing was ever seen.
	for _, t := range w.targets {
		if err := w.feeds[feedKey{t.kind, t.namespace}].lastFailure(); err != nil {
			return fmt.Errorf("waiting for %s: %w", t, w.cluster.Explain(err))
		}
	}
	return &UnreachableError{Address: w.cluster.Host(), Why: "it did not answer in time", Cause: ctx.Err()}
}

func (w *waiter) podsOf(l look) []types.UID {
	var uids []types.UID
	f := w.feeds[feedKey{kindPod, l.namespace}]
	if f == nil || l.owns == nil {
		return nil
	}
	for _, o := range f.all() {
		if p, ok := o.(*corev1.Pod); ok && l.owns(p) {
			uids = append(uids, p.UID)
		}
	}
	return uids
}

// lastWords are the last lines that a container in trouble wrote, where there
// are any.
func (c *Cluster) lastWords(ctx context.Context, t trouble) []string {
	read := func(previous bool) []string {
		few := int64(logLines)
		stream, err := c.streaming.CoreV1().Pods(t.pod.Namespace).GetLogs(t.pod.Name, &corev1.PodLogOptions{
			Container: t.reason.Container, TailLines: &few, Previous: previous,
		}).Stream(ctx)
		if err != nil {
			return nil
		}
		defer func() { _ = stream.Close() }()
		var all []string
		w := &lines.Writer{To: func(line string) {
			if line = strings.TrimRight(line, " \r"); line != "" && len(all) < logLines {
				all = append(all, line)
			}
		}}
		_, _ = io.Copy(w, stream)
		w.Flush()
		return all
	}
	// While it backs off, what it said last belongs to the run before.
	if words := read(false); len(words) > 0 {
		return words
	}
	if t.reason.Restarts > 0 {
		return read(true)
	}
	return nil
}

// warnings are the namespace's warning events, oldest first.
func (c *Cluster) warnings(ctx context.Context, namespace string) []corev1.Event {
	list, err := c.typed.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning", Limit: 500})
	if err != nil {
		return nil
	}
	sort.SliceStable(list.Items, func(i, j int) bool { return when(list.Items[i]).Before(when(list.Items[j])) })
	return list.Items
}

func when(e corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

func times(e corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return max(1, e.Count)
}

// about picks the events on an object, what stands between it and its pods, and
// its pods; each message once, newest last.
func about(events []corev1.Event, l look, pods []types.UID) []string {
	var all []string
	seen := map[string]bool{}
	for i := len(events) - 1; i >= 0 && len(all) < maxEvents; i-- {
		e := events[i]
		uid := e.InvolvedObject.UID
		named := e.InvolvedObject.Kind == l.kind.Kind && e.InvolvedObject.Name == l.name
		if !named && !slices.Contains(l.uids, uid) && !slices.Contains(pods, uid) {
			continue
		}
		text := e.Reason + ": " + strings.TrimSpace(e.Message)
		if seen[text] {
			continue
		}
		seen[text] = true
		if n := times(e); n > 1 {
			text += fmt.Sprintf(" (%d times)", n)
		}
		all = append(all, text)
	}
	slices.Reverse(all)
	return all
}

// refusal says why an object's pods are refused, for the kinds that tell it in
// events only. An event counts when it is repeated during the wait: it may be
// left over from an earlier attempt.
func (w *waiter) refusal(ctx context.Context, l look) string {
	if time.Since(w.refusalsRead) >= refusalInterval {
		w.refusalsRead = time.Now()
		first := w.refusalCount == nil
		counts := map[types.UID]int32{}
		namespaces := map[string]bool{}
		for _, t := range w.targets {
			if namespaces[t.namespace] {
				continue
			}
			namespaces[t.namespace] = true
			list, err := w.cluster.typed.CoreV1().Events(t.namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning,reason=FailedCreate"})
			if err != nil {
				continue
			}
			for _, e := range list.Items {
				counts[e.UID] = times(e)
				if before, known := w.refusalCount[e.UID]; !first && (!known || before < times(e)) {
					w.refusals[e.InvolvedObject.UID] = e.Message
				}
			}
		}
		w.refusalCount = counts
	}
	for _, uid := range l.uids {
		if m := w.refusals[uid]; m != "" {
			return m
		}
	}
	return ""
}
