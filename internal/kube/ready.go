package kube

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Ready says whether a Deployment, StatefulSet or DaemonSet has all the pods of
// its current generation, as a wait would, and what it lacks otherwise.
func Ready(o runtime.Object) (ready bool, lacks string) {
	w := &waiter{verdicts: map[types.UID]metav1.Time{}}
	var s state
	switch o := o.(type) {
	case *appsv1.Deployment:
		s = w.deployment(o)
	case *appsv1.StatefulSet:
		s = w.statefulSet(o)
	case *appsv1.DaemonSet:
		s = w.daemonSet(o)
	default:
		return false, fmt.Sprintf("%T is no workload", o)
	}
	return s.ready, s.message
}
