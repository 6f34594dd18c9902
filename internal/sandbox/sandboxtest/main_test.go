package sandboxtest_test

import (
	"context"
	"fmt"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// object reads an object from YAML.
func object[T any](t *testing.T, text string, args ...any) *T {
	t.Helper()
	into := new(T)
	if err := yaml.UnmarshalStrict(fmt.Appendf(nil, text, args...), into); err != nil {
		t.Fatal(err)
	}
	return into
}

// pod runs a pod of one init container and one container in a namespace of
// its own, and returns what waits for it.
func pod(t *testing.T, restartPolicy string, annotations map[string]string, image string) waiter {
	t.Helper()
	namespace, client := sandboxtest.Namespace(t), sandboxtest.Client(t)
	p := object[corev1.Pod](t, `
metadata: {name: pod}
spec:
  restartPolicy: %s
  initContainers: [{name: init, image: "example.com/init:1"}]
  containers: [{name: main, image: %q}]
`, restartPolicy, image)
	p.Annotations = annotations
	if _, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return func(is func(*corev1.Pod) bool) *corev1.Pod {
		t.Helper()
		var found *corev1.Pod
		sandboxtest.Eventually(t, func(ctx context.Context) error {
			var err error
			found, err = client.CoreV1().Pods(namespace).Get(ctx, "pod", metav1.GetOptions{})
			if err == nil && !is(found) {
				err = fmt.Errorf("the pod is %s: %+v", found.Status.Phase, found.Status.ContainerStatuses)
			}
			return err
		})
		return found
	}
}

// waiter waits until something holds for a pod.
type waiter func(is func(*corev1.Pod) bool) *corev1.Pod

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func failed(j *batchv1.Job) bool { return jobIs(j, batchv1.JobFailed) }

func complete(j *batchv1.Job) bool { return jobIs(j, batchv1.JobComplete) }

func jobIs(j *batchv1.Job, condition batchv1.JobConditionType) bool {
	for _, c := range j.Status.Conditions {
		if c.Type == condition {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
