package sandboxtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestServerVersion(t *testing.T) {
	t.Parallel()
	version, err := sandboxtest.Client(t).Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if version.GitVersion != "v1.36.3" || version.Major != "1" || version.Minor != "36" {
		t.Errorf("got %+v", version)
	}
}

func TestDeploymentRollsOut(t *testing.T) {
	t.Parallel()
	namespace, client := sandboxtest.Namespace(t), sandboxtest.Client(t)
	d := object[appsv1.Deployment](t, `
metadata: {name: app}
spec:
  replicas: 3
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers: [{name: main, image: %q}]
`, image)
	if _, err := client.AppsV1().Deployments(namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	rolledOut := func(ctx context.Context) error {
		d, err := client.AppsV1().Deployments(namespace).Get(ctx, "app", metav1.GetOptions{})
		if s := d.Status; err == nil && (s.ObservedGeneration != d.Generation || s.UpdatedReplicas != 3 || s.AvailableReplicas != 3 || s.Replicas != 3) {
			err = fmt.Errorf("got %+v", s)
		}
		return err
	}
	sandboxtest.Eventually(t, rolledOut)
	patch := []byte(`{"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}`)
	if _, err := client.AppsV1().Deployments(namespace).Patch(t.Context(), "app", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, rolledOut)
}

func TestStatefulSetHasVolumes(t *testing.T) {
	t.Parallel()
	namespace, client := sandboxtest.Namespace(t), sandboxtest.Client(t)
	s := object[appsv1.StatefulSet](t, `
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: main, image: %q}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  - metadata: {name: local}
    spec: {accessModes: [ReadWriteOnce], storageClassName: local-path, resources: {requests: {storage: 1Gi}}}
`, image)
	if _, err := client.AppsV1().StatefulSets(namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		s, err := client.AppsV1().StatefulSets(namespace).Get(ctx, "db", metav1.GetOptions{})
		if err == nil && s.Status.ReadyReplicas != 2 {
			err = fmt.Errorf("got %+v", s.Status)
		}
		return err
	})
	volume := func(claim string) *corev1.PersistentVolume {
		t.Helper()
		c, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), claim, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		v, err := client.CoreV1().PersistentVolumes().Get(t.Context(), c.Spec.VolumeName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if c.Status.Phase != corev1.ClaimBound || v.Status.Phase != corev1.VolumeBound {
			t.Errorf("the claim %s is %s, its volume %s", claim, c.Status.Phase, v.Status.Phase)
		}
		return v
	}
	data := volume("data-db-0")
	if data.Spec.CSI == nil || data.Spec.CSI.Driver != "csi.sandbox.soctalk.io" {
		t.Errorf("the default class does not make CSI volumes: %+v", data.Spec)
	}
	if local := volume("local-db-0"); local.Spec.HostPath == nil || local.Spec.NodeAffinity == nil {
		t.Errorf("local-path does not make folders of a node: %+v", local.Spec)
	}

	policy := metav1.DeletePropagationForeground
	if err := errors.Join(
		client.AppsV1().StatefulSets(namespace).Delete(t.Context(), "db", metav1.DeleteOptions{PropagationPolicy: &policy}),
		client.CoreV1().PersistentVolumeClaims(namespace).Delete(t.Context(), "data-db-0", metav1.DeleteOptions{}),
	); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		_, err := client.CoreV1().PersistentVolumes().Get(ctx, data.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the volume of a deleted claim is still there: %v", err)
	})
}

func TestJob(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		annotations map[string]string
		ends        func(*batchv1.Job) bool
	}{
		"completes": {map[string]string{"sandbox.soctalk.io/logs": "one\ntwo"}, complete},
		"fails":     {map[string]string{"sandbox.soctalk.io/logs": "one\ntwo", "sandbox.soctalk.io/behavior": "fail"}, failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, client := sandboxtest.Namespace(t), sandboxtest.Client(t)
			job := object[batchv1.Job](t, `
metadata: {name: job}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: %q}]
`, image)
			job.Spec.Template.Annotations = test.annotations
			if _, err := client.BatchV1().Jobs(namespace).Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			sandboxtest.Eventually(t, func(ctx context.Context) error {
				job, err := client.BatchV1().Jobs(namespace).Get(ctx, "job", metav1.GetOptions{})
				if err == nil && !test.ends(job) {
					err = fmt.Errorf("got %+v", job.Status)
				}
				return err
			})
			pods, err := client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "job-name=job"})
			if err != nil || len(pods.Items) != 1 {
				t.Fatalf("got %d pods: %v", len(pods.Items), err)
			}
			if got := logs(t, &pods.Items[0], corev1.PodLogOptions{Follow: true}); got != "one\ntwo\n" {
				t.Errorf("got the logs %q", got)
			}
		})
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	p := pod(t, "Always", map[string]string{"sandbox.soctalk.io/logs": "one\ntwo\nthree"}, image)(ready)
	tail := int64(2)
	if got := logs(t, p, corev1.PodLogOptions{TailLines: &tail, Container: "main"}); got != "two\nthree\n" {
		t.Errorf("got %q", got)
	}
	waiting := pod(t, "Always", behavior("hang"), image)(func(p *corev1.Pod) bool { return len(p.Status.ContainerStatuses) == 1 })
	_, err := sandboxtest.Client(t).CoreV1().Pods(waiting.Namespace).GetLogs("pod", &corev1.PodLogOptions{Container: "main"}).Stream(t.Context())
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "is waiting to start") {
		t.Errorf("the logs of a container that has not started: %v", err)
	}
}

func logs(t *testing.T, p *corev1.Pod, o corev1.PodLogOptions) string {
	t.Helper()
	stream, err := sandboxtest.Client(t).CoreV1().Pods(p.Namespace).GetLogs(p.Name, &o).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	text, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
