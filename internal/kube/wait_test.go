package kube_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/kube"
)

// workload is a Deployment, StatefulSet or DaemonSet named app.
func workload(kind string, replicas int, extra string, annotations ...string) string {
	spec := fmt.Sprintf("  replicas: %d\n", replicas)
	if kind == "DaemonSet" {
		spec = ""
	}
	if kind == "StatefulSet" {
		spec += "  serviceName: app\n"
	}
	var notes strings.Builder
	for _, a := range annotations {
		key, value, _ := strings.Cut(a, "=")
		fmt.Fprintf(&notes, "        sandbox.soctalk.io/%s: %q\n", key, value)
	}
	return `
apiVersion: apps/v1
kind: ` + kind + `
metadata: {name: app}
spec:
` + spec + extra + `
  selector: {matchLabels: {app: app}}
  template:
    metadata:
      labels: {app: app}
      annotations:
        of: test
` + notes.String() + `
    spec:
      initContainers: [{name: init, image: "registry.example.com/init:1", resources: {requests: {cpu: 10m}}}]
      containers: [{name: main, image: "registry.example.com/main:1", resources: {requests: {cpu: 10m}}}]
`
}

func TestReady(t *testing.T) {
	t.Parallel()
	for name, manifest := range map[string]string{
		"deployment":           workload("Deployment", 3, ""),
		"no replicas":          workload("Deployment", 0, ""),
		"paused":               workload("Deployment", 1, "  paused: true", "behavior=hang"),
		"late":                 workload("Deployment", 2, "", "delay=2s"),
		"stateful set":         workload("StatefulSet", 2, ""),
		"stateful without any": workload("StatefulSet", 0, ""),
		"on delete":            workload("StatefulSet", 1, "  updateStrategy: {type: OnDelete}"),
		"daemon set":           workload("DaemonSet", 0, ""),
		"job":                  job("done", 0),
		"suspended job":        strings.Replace(job("later", 0), "spec:", "spec:\n  suspend: true", 1),
		"claim":                claim("sandbox-csi"),
		"claim without a pod":  claim("local-path"),
		"no load balancer":     "apiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {ports: [{port: 80}]}",
		"nothing to wait for":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}",
		"definition":           widgets("ready"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, ns := connect(t)
			objs := apply(t, c, ns, manifest)
			if err := c.WaitReady(within(t, 60*time.Second), objs, kube.WaitOptions{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func claim(class string) string {
	return `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: ` + class + `, resources: {requests: {storage: 1Gi}}}
`
}

func job(name string, backoffLimit int, annotations ...string) string {
	var notes strings.Builder
	for _, a := range annotations {
		key, value, _ := strings.Cut(a, "=")
		fmt.Fprintf(&notes, "        sandbox.soctalk.io/%s: %q\n", key, value)
	}
	return fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: %s}
spec:
  backoffLimit: %d
  template:
    metadata:
      annotations:
        of: test
%s
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "registry.example.com/main:1"}]
`, name, backoffLimit, notes.String())
}

func TestReadyMeansThisGeneration(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c, ns := connect(t)
			objs := apply(t, c, ns, workload(kind, 2, ""))
			if err := c.WaitReady(within(t, 60*time.Second), objs, kube.WaitOptions{}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			objs = apply(t, c, ns, workload(kind, 2, "", "delay=3s"))
			var seen []kube.Status
			err := c.WaitReady(within(t, 60*time.Second), objs, kube.WaitOptions{Report: func(s kube.Status) { seen = append(seen, s) }})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < 3*time.Second {
				t.Errorf("ready after %s, before its pods could be", took)
			}
			if len(seen) < 2 || seen[0].Ready != 0 || seen[len(seen)-1].Ready != 1 {
				t.Errorf("reported %+v", seen)
			}
			pods, err := c.Typed().CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range pods.Items {
				if p.DeletionTimestamp == nil && p.Annotations["sandbox.soctalk.io/delay"] == "" {
					t.Errorf("pod %s is of the old generation", p.Name)
				}
			}
		})
	}
}

// failing waits for what cannot become ready.
func failing(t *testing.T, manifest string, o kube.WaitOptions, timeout time.Duration) *kube.NotReadyError {
	t.Helper()
	c, ns := connect(t)
	objs := apply(t, c, ns, manifest)
	return notReady(t, c, objs, o, timeout)
}

func notReady(t *testing.T, c *kube.Cluster, objs []*unstructured.Unstructured, o kube.WaitOptions, timeout time.Duration) *kube.NotReadyError {
	t.Helper()
	err := c.WaitReady(within(t, timeout), objs, o)
	var e *kube.NotReadyError
	if !errors.As(err, &e) || len(e.Reasons) == 0 {
		t.Fatalf("got %v", err)
	}
	t.Log(e)
	return e
}

func TestCrashLoopEndsTheWait(t *testing.T) {
	t.Parallel()
	for kind, behavior := range map[string]string{"Deployment": "fail", "StatefulSet": "fail", "DaemonSet": "init-fail"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e := failing(t, workload(kind, 1, "", "behavior="+behavior, "logs=first\ncannot connect"), kube.WaitOptions{}, 90*time.Second)
			r := e.Reasons[0]
			if e.TimedOut || !r.Fatal || r.Kind != kind || r.Name != "app" || len(r.Pods) == 0 {
				t.Fatalf("got %+v", e)
			}
			p := r.Pods[0]
			want, container := "CrashLoopBackOff", "main"
			if behavior == "init-fail" {
				want, container = "Init:CrashLoopBackOff", "init"
			}
			if p.Waiting != want || p.Container != container || p.LastExit == nil || *p.LastExit != 1 {
				t.Errorf("got %+v", p)
			}
			if diff := cmp.Diff([]string{"first", "cannot connect"}, p.Logs); diff != "" {
				t.Errorf("logs (-want +got):\n%s", diff)
			}
			if len(r.Events) == 0 || !strings.Contains(strings.Join(r.Events, "\n"), "Back-off restarting failed container") {
				t.Errorf("events: %v", r.Events)
			}
		})
	}
}

func TestCrashOfOldGenerationDoesNotCount(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	objs := apply(t, c, ns, workload("Deployment", 1, "", "behavior=fail"))
	notReady(t, c, objs, kube.WaitOptions{}, 90*time.Second)
	objs = apply(t, c, ns, workload("Deployment", 1, "", "delay=1s"))
	if err := c.WaitReady(within(t, 60*time.Second), objs, kube.WaitOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestImagePullIsGivenUpAfterGrace(t *testing.T) {
	t.Parallel()
	began := time.Now()
	e := failing(t, workload("Deployment", 1, "", "behavior=image-pull"), kube.WaitOptions{Grace: 2 * time.Second}, 60*time.Second)
	if e.TimedOut || e.Reasons[0].Pods[0].Waiting != "ImagePullBackOff" {
		t.Errorf("got %+v", e)
	}
	if time.Since(began) < 2*time.Second {
		t.Error("it was given no grace")
	}
}

func TestTimeoutSaysWhatWasMissing(t *testing.T) {
	t.Parallel()
	e := failing(t, workload("Deployment", 2, "", "behavior=hang")+"---"+workload("StatefulSet", 1, ""), kube.WaitOptions{}, 8*time.Second)
	if !e.TimedOut || len(e.Reasons) != 1 || !errors.Is(e, context.DeadlineExceeded) {
		t.Fatalf("got %+v", e)
	}
	if text := e.Error(); !strings.Contains(text, "Deployment app: 0 of 2 replicas ready") || strings.Contains(text, "deadline exceeded") {
		t.Errorf("got %s", text)
	}
}

func TestProgressDeadline(t *testing.T) {
	t.Parallel()
	e := failing(t, workload("Deployment", 1, "  progressDeadlineSeconds: 3", "behavior=hang"), kube.WaitOptions{}, 60*time.Second)
	if e.TimedOut || !strings.Contains(e.Error(), "progress deadline") {
		t.Errorf("got %v", e)
	}
}

func TestQuotaRefusal(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c, ns := connect(t)
			apply(t, c, ns, "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small}\nspec: {hard: {requests.cpu: 5m}}")
			// The quota counts once its controller has seen it.
			deadline := time.Now().Add(30 * time.Second)
			for {
				q, err := c.Typed().CoreV1().ResourceQuotas(ns).Get(t.Context(), "small", metav1.GetOptions{})
				if err != nil || time.Now().After(deadline) {
					t.Fatalf("the quota is not counted: %v", err)
				}
				if len(q.Status.Hard) > 0 {
					break
				}
			}
			objs := apply(t, c, ns, workload(kind, 1, "  minReadySeconds: 0"))
			e := notReady(t, c, objs, kube.WaitOptions{Grace: time.Second}, 60*time.Second)
			if e.TimedOut || !strings.Contains(e.Error(), "exceeded quota: small") {
				t.Errorf("got %v", e)
			}
		})
	}
}

func TestFailedJobEndsTheWait(t *testing.T) {
	t.Parallel()
	e := failing(t, job("broken", 0, "behavior=fail", "logs=no such table"), kube.WaitOptions{}, 60*time.Second)
	r := e.Reasons[0]
	if e.TimedOut || !strings.HasPrefix(r.Message, "failed: ") || len(r.Pods) == 0 || strings.Join(r.Pods[0].Logs, "") != "no such table" {
		t.Errorf("got %+v", e)
	}
	c, ns := connect(t)
	objs := apply(t, c, ns, job("broken", 0, "behavior=fail"))
	if err := c.WaitReady(within(t, 10*time.Second), objs, kube.WaitOptions{SkipJobs: true}); err != nil {
		t.Errorf("it was waited for: %v", err)
	}
}

func TestMissingObject(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	e := notReady(t, c, parse(t, ns, workload("Deployment", 1, "")), kube.WaitOptions{}, 3*time.Second)
	if !e.TimedOut || !strings.Contains(e.Error(), "does not exist") {
		t.Errorf("got %v", e)
	}
}

func TestLoadBalancerNeedsAnAddress(t *testing.T) {
	t.Parallel()
	e := failing(t, "apiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {type: LoadBalancer, ports: [{port: 80}]}", kube.WaitOptions{}, 3*time.Second)
	if !e.TimedOut || !strings.Contains(e.Error(), "Service app: has no load balancer address") {
		t.Errorf("got %v", e)
	}
}

func TestInterruptEndsTheWait(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	objs := apply(t, c, ns, workload("Deployment", 1, "", "behavior=hang"))
	stop := errors.New("stopped by hand")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := c.WaitReady(ctx, objs, kube.WaitOptions{Report: func(kube.Status) { cancel(stop) }})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestWaitSendsFewRequests(t *testing.T) {
	t.Parallel()
	r, c := record(t)
	ns := namespace(t, c)
	manifest := ""
	for i := range 10 {
		manifest += strings.ReplaceAll(workload("Deployment", 1, "", "delay=3s"), "app}", fmt.Sprintf("app%d}", i)) + "---"
	}
	objs := apply(t, c, ns, manifest)
	r.take()
	if err := c.WaitReady(within(t, 60*time.Second), objs, kube.WaitOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := r.take(); len(got) > 9 {
		t.Errorf("%d requests for ten Deployments: %s", len(got), strings.Join(got, "\n"))
	}
}

func TestWaitWithoutPermission(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	apply(t, c, ns, workload("Deployment", 1, ""))
	anonymous, err := kube.New(kube.Config{Kubeconfig: kubeconfig(t, c.Host(), "")})
	if err != nil {
		t.Fatal(err)
	}
	err = anonymous.WaitReady(within(t, 30*time.Second), parse(t, ns, workload("Deployment", 1, "")), kube.WaitOptions{})
	var forbidden *kube.ForbiddenError
	if !errors.As(err, &forbidden) {
		t.Errorf("got %v", err)
	}
}

func TestWaitGone(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	objs := apply(t, c, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, finalizers: [example.com/held]}")
	for _, name := range []string{"a", "b"} {
		if err := c.Typed().CoreV1().ConfigMaps(ns).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	err := c.WaitGone(within(t, 2*time.Second), objs)
	if err == nil || !strings.Contains(err.Error(), "ConfigMap b: still exists") || strings.Contains(err.Error(), "ConfigMap a") {
		t.Fatalf("got %v", err)
	}
	held, err := c.Typed().CoreV1().ConfigMaps(ns).Get(t.Context(), "b", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	held.Finalizers = nil
	if _, err := c.Typed().CoreV1().ConfigMaps(ns).Update(t.Context(), held, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitGone(within(t, 30*time.Second), objs); err != nil {
		t.Fatal(err)
	}
}
