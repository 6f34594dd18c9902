package snapshot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	deployment  = "Deployment"
	statefulSet = "StatefulSet"

	// lookEvery is how often it is looked whether pods are gone.
	lookEvery = time.Second
	// backTime bounds scaling up again, which has to happen whatever became of
	// the run's context.
	backTime = 2 * time.Minute
)

// workloadsOf returns the workloads of a release, of the kinds that are named,
// which are to run any pods.
func workloadsOf(ctx context.Context, k *kube.Cluster, namespace, release string, kinds ...string) ([]plan.Scaled, error) {
	var all []plan.Scaled
	add := func(kind string, m metav1.ObjectMeta, replicas *int32) {
		if owned(m, namespace, release) && (replicas == nil || *replicas > 0) {
			n := int32(1)
			if replicas != nil {
				n = *replicas
			}
			all = append(all, plan.Scaled{Kind: kind, Namespace: namespace, Name: m.Name, Replicas: n})
		}
	}
	for _, kind := range kinds {
		switch kind {
		case deployment:
			list, err := k.Typed().AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list the Deployments of namespace %s: %w", namespace, k.Explain(err))
			}
			for _, d := range list.Items {
				add(kind, d.ObjectMeta, d.Spec.Replicas)
			}
		case statefulSet:
			list, err := k.Typed().AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list the StatefulSets of namespace %s: %w", namespace, k.Explain(err))
			}
			for _, s := range list.Items {
				add(kind, s.ObjectMeta, s.Spec.Replicas)
			}
		}
	}
	return all, nil
}

// owned says whether Helm's marks say that an object is of a release.
func owned(m metav1.ObjectMeta, namespace, release string) bool {
	return m.Annotations["meta.helm.sh/release-name"] == release && m.Annotations["meta.helm.sh/release-namespace"] == namespace
}

// Quiesce scales down what writes to what a snapshot is of, and waits until no
// pod of it is left. The replicas that it takes away are in the record before;
// one that was cut off goes on with those of the first time.
func (t *Taker) Quiesce(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	k, err := t.fleet.cluster(s)
	if err != nil {
		return err
	}
	if len(s.ScaledDown) == 0 {
		driver, err := t.fleet.Driver(s.Driver)
		if err != nil {
			return err
		}
		if s.ScaledDown, err = driver.Writers(ctx, s); err != nil {
			return err
		}
		if err := t.journal.KeepSnapshot(ctx, s); err != nil {
			return err
		}
	}
	for _, w := range s.ScaledDown {
		report.Status(fmt.Sprintf("scaling %s %s down", w.Kind, w.Name))
		if err := scale(ctx, k, w, func(int32) int32 { return 0 }); err != nil {
			return err
		}
	}
	for _, w := range s.ScaledDown {
		if err := empty(ctx, k, w, report); err != nil {
			return err
		}
	}
	return nil
}

// Resume gives the workloads that [Taker.Quiesce] scaled down their replicas
// back, also when ctx is cancelled. One that somebody else scaled meanwhile is
// left as it is.
func (t *Taker) Resume(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	if len(s.ScaledDown) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTime)
	defer cancel()
	k, err := t.fleet.cluster(s)
	if err != nil {
		return err
	}
	var errs []error
	for _, w := range s.ScaledDown {
		report.Status(fmt.Sprintf("scaling %s %s up to %d again", w.Kind, w.Name, w.Replicas))
		errs = append(errs, scale(ctx, k, w, func(now int32) int32 {
			if now > 0 {
				return now
			}
			return w.Replicas
		}))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.ScaledDown = nil
	return t.journal.KeepSnapshot(ctx, s)
}

// Restore brings back what a snapshot has saved, while what writes to it is
// scaled down.
func (t *Taker) Restore(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	driver, err := t.fleet.Driver(s.Driver)
	if err != nil {
		return err
	}
	report.Status("reading the snapshot")
	if err := driver.Verify(ctx, s); err != nil {
		return err
	}
	err = t.Quiesce(ctx, s, report)
	if err == nil {
		err = driver.Restore(ctx, s, report)
	}
	return errors.Join(err, t.Resume(ctx, s, report))
}

// scale sets the replicas of a workload, again when somebody else did so in
// between. One that is gone needs none.
func scale(ctx context.Context, k *kube.Cluster, w plan.Scaled, to func(now int32) int32) error {
	apps := k.Typed().AppsV1()
	for {
		sc, err := getScale(ctx, k, w)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the replicas of %s %s/%s: %w", w.Kind, w.Namespace, w.Name, k.Explain(err))
		}
		n := to(sc.Spec.Replicas)
		if n == sc.Spec.Replicas {
			return nil
		}
		sc.Spec.Replicas = n
		if w.Kind == deployment {
			_, err = apps.Deployments(w.Namespace).UpdateScale(ctx, w.Name, sc, metav1.UpdateOptions{})
		} else {
			_, err = apps.StatefulSets(w.Namespace).UpdateScale(ctx, w.Name, sc, metav1.UpdateOptions{})
		}
		if apierrors.IsConflict(err) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return fmt.Errorf("scale %s %s/%s to %d: %w", w.Kind, w.Namespace, w.Name, n, k.Explain(err))
		}
		return nil
	}
}

func getScale(ctx context.Context, k *kube.Cluster, w plan.Scaled) (*autoscalingv1.Scale, error) {
	if w.Kind == deployment {
		return k.Typed().AppsV1().Deployments(w.Namespace).GetScale(ctx, w.Name, metav1.GetOptions{})
	}
	return k.Typed().AppsV1().StatefulSets(w.Namespace).GetScale(ctx, w.Name, metav1.GetOptions{})
}

// empty waits until no pod of a workload is left that could write: one on its
// way out still can.
func empty(ctx context.Context, k *kube.Cluster, w plan.Scaled, report apply.Report) error {
	sc, err := getScale(ctx, k, w)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the pods of %s %s/%s: %w", w.Kind, w.Namespace, w.Name, k.Explain(err))
	}
	err = wait.PollUntilContextCancel(ctx, lookEvery, true, func(ctx context.Context) (bool, error) {
		pods, err := k.Typed().CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: sc.Status.Selector})
		if err != nil {
			return false, k.Explain(err)
		}
		left := 0
		for _, p := range pods.Items {
			if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
				left++
			}
		}
		report.Status(fmt.Sprintf("waiting for %d pods of %s %s to end", left, w.Kind, w.Name))
		return left == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the pods of %s %s/%s to end: %w", w.Kind, w.Namespace, w.Name, err)
	}
	return nil
}
