package plan

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestQuotaIsKubernetesOwn makes real rollouts under real quotas: what the
// simulation calls fitting completes, what it refuses stalls with refused pods.
func TestQuotaIsKubernetesOwn(t *testing.T) {
	t.Parallel()
	zero := "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"
	one := "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}"
	recreate := "strategy: {type: Recreate}"
	for name, c := range map[string]struct {
		before, after string
		fits          bool
	}{
		"adapter and worker":    {tenantOf("1", "1"), tenantOf("2", "1"), true},
		"dashboard":             {tenantOf("1", "1"), tenantOf("1", "2"), false},
		"set":                   {quotaOf("limits.cpu: 1") + runs("StatefulSet", "a", "1", "1"), quotaOf("limits.cpu: 1") + runs("StatefulSet", "a", "2", "1"), true},
		"recreate":              {quotaOf("limits.cpu: 1") + runs("Deployment", "a", "1", "1", recreate), quotaOf("limits.cpu: 1") + runs("Deployment", "a", "2", "1", recreate), true},
		"without surge":         {quotaOf("limits.cpu: 1") + runs("Deployment", "a", "1", "1", zero), quotaOf("limits.cpu: 1") + runs("Deployment", "a", "2", "1", zero), true},
		"two replicas":          {quotaOf("limits.cpu: 2") + runs("Deployment", "a", "1", "1", "replicas: 2", one), quotaOf("limits.cpu: 2") + runs("Deployment", "a", "2", "1", "replicas: 2", one), true},
		"three replicas":        {quotaOf("limits.cpu: 3") + runs("Deployment", "a", "1", "1", "replicas: 3"), quotaOf("limits.cpu: 3") + runs("Deployment", "a", "2", "1", "replicas: 3"), false},
		"pods counted":          {quotaOf("pods: 1") + runs("Deployment", "a", "1", "1"), quotaOf("pods: 1") + runs("Deployment", "a", "2", "1"), false},
		"grows":                 {quotaOf("limits.cpu: 3") + runs("Deployment", "a", "1", "1"), quotaOf("limits.cpu: 3") + runs("Deployment", "a", "1", "1", "replicas: 4"), false},
		"one after the other":   {quotaOf("limits.cpu: 3") + runs("Deployment", "a", "1", "1") + runs("Deployment", "b", "1", "1"), quotaOf("limits.cpu: 3") + runs("Deployment", "a", "2", "1") + runs("Deployment", "b", "2", "1"), true},
		"quota grows in time":   {quotaOf("limits.cpu: 1") + runs("Deployment", "a", "1", "1"), quotaOf("limits.cpu: 2") + runs("Deployment", "a", "2", "1"), true},
		"quota without a limit": {quotaOf("limits.memory: 1Gi"), quotaOf("limits.memory: 1Gi") + runs("Deployment", "a", "1", "1"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := sandboxtest.Namespace(t)
			fits := true
			for _, s := range simulateQuota(namespace, nil, []Turn{turn(t, "tenant.acme", c.before, c.after)}, nil) {
				fits = fits && s.Severity != Error
			}
			if fits != c.fits {
				t.Errorf("the simulation says that it fits: %v", fits)
			}
			applyAll(t, namespace, c.before)
			sandboxtest.Eventually(t, func(ctx context.Context) error { return rolledOut(ctx, t, namespace, c.before) })
			applyAll(t, namespace, c.after)
			if c.fits {
				sandboxtest.Eventually(t, func(ctx context.Context) error { return rolledOut(ctx, t, namespace, c.after) })
				return
			}
			sandboxtest.Eventually(t, func(ctx context.Context) error { return refusedPods(ctx, t, namespace) })
			// Nothing else moves in the namespace, so nothing makes room later.
			if err := rolledOut(t.Context(), t, namespace, c.after); err == nil {
				t.Error("everything rolled out, although pods were refused")
			}
		})
	}
}

// applyAll applies a manifest, quotas first, as Helm does, and waits until the
// quotas hold.
func applyAll(t *testing.T, namespace, text string) {
	t.Helper()
	for _, o := range manifest(t, text) {
		resource, u := resourceOf(t, o, namespace)
		if _, err := resource.Apply(t.Context(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "test", Force: true}); err != nil {
			t.Fatal(err)
		}
		if u.GetKind() != "ResourceQuota" {
			continue
		}
		want := fmt.Sprint(amountsText(valueAt(o, "spec", "hard")))
		sandboxtest.Eventually(t, func(ctx context.Context) error {
			live, err := resource.Get(ctx, u.GetName(), metav1.GetOptions{})
			if err != nil {
				return err
			}
			if got := fmt.Sprint(amountsText(valueAt(live.Object, "status", "hard"))); got != want {
				return fmt.Errorf("the quota holds %s, not %s", got, want)
			}
			return nil
		})
	}
}

func amountsText(v any) map[string]string {
	out := map[string]string{}
	for name, q := range amountsOf(v) {
		out[name] = plain(q)
	}
	return out
}

// rolledOut says what of a manifest's workloads is not at its template yet.
func rolledOut(ctx context.Context, t *testing.T, namespace, text string) error {
	for _, o := range manifest(t, text) {
		if kindOf(o) == "ResourceQuota" {
			continue
		}
		resource, u := resourceOf(t, o, namespace)
		live, err := resource.Get(ctx, u.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		status := func(field string) int64 {
			n, _, _ := unstructured.NestedInt64(live.Object, "status", field)
			return n
		}
		want := int64(number(valueAt(o, "spec", "replicas"), 1))
		if status("observedGeneration") != live.GetGeneration() || status("updatedReplicas") != want || status("readyReplicas") != want || status("replicas") != want {
			return fmt.Errorf("%s %s: %v", u.GetKind(), u.GetName(), live.Object["status"])
		}
	}
	return nil
}

// refusedPods wants an event that a quota refused a pod.
func refusedPods(ctx context.Context, t *testing.T, namespace string) error {
	events, err := sandboxtest.Client(t).CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.Reason == "FailedCreate" && (strings.Contains(e.Message, "exceeded quota") || strings.Contains(e.Message, "failed quota")) {
			return nil
		}
	}
	return fmt.Errorf("none of %d events tells of a refused pod", len(events.Items))
}
