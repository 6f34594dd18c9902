package helm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/release"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func values(pairs ...string) map[string]any {
	v := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = pairs[i+1]
	}
	return v
}

func TestApply(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	ch := load(t, small)
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch, Values: values("note", "one")}
	rendered, err := c.Render(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	var seen []kube.Status
	o := helm.ApplyOptions{
		Timeout: time.Minute, Description: "a run", Progress: func(s kube.Status) { seen = append(seen, s) },
		Labels: map[string]string{helm.LabelRun: "r1", helm.LabelStep: "tenant.x/1/install", helm.LabelChartDigest: helm.DigestLabel(ch.Digest), "own": "label"},
	}
	first := install(t, c, target, o)
	if first.Revision != 1 || first.Status != "deployed" || first.Description != "a run" || first.ChartName != "small" || first.ChartVersion != "1.0.0" {
		t.Errorf("got %+v", first.Meta)
	}
	if diff := cmp.Diff(map[string]any{"note": "one"}, first.Config); diff != "" {
		t.Errorf("config: %s", diff)
	}
	if first.ChartDigest != helm.DigestLabel(ch.Digest) || first.Labels[helm.LabelRun] != "r1" || first.Labels["own"] != "label" {
		t.Errorf("labels: %v", first.Labels)
	}
	if len(seen) == 0 || seen[len(seen)-1].Ready != 1 {
		t.Errorf("progress: %+v", seen)
	}
	if len(rendered.Unstable) != 1 {
		t.Errorf("unstable: %+v", rendered.Unstable)
	}

	// The live Secret is found now, so the upgrade renders the same each time.
	target.Base, target.Values = first, values("note", "two", "delay", "2s")
	rendered, err = c.Render(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	second := install(t, c, target, helm.ApplyOptions{Timeout: time.Minute})
	if time.Since(began) < 2*time.Second {
		t.Error("it was not waited for the pods of this revision")
	}
	if second.Revision != 2 || second.Manifest.String() != rendered.Manifest() || second.Status != "deployed" {
		t.Errorf("got %+v, and not what was rendered", second.Meta)
	}
	if second.Labels[helm.LabelRun] != "" || second.ChartDigest != "" || second.Labels["own"] != "label" {
		t.Errorf("labels of another run were inherited: %v", second.Labels)
	}
	if !strings.Contains(second.Manifest.String(), `revision: "2"`) {
		t.Error("the template was told another revision")
	}
	secret, err := k.Typed().CoreV1().Secrets(ns).Get(t.Context(), "app-key", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(second.Manifest.String(), string(secret.Data["password"])) || !strings.Contains(first.Manifest.String(), string(secret.Data["password"])) {
		t.Error("the Secret was minted anew")
	}

	// helm sees the same.
	config := helmsOwn(t, ns)
	last, err := config.Releases.Last("app")
	if err != nil {
		t.Fatal(err)
	}
	if last.Version != 2 || last.Info.Status != release.StatusDeployed {
		t.Errorf("helm sees revision %d, %s", last.Version, last.Info.Status)
	}
	old, err := c.Get(t.Context(), ns, "app", 1)
	if err != nil || old.Status != "superseded" || old.BodyDigest == first.BodyDigest {
		t.Errorf("got %+v, %v", old, err)
	}
	live := deployment(t, k, ns)
	if live.Annotations["meta.helm.sh/release-name"] != "app" {
		t.Error("the objects are not marked as the release's")
	}
}

func deployment(t *testing.T, k *kube.Cluster, ns string) *appsv1.Deployment {
	t.Helper()
	d, err := k.Typed().AppsV1().Deployments(ns).Get(t.Context(), "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestApplyCreatesTheNamespace(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	ns += "-x"
	t.Cleanup(func() {
		_ = k.Typed().CoreV1().Namespaces().Delete(context.Background(), ns, metav1.DeleteOptions{})
	})
	install(t, c, helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}, helm.ApplyOptions{})
}

func TestFailedUpgradeSaysWhy(t *testing.T) {
	t.Parallel()
	const canary = "canary-0123456789"
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small), Values: values("note", canary)}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	target.Values = values("note", canary, "behavior", "fail", "logs", "cannot log in with "+canary)
	_, err := c.Apply(t.Context(), target, helm.ApplyOptions{Timeout: 90 * time.Second})
	var e *helm.ApplyError
	var notReady *kube.NotReadyError
	if !errors.As(err, &e) || e.Action != "upgrade" || e.Revision != 2 || !errors.As(err, &notReady) {
		t.Fatalf("got %v", err)
	}
	p := notReady.Reasons[0].Pods[0]
	if notReady.TimedOut || p.Waiting != "CrashLoopBackOff" || strings.Join(p.Logs, "") != "(hidden)" && !strings.Contains(strings.Join(p.Logs, ""), "cannot log in with (hidden)") {
		t.Errorf("got %+v", notReady)
	}
	if strings.Contains(fmt.Sprintf("%+v %v", notReady, err), canary) {
		t.Errorf("a value is in the error: %+v", notReady)
	}
	failed, getErr := c.Get(t.Context(), ns, "app", 0)
	if getErr != nil || failed.Status != "failed" || failed.Revision != 2 {
		t.Fatalf("got %+v, %v", failed, getErr)
	}

	// The way back, and then forward again from there.
	back, err := c.Rollback(t.Context(), ns, "app", 1, helm.ApplyOptions{Timeout: time.Minute, Labels: map[string]string{helm.LabelRun: "r2"}})
	if err != nil {
		t.Fatal(err)
	}
	if back.Revision != 3 || back.Status != "deployed" || back.Labels[helm.LabelRun] != "r2" {
		t.Errorf("got %+v", back.Meta)
	}
	target.Base, target.Values = back, values("note", "three")
	if r := install(t, c, target, helm.ApplyOptions{}); r.Revision != 4 {
		t.Errorf("got %+v", r.Meta)
	}
}

// What a failed upgrade has set, and the next one leaves out, goes: fields,
// elements of lists and whole objects.
func TestUpgradeAfterFailureTakesBackWhatThatSet(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	app := strings.Replace(small["templates/app.yaml"], `image: "registry.example.com/small:{{ .Values.image.tag }}"}]`,
		`image: "registry.example.com/small:{{ .Values.image.tag }}", env: [{name: ALWAYS, value: "1"}{{ if .Values.extra }}, {name: EXTRA, value: "1"}{{ end }}]}]`, 1)
	app = strings.Replace(app, "        {{- with .Values.delay }}", "        {{- if .Values.extra }}\n        sandbox.soctalk.io/behavior: crash\n        {{- end }}\n        {{- with .Values.delay }}", 1)
	app = strings.Replace(app, "        sandbox.soctalk.io/behavior: {{ .Values.behavior | quote }}\n", "", 1)
	ch := load(t, small.with("templates/app.yaml", app, "templates/extra.yaml",
		"{{- if .Values.extra }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-extra}\n{{- end }}"))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	target.Values = map[string]any{"extra": true}
	for range 2 { // and fails again on top of it
		if _, err := c.Apply(t.Context(), target, helm.ApplyOptions{Timeout: 90 * time.Second}); err == nil {
			t.Fatal("what crashes became ready")
		}
		var err error
		if target.Base, err = c.Get(t.Context(), ns, "app", 0); err != nil || target.Base.Status != "failed" {
			t.Fatalf("got %+v, %v", target.Base, err)
		}
	}
	target.Values = nil
	install(t, c, target, helm.ApplyOptions{Timeout: 90 * time.Second})

	d, err := k.Typed().AppsV1().Deployments(ns).Get(t.Context(), "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	env := d.Spec.Template.Spec.Containers[0].Env
	if _, there := d.Spec.Template.Annotations["sandbox.soctalk.io/behavior"]; there || len(env) != 1 || env[0].Name != "ALWAYS" {
		t.Errorf("left are annotations %v, environment %v", d.Spec.Template.Annotations, env)
	}
	if _, err := k.Typed().CoreV1().ConfigMaps(ns).Get(t.Context(), "app-extra", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the object that the failed revision brought: %v", err)
	}
}

// A way back that was cut off has left the revision that it goes to as the newest,
// and the objects as they were before it. Done again it takes back what those have.
func TestWayBackThatWasCutOffTakesBackAll(t *testing.T) {
	t.Parallel()
	app := strings.Replace(small["templates/app.yaml"], "        {{- with .Values.delay }}", "        {{- if .Values.extra }}\n        extra: \"1\"\n        {{- end }}\n        {{- with .Values.delay }}", 1)
	app = strings.Replace(app, "        sandbox.soctalk.io/behavior: {{ .Values.behavior | quote }}\n", "        {{- with .Values.behavior }}\n        sandbox.soctalk.io/behavior: {{ . }}\n        {{- end }}\n", 1)
	brought := files{"templates/extra.yaml": "{{- if .Values.extra }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-extra}\n{{- end }}"}
	for name, values := range map[string]map[string]any{
		"from a failed one":   {"extra": true, "behavior": "crash"},
		"from a deployed one": {"extra": true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, k, ns := connect(t)
			target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small.with("templates/app.yaml", app, "templates/extra.yaml", brought["templates/extra.yaml"]))}
			first := install(t, c, target, helm.ApplyOptions{})
			target.Base, target.Values = first, values
			if _, err := c.Apply(t.Context(), target, helm.ApplyOptions{Timeout: 90 * time.Second}); (err != nil) != (values["behavior"] != nil) {
				t.Fatal(err)
			}
			storage := helmsOwn(t, ns).Releases
			back, err := storage.Get("app", 1)
			if err != nil {
				t.Fatal(err)
			}
			back.Version, back.Labels = 3, nil
			back.SetStatus(release.StatusFailed, "cut off before it changed an object")
			if err := storage.Create(back); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Rollback(t.Context(), ns, "app", 1, helm.ApplyOptions{Timeout: 90 * time.Second}); err != nil {
				t.Fatal(err)
			}
			d, err := k.Typed().AppsV1().Deployments(ns).Get(t.Context(), "app", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"extra", "sandbox.soctalk.io/behavior"} {
				if _, there := d.Spec.Template.Annotations[left]; there {
					t.Errorf("annotation %s is left", left)
				}
			}
			if _, err := k.Typed().CoreV1().ConfigMaps(ns).Get(t.Context(), "app-extra", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the object that revision 2 brought: %v", err)
			}
		})
	}
}

func TestFailedInstallCanBeUpgraded(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small), Values: values("behavior", "hang")}
	_, err := c.Apply(t.Context(), target, helm.ApplyOptions{Timeout: 3 * time.Second})
	var e *helm.ApplyError
	if !errors.As(err, &e) || e.Action != "install" || strings.Contains(err.Error(), "deadline") || !strings.Contains(err.Error(), "0 of 1 replicas ready") {
		t.Fatalf("got %v", err)
	}
	if target.Base, err = c.Get(t.Context(), ns, "app", 0); err != nil || target.Base.Status != "failed" {
		t.Fatalf("got %+v, %v", target.Base, err)
	}
	target.Values = nil
	if r := install(t, c, target, helm.ApplyOptions{}); r.Revision != 2 || len(r.Config) != 0 {
		t.Errorf("got %+v with %v", r.Meta, r.Config)
	}
}

func TestInterruptFailsTheRelease(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small), Values: values("behavior", "hang")}
	_, err := c.Apply(ctx, target, helm.ApplyOptions{Timeout: time.Minute, Progress: func(kube.Status) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	r, err := c.Get(t.Context(), ns, "app", 0)
	if err != nil || r.Status != "failed" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestStaleBaseIsRefused(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	stale := func(want string) {
		t.Helper()
		_, err := c.Apply(t.Context(), target, helm.ApplyOptions{})
		var e *helm.StaleError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	target.Base = &helm.Release{Meta: helm.Meta{Revision: 1}}
	stale("was at revision 1 and is now at 0")
	target.Base = nil
	first := install(t, c, target, helm.ApplyOptions{})
	stale("exists already, at revision 1")
	target.Base = first
	target.Base = install(t, c, target, helm.ApplyOptions{})
	target.Base = first
	stale("was at revision 1 and is now at 2")
	second, err := c.Get(t.Context(), ns, "app", 0)
	if err != nil {
		t.Fatal(err)
	}
	second.BodyDigest = "sha256:other"
	target.Base = second
	stale("revision 2 of release " + ns + "/app was changed")
	if history, err := c.History(t.Context(), ns, "app"); err != nil || len(history) != 2 {
		t.Errorf("got %v, %v", history, err)
	}
}

func TestPendingReleaseIsReportedAndRolledBack(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	install(t, c, target, helm.ApplyOptions{})
	storeRevision(t, helmsOwn(t, ns), target, 2, release.StatusPendingUpgrade)
	var err error
	if target.Base, err = c.Get(t.Context(), ns, "app", 0); err != nil || !target.Base.Pending() {
		t.Fatalf("got %+v, %v", target.Base, err)
	}
	_, err = c.Apply(t.Context(), target, helm.ApplyOptions{})
	var pending *helm.PendingError
	if !errors.As(err, &pending) || pending.Revision != 2 || pending.Status != "pending-upgrade" {
		t.Fatalf("got %v", err)
	}
	back, err := c.Rollback(t.Context(), ns, "app", 1, helm.ApplyOptions{})
	if err != nil || back.Revision != 3 || back.Status != "deployed" {
		t.Errorf("got %+v, %v", back, err)
	}
}

func hook(event, behavior string) string {
	return `
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-check
  annotations: {helm.sh/hook: "` + event + `", helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {sandbox.soctalk.io/behavior: "` + behavior + `", sandbox.soctalk.io/logs: "no CNI found"}
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "registry.example.com/check:1"}]
`
}

func TestHooks(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small.with("templates/hook.yaml", hook("pre-install,pre-upgrade", "")))}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	before, err := k.Typed().BatchV1().Jobs(ns).Get(t.Context(), "app-check", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	after, err := k.Typed().BatchV1().Jobs(ns).Get(t.Context(), "app-check", metav1.GetOptions{})
	if err != nil || after.UID == before.UID {
		t.Errorf("the hook did not run again: %v", err)
	}
	generation := deployment(t, k, ns).Generation

	target.Chart = load(t, small.with("templates/hook.yaml", hook("pre-upgrade", "fail")))
	_, err = c.Apply(t.Context(), target, helm.ApplyOptions{Timeout: time.Minute})
	var failed *helm.HookError
	var notReady *kube.NotReadyError
	if !errors.As(err, &failed) || failed.Event != "pre-upgrade" || !errors.As(err, &notReady) {
		t.Fatalf("got %v", err)
	}
	if r := notReady.Reasons[0]; r.Kind != "Job" || len(r.Pods) == 0 || strings.Join(r.Pods[0].Logs, "") != "no CNI found" {
		t.Errorf("got %+v", r)
	}
	if deployment(t, k, ns).Generation != generation {
		t.Error("the Deployment was changed after its hook failed")
	}

	// Helm leaves such a release pending.
	target.Base, err = c.Get(t.Context(), ns, "app", 0)
	if err != nil {
		t.Fatal(err)
	}
	target.Chart = load(t, small.with("templates/hook.yaml", hook("pre-rollback", "fail")))
	install(t, c, target, helm.ApplyOptions{})
	latest, err := c.Get(t.Context(), ns, "app", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Rollback(t.Context(), ns, "app", latest.Revision, helm.ApplyOptions{Timeout: time.Minute})
	if !errors.As(err, &notReady) {
		t.Fatalf("got %v", err)
	}
	latest, err = c.Get(t.Context(), ns, "app", 0)
	if err != nil || latest.Status != "failed" {
		t.Errorf("got %+v, %v", latest.Meta, err)
	}
}

// What the rollback points of a kept run lead to stays, however many revisions
// are made later; what it made and failed at does not.
func TestHistoryKeepsRollbackPoints(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	for _, by := range []string{"old 0", "old 1", "kept 0", "kept 0", "kept 1", "by hand", "later 0", "later 1", "later 2", "later 3"} {
		run, step, _ := strings.Cut(by, " ")
		target.Base = install(t, c, target, helm.ApplyOptions{
			MaxHistory: 3, KeepRuns: map[string]bool{"kept": true},
			Labels: map[string]string{helm.LabelRun: run, helm.LabelStep: "tenant.x/" + step + "/upgrade"},
		})
	}
	history, err := c.History(t.Context(), ns, "app")
	if err != nil {
		t.Fatal(err)
	}
	var revisions []int
	for _, m := range history {
		revisions = append(revisions, m.Revision)
	}
	if diff := cmp.Diff([]int{10, 9, 8, 5, 4, 2}, revisions); diff != "" {
		t.Error(diff)
	}
	if r, err := c.Rollback(t.Context(), ns, "app", 2, helm.ApplyOptions{MaxHistory: 3, KeepRuns: map[string]bool{"kept": true}}); err != nil || r.Revision != 11 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	for range 5 {
		target.Base = install(t, c, target, helm.ApplyOptions{MaxHistory: 2, Keep: []int{1}})
	}
	history, err := c.History(t.Context(), ns, "app")
	if err != nil {
		t.Fatal(err)
	}
	var revisions []int
	for _, m := range history {
		revisions = append(revisions, m.Revision)
	}
	if diff := cmp.Diff([]int{6, 5, 1}, revisions); diff != "" {
		t.Error(diff)
	}
	if r, err := c.Rollback(t.Context(), ns, "app", 1, helm.ApplyOptions{}); err != nil || r.Revision != 7 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestUninstall(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	old := install(t, c, target, helm.ApplyOptions{})
	target.Base = old
	live := install(t, c, target, helm.ApplyOptions{})
	var stale *helm.StaleError
	if err := c.Uninstall(t.Context(), old, helm.ApplyOptions{}); !errors.As(err, &stale) || stale.Found != live.Revision {
		t.Errorf("uninstalled although it had changed: %v", err)
	}
	if _, err := k.Typed().AppsV1().Deployments(ns).Get(t.Context(), "app", metav1.GetOptions{}); err != nil {
		t.Errorf("the Deployment of a changed release: %v", err)
	}
	if err := c.Uninstall(t.Context(), live, helm.ApplyOptions{Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	_, err := k.Typed().AppsV1().Deployments(ns).Get(t.Context(), "app", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment is left: %v", err)
	}
	var gone *helm.NotFoundError
	if _, err := c.Get(t.Context(), ns, "app", 0); !errors.As(err, &gone) {
		t.Errorf("got %v", err)
	}
	if err := c.Uninstall(t.Context(), live, helm.ApplyOptions{}); !errors.As(err, &stale) || stale.Found != 0 {
		t.Errorf("got %v", err)
	}
}

func TestReleaseWithKeptHistoryIsInstalledAnew(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	storeRevision(t, helmsOwn(t, ns), target, 1, release.StatusUninstalled)
	var err error
	if target.Base, err = c.Get(t.Context(), ns, "app", 0); err != nil {
		t.Fatal(err)
	}
	if r := install(t, c, target, helm.ApplyOptions{}); r.Revision != 2 || r.Status != "deployed" {
		t.Errorf("got %+v", r.Meta)
	}
}

func TestDefinitionsComeFirst(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	group := strings.ReplaceAll(ns, "-", "") + ".example.com"
	ch := load(t, small.with(
		"crds/gadgets.yaml", `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.`+group+`}
spec:
  group: `+group+`
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, listKind: GadgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`,
		"templates/gadget.yaml", `
{{- if .Capabilities.APIVersions.Has "`+group+`/v1/Gadget" }}
apiVersion: `+group+`/v1
kind: Gadget
metadata: {name: one}
{{- end }}
`))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	first := install(t, c, target, helm.ApplyOptions{})
	t.Cleanup(func() {
		_ = k.Dynamic().Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}).
			Delete(context.Background(), "gadgets."+group, metav1.DeleteOptions{})
	})
	if !strings.Contains(first.Manifest.String(), "kind: Gadget") {
		t.Error("the template did not see the new kind")
	}
	target.Base = first
	rendered, err := c.Render(t.Context(), target)
	if err != nil || !strings.Contains(rendered.Manifest(), "kind: Gadget") {
		t.Errorf("the next render does not see it: %v", err)
	}
}

func TestForeignObjectIsNotTakenOver(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	install(t, c, helm.Target{Namespace: ns, Name: "one", Chart: load(t, small)}, helm.ApplyOptions{})
	ch := load(t, small.with("templates/clash.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"))
	_, err := c.Apply(t.Context(), helm.Target{Namespace: ns, Name: "two", Chart: ch}, helm.ApplyOptions{})
	var e *helm.ApplyError
	if !errors.As(err, &e) || e.Revision != 0 || !strings.Contains(err.Error(), `ConfigMap "one"`) {
		t.Errorf("got %v", err)
	}
	var gone *helm.NotFoundError
	if _, err := c.Get(t.Context(), ns, "two", 0); !errors.As(err, &gone) {
		t.Errorf("something was stored: %v", err)
	}
}

func TestRefusalOfTheServerHidesValues(t *testing.T) {
	t.Parallel()
	const canary = "Canary_0123456789"
	c, _, ns := connect(t)
	ch := load(t, small.with("templates/bad.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: bad, labels: {a: {{ .Values.note | quote }}}}\n"))
	_, err := c.Apply(t.Context(), helm.Target{Namespace: ns, Name: "app", Chart: ch, Values: values("note", canary+"!")}, helm.ApplyOptions{})
	var e *helm.ApplyError
	if !errors.As(err, &e) || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

func TestApplySendsFewRequests(t *testing.T) {
	t.Parallel()
	ns := sandboxtest.Namespace(t)
	r, c := record(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, small)}
	target.Base = install(t, c, target, helm.ApplyOptions{MaxHistory: 10})
	t.Logf("install: %d requests:\n%s", len(r.requests), strings.Join(r.take(), "\n"))
	target.Values = values("note", "two")
	install(t, c, target, helm.ApplyOptions{MaxHistory: 10})
	upgrade := r.take()
	t.Logf("upgrade: %d requests:\n%s", len(upgrade), strings.Join(upgrade, "\n"))
	if len(upgrade) > 18 {
		t.Errorf("an upgrade of three objects sent %d requests", len(upgrade))
	}
	asked := map[string]bool{}
	for _, r := range upgrade {
		if !strings.HasPrefix(r, "GET ") {
			clear(asked)
		}
		if asked[r] {
			t.Errorf("asked again although nothing was written: %s", r)
		}
		asked[r] = true
	}
}
