package sandboxtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

const image = "registry.example.com:5000/app/main:1.2.3"

func behavior(name string) map[string]string {
	return map[string]string{"sandbox.soctalk.io/behavior": name}
}

func TestPodIsReady(t *testing.T) {
	t.Parallel()
	p := pod(t, "Always", nil, image)(ready)
	status, init := p.Status.ContainerStatuses[0], p.Status.InitContainerStatuses[0]
	if p.Status.Phase != corev1.PodRunning || !status.Ready || status.State.Running == nil {
		t.Errorf("the container does not run: %+v", p.Status)
	}
	if status.Image != image || !strings.HasPrefix(status.ImageID, "registry.example.com:5000/app/main@sha256:") {
		t.Errorf("got the image %s, %s", status.Image, status.ImageID)
	}
	if init.State.Terminated == nil || init.State.Terminated.Reason != "Completed" {
		t.Errorf("the init container has not completed: %+v", init)
	}
	if p.Status.PodIP == "" || p.Spec.NodeName == "" {
		t.Errorf("the pod has no place: %+v", p.Status)
	}
}

func TestPodCompletes(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"Never", "OnFailure"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			p := pod(t, policy, nil, image)(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
			if end := p.Status.ContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != 0 || end.Reason != "Completed" {
				t.Errorf("got %+v", p.Status.ContainerStatuses)
			}
		})
	}
}

func TestPodThatMustEndFails(t *testing.T) {
	t.Parallel()
	p := pod(t, "Never", behavior("fail"), image)(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if end := p.Status.ContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != 1 || end.Reason != "Error" {
		t.Errorf("got %+v", p.Status.ContainerStatuses)
	}
}

func TestPodCrashes(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"Always", "OnFailure"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			p := pod(t, policy, behavior("fail"), image)(func(p *corev1.Pod) bool {
				return len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].RestartCount > 1
			})
			status := p.Status.ContainerStatuses[0]
			if status.State.Waiting == nil || status.State.Waiting.Reason != "CrashLoopBackOff" || ready(p) {
				t.Errorf("got %+v", status)
			}
			if last := status.LastTerminationState.Terminated; last == nil || last.ExitCode != 1 {
				t.Errorf("how it ended the last time: %+v", last)
			}
		})
	}
}

func TestPodCrashesOnceItWasReady(t *testing.T) {
	t.Parallel()
	wait := pod(t, "Always", map[string]string{"sandbox.soctalk.io/behavior": "crash", "sandbox.soctalk.io/delay": "2s"}, image)
	wait(ready)
	wait(func(p *corev1.Pod) bool { return p.Status.ContainerStatuses[0].RestartCount > 0 && !ready(p) })
}

func TestInitContainerCrashes(t *testing.T) {
	t.Parallel()
	p := pod(t, "Always", behavior("init-fail"), image)(func(p *corev1.Pod) bool {
		return len(p.Status.InitContainerStatuses) == 1 && p.Status.InitContainerStatuses[0].RestartCount > 1
	})
	if waiting := p.Status.InitContainerStatuses[0].State.Waiting; waiting == nil || waiting.Reason != "CrashLoopBackOff" {
		t.Errorf("got %+v", p.Status.InitContainerStatuses)
	}
	if waiting := p.Status.ContainerStatuses[0].State.Waiting; waiting == nil || waiting.Reason != "PodInitializing" {
		t.Errorf("got %+v", p.Status.ContainerStatuses)
	}
}

func TestInitContainerFailsThePod(t *testing.T) {
	t.Parallel()
	p := pod(t, "Never", behavior("init-fail"), image)(func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if end := p.Status.InitContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != 1 {
		t.Errorf("got %+v", p.Status.InitContainerStatuses)
	}
}

func TestImageCannotBePulled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		annotations map[string]string
		image       string
	}{
		"annotation": {behavior("image-pull"), image},
		"tag":        {nil, "example.com/main:broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pod(t, "Always", test.annotations, test.image)(func(p *corev1.Pod) bool {
				return len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].State.Waiting != nil &&
					p.Status.ContainerStatuses[0].State.Waiting.Reason == "ImagePullBackOff"
			})
			if p.Status.Phase != corev1.PodPending || !strings.Contains(p.Status.ContainerStatuses[0].State.Waiting.Message, test.image) {
				t.Errorf("got %+v", p.Status)
			}
			client := sandboxtest.Client(t)
			sandboxtest.Eventually(t, func(ctx context.Context) error {
				events, err := client.CoreV1().Events(p.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=pod,reason=Failed"})
				if err == nil && len(events.Items) == 0 {
					err = fmt.Errorf("no event tells of the image")
				}
				return err
			})
		})
	}
}

func TestPodHangs(t *testing.T) {
	t.Parallel()
	client := sandboxtest.Client(t)
	hanging := pod(t, "Always", behavior("hang"), image)(func(p *corev1.Pod) bool { return len(p.Status.ContainerStatuses) == 1 })
	// A pod that started later is through: so the other one really hangs.
	pod(t, "Always", nil, image)(ready)
	p, err := client.CoreV1().Pods(hanging.Namespace).Get(t.Context(), hanging.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Status.Phase != corev1.PodPending || p.Status.ContainerStatuses[0].State.Waiting == nil {
		t.Errorf("got %+v", p.Status)
	}
}

func TestPodIsLate(t *testing.T) {
	t.Parallel()
	for name, annotations := range map[string]map[string]string{
		"behavior": behavior("late=2"),
		"delay":    {"sandbox.soctalk.io/delay": "2s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pod(t, "Always", annotations, image)(ready)
			for _, condition := range p.Status.Conditions {
				// Times in the API are whole seconds.
				if after := condition.LastTransitionTime.Sub(p.CreationTimestamp.Time); condition.Type == corev1.PodReady && after < time.Second {
					t.Errorf("the pod was ready after %s", after)
				}
			}
		})
	}
}
