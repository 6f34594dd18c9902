package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestQuotaOfWhatWasScaled plays rollouts of workloads that somebody scaled, and
// makes them under real quotas: pods that Helm takes away leave their room to the
// rollout, and those of a number that the chart leaves open do not.
func TestQuotaOfWhatWasScaled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quota, worker string
		pods          int    // as many as fit of 3
		after         string // the worker's version
		fits          bool
		why           string
	}{
		"taken back, and rolls":       {"limits.cpu: 3", "replicas: 1", 2, "2", true, "Deployment worker was scaled to 3 beside Helm, and the upgrade takes it back to 1"},
		"taken back, another rolls":   {"limits.cpu: 3015m", "replicas: 1", 3, "1", true, "Deployment worker was scaled to 3 beside Helm, and the upgrade takes it back to 1"},
		"stays, and leaves no room":   {"limits.cpu: 3500m", "", 3, "2", false, "Deployment worker runs 3 pods, since the chart leaves the number to whoever scales it"},
		"taken back, and yet no room": {"limits.cpu: 3", "replicas: 3", 2, "2", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := sandboxtest.Namespace(t)
			text := func(worker, other string) string {
				return quotaOf(c.quota) + runs("Deployment", "worker", worker, "1", c.worker) + runs("Deployment", "other", other, "10m")
			}
			before, after := text("1", "1"), text(c.after, "2")
			// Pods of the other would find no room if the worker's came first.
			first := quotaOf(c.quota) + runs("Deployment", "other", "1", "10m")
			applyAll(t, namespace, first)
			sandboxtest.Eventually(t, func(ctx context.Context) error { return rolledOut(ctx, t, namespace, first) })
			applyAll(t, namespace, before)
			scales := sandboxtest.Client(t).AppsV1().Deployments(namespace)
			scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "worker", Namespace: namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 3}}
			if _, err := scales.UpdateScale(t.Context(), "worker", scale, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			var quotas []Object
			sandboxtest.Eventually(t, func(ctx context.Context) error {
				quotas = nil
				for _, o := range manifest(t, quotaOf(c.quota)) {
					resource, u := resourceOf(t, o, namespace)
					live, err := resource.Get(ctx, u.GetName(), metav1.GetOptions{})
					if err != nil {
						return err
					}
					quotas = append(quotas, live.Object)
				}
				worker, err := scales.Get(ctx, "worker", metav1.GetOptions{})
				if err != nil {
					return err
				}
				used := quantityOf(valueAt(quotas[0], "status", "used", "limits.cpu"))
				if n := int(worker.Status.Replicas); n != c.pods || used.MilliValue() != int64(n)*1000+10 {
					return fmt.Errorf("%d pods, %s used", n, used.String())
				}
				return nil
			})
			turns := []Turn{turnOf("tenant.acme", namespace, manifest(t, before), manifest(t, after), changedObjects(manifest(t, before), manifest(t, after), nil))}
			found := simulateQuota(namespace, quotas, turns, map[string]Scale{"Deployment/worker": {Asked: 3, Pods: c.pods}, "Deployment/other": {Asked: 1, Pods: 1}})
			if fits := !slices.ContainsFunc(found, func(s Shortage) bool { return s.Severity == Error }); fits != c.fits {
				t.Errorf("the simulation says that it fits: %v: %+v", fits, found)
			}
			for _, s := range found {
				if !strings.Contains(s.Detail, c.why) {
					t.Errorf("it does not tell why: %s", s.Detail)
				}
			}
			blind := simulateQuota(namespace, quotas, turns, nil)
			if !slices.ContainsFunc(blind, func(s Shortage) bool { return s.Severity == Error }) {
				t.Error("it takes no look at the live workloads to know that")
			}
			applyAll(t, namespace, after)
			if c.fits {
				sandboxtest.Eventually(t, func(ctx context.Context) error { return rolledOut(ctx, t, namespace, after) })
			} else {
				sandboxtest.Eventually(t, func(ctx context.Context) error { return refusedPods(ctx, t, namespace) })
			}
		})
	}
}
