package kube

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// state is how one object is doing.
type state struct {
	ready bool
	// fatal says that waiting longer cannot help.
	fatal bool
	// hopeless names what may pass, and is fatal when it persists for longer
	// than patience.
	hopeless string
	patience time.Duration
	message  string
	// owns selects the pods of the object's current generation; nil when it
	// has none.
	owns func(*corev1.Pod) bool
	// uids are the object and those between it and its pods.
	uids []types.UID
	// starved says that pods are missing, so that a refusal to create them is
	// worth looking for.
	starved bool
}

const unseen = "its controller has not seen the change yet"

func count(p *int32) int32 {
	if p == nil {
		return 1
	}
	return *p
}

func ownedBy(uid types.UID) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool {
		owner := metav1.GetControllerOf(p)
		return owner != nil && owner.UID == uid
	}
}

func (w *waiter) deployment(o runtime.Object) state {
	d := o.(*appsv1.Deployment)
	s := state{uids: []types.UID{d.UID}}
	if d.Status.ObservedGeneration < d.Generation {
		s.message = unseen
		return s
	}
	if d.Spec.Paused {
		return state{ready: true, message: "paused"}
	}
	rs := w.newestReplicaSet(d)
	want, st := count(d.Spec.Replicas), d.Status
	old := st.Replicas - st.UpdatedReplicas
	available := max(0, st.AvailableReplicas-old)
	if rs != nil {
		s.uids = append(s.uids, rs.UID)
		s.owns = ownedBy(rs.UID)
		available = rs.Status.AvailableReplicas
	}
	switch {
	case st.UpdatedReplicas < want:
		s.message = fmt.Sprintf("%d of %d replicas updated", st.UpdatedReplicas, want)
	case st.UpdatedReplicas > want:
		s.message = fmt.Sprintf("%d replicas still to be removed", st.UpdatedReplicas-want)
	case st.AvailableReplicas < want || available < want:
		s.message = fmt.Sprintf("%d of %d replicas ready", available, want)
	case old > 0:
		s.message = fmt.Sprintf("%d old replicas still running", old)
	default:
		return state{ready: true}
	}
	for _, c := range st.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing && w.outdated(d.UID, c.LastUpdateTime):
		case c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse:
			s.hopeless, s.patience = "its progress deadline is exceeded", settleTime
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			s.hopeless, s.patience = c.Message, w.grace
		}
	}
	return s
}

// newestReplicaSet is the one of the current generation.
func (w *waiter) newestReplicaSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	f := w.feeds[feedKey{kindReplicaSet, d.Namespace}]
	if f == nil {
		return nil
	}
	const revision = "deployment.kubernetes.io/revision"
	for _, o := range f.all() {
		rs, ok := o.(*appsv1.ReplicaSet)
		if ok && metav1.IsControlledBy(rs, d) && rs.Annotations[revision] == d.Annotations[revision] {
			return rs
		}
	}
	return nil
}

func (w *waiter) replicaSet(o runtime.Object) state {
	rs := o.(*appsv1.ReplicaSet)
	want := count(rs.Spec.Replicas)
	if rs.Status.ObservedGeneration < rs.Generation {
		return state{message: unseen}
	}
	if rs.Status.AvailableReplicas >= want && rs.Status.Replicas == want {
		return state{ready: true}
	}
	return state{
		message: fmt.Sprintf("%d of %d replicas ready", rs.Status.AvailableReplicas, want),
		owns:    ownedBy(rs.UID), uids: []types.UID{rs.UID}, starved: rs.Status.Replicas < want,
	}
}

func (w *waiter) statefulSet(o runtime.Object) state {
	ss := o.(*appsv1.StatefulSet)
	st := ss.Status
	if st.ObservedGeneration < ss.Generation {
		return state{message: unseen}
	}
	want := count(ss.Spec.Replicas)
	s := state{uids: []types.UID{ss.UID}, starved: st.Replicas < want}
	s.owns = func(p *corev1.Pod) bool {
		return ownedBy(ss.UID)(p) && p.Labels[appsv1.ControllerRevisionHashLabelKey] == st.UpdateRevision
	}
	rolling := ss.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType
	var partition int32
	if r := ss.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		partition = *r.Partition
	}
	switch {
	case rolling && st.UpdatedReplicas < want-partition:
		s.message = fmt.Sprintf("%d of %d replicas updated", st.UpdatedReplicas, want-partition)
	case st.ReadyReplicas < want:
		s.message = fmt.Sprintf("%d of %d replicas ready", st.ReadyReplicas, want)
	case st.AvailableReplicas < want:
		s.message = fmt.Sprintf("%d of %d replicas available", st.AvailableReplicas, want)
	case st.Replicas > want:
		s.message = fmt.Sprintf("%d replicas still to be removed", st.Replicas-want)
	case rolling && partition == 0 && want > 0 && st.CurrentRevision != st.UpdateRevision:
		s.message = "its rollout is being completed"
	default:
		return state{ready: true}
	}
	return s
}

func (w *waiter) daemonSet(o runtime.Object) state {
	ds := o.(*appsv1.DaemonSet)
	st := ds.Status
	if st.ObservedGeneration < ds.Generation {
		return state{message: unseen}
	}
	const generation = "pod-template-generation"
	s := state{uids: []types.UID{ds.UID}, starved: st.CurrentNumberScheduled < st.DesiredNumberScheduled}
	s.owns = func(p *corev1.Pod) bool {
		return ownedBy(ds.UID)(p) && p.Labels[generation] == ds.Annotations[appsv1.DeprecatedTemplateGeneration]
	}
	rolling := ds.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType
	switch {
	case rolling && st.UpdatedNumberScheduled < st.DesiredNumberScheduled:
		s.message = fmt.Sprintf("%d of %d pods updated", st.UpdatedNumberScheduled, st.DesiredNumberScheduled)
	case st.NumberAvailable < st.DesiredNumberScheduled:
		s.message = fmt.Sprintf("%d of %d pods ready", st.NumberAvailable, st.DesiredNumberScheduled)
	default:
		return state{ready: true}
	}
	return s
}

func (w *waiter) job(o runtime.Object) state {
	j := o.(*batchv1.Job)
	s := state{owns: ownedBy(j.UID), uids: []types.UID{j.UID}}
	for _, c := range j.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			return state{ready: true, message: "complete"}
		case batchv1.JobFailed:
			s.fatal = true
			s.message = "failed: " + c.Reason
			if c.Message != "" {
				s.message = "failed: " + c.Message
			}
			return s
		case batchv1.JobSuspended:
			return state{ready: true, message: "suspended"}
		}
	}
	s.message = fmt.Sprintf("%d of %d pods succeeded", j.Status.Succeeded, count(j.Spec.Completions))
	if j.Status.Failed > 0 {
		s.message += fmt.Sprintf(", %d failed", j.Status.Failed)
	}
	s.starved = j.Status.Active+j.Status.Succeeded+j.Status.Failed == 0
	return s
}

func (w *waiter) pod(o runtime.Object) state {
	p := o.(*corev1.Pod)
	s := state{uids: []types.UID{p.UID}, owns: func(other *corev1.Pod) bool { return other.UID == p.UID }}
	switch {
	case p.Status.Phase == corev1.PodSucceeded:
		return state{ready: true}
	case p.Status.Phase == corev1.PodFailed:
		s.fatal = true
		s.message = "failed"
		if p.Status.Message != "" {
			s.message = "failed: " + p.Status.Message
		}
		return s
	case !w.untilDone && podReady(p):
		return state{ready: true}
	}
	s.message = "is " + string(p.Status.Phase)
	return s
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (w *waiter) claim(o runtime.Object) state {
	c := o.(*corev1.PersistentVolumeClaim)
	s := state{uids: []types.UID{c.UID}}
	switch c.Status.Phase {
	case corev1.ClaimBound:
		return state{ready: true}
	case corev1.ClaimLost:
		s.fatal = true
		s.message = "its volume is lost"
		return s
	}
	// A claim of such a class is bound for the pod that uses it, if any does.
	if c.Spec.StorageClassName != nil && w.bindsLate(*c.Spec.StorageClassName) {
		return state{ready: true, message: "is bound when a pod uses it"}
	}
	s.message = "is not bound to a volume"
	return s
}

func (w *waiter) service(o runtime.Object) state {
	s := o.(*corev1.Service)
	if s.Spec.Type != corev1.ServiceTypeLoadBalancer || len(s.Spec.ExternalIPs) > 0 || len(s.Status.LoadBalancer.Ingress) > 0 {
		return state{ready: true}
	}
	return state{message: "has no load balancer address", uids: []types.UID{s.UID}}
}

func (w *waiter) crd(o runtime.Object) state {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return state{message: "cannot be read"}
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	s := state{message: "is not established", uids: []types.UID{u.GetUID()}}
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		switch {
		case m["type"] == "Established" && m["status"] == "True":
			return state{ready: true}
		case m["type"] == "NamesAccepted" && m["status"] == "False":
			s.hopeless, s.patience = fmt.Sprintf("its names are taken: %v", m["message"]), settleTime
		}
	}
	return s
}
