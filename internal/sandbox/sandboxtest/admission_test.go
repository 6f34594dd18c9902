package sandboxtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestQuotaAndLimits(t *testing.T) {
	t.Parallel()
	namespace, client := sandboxtest.Namespace(t), sandboxtest.Client(t)
	limits := object[corev1.LimitRange](t, `
metadata: {name: limits}
spec: {limits: [{type: Container, defaultRequest: {cpu: 100m}}]}
`)
	if _, err := client.CoreV1().LimitRanges(namespace).Create(t.Context(), limits, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	quota := object[corev1.ResourceQuota](t, `
metadata: {name: quota}
spec: {hard: {requests.cpu: 150m}}
`)
	if _, err := client.CoreV1().ResourceQuotas(namespace).Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// The limits reach the admission plugin through its cache.
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		p, err := client.CoreV1().Pods(namespace).Create(ctx, bare("dry"), metav1.CreateOptions{DryRun: []string{"All"}})
		if err == nil && p.Spec.Containers[0].Resources.Requests.Cpu().String() != "100m" {
			err = fmt.Errorf("the container requests %v", p.Spec.Containers[0].Resources.Requests)
		}
		return err
	})
	if _, err := client.CoreV1().Pods(namespace).Create(t.Context(), bare("first"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := client.CoreV1().Pods(namespace).Create(t.Context(), bare("second"), metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "exceeded quota") {
		t.Errorf("a pod beyond the quota: %v", err)
	}
}

func TestValidatingAdmissionPolicy(t *testing.T) {
	t.Parallel()
	namespace, client := sandboxtest.Namespace(t), sandboxtest.Client(t)
	policy := object[admissionv1.ValidatingAdmissionPolicy](t, `
metadata: {name: %[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: "object.metadata.name != 'forbidden'", message: not that one}]
`, namespace)
	binding := object[admissionv1.ValidatingAdmissionPolicyBinding](t, `
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, namespace)
	policies, bindings := client.AdmissionregistrationV1().ValidatingAdmissionPolicies(), client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	if _, err := policies.Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = policies.Delete(context.Background(), namespace, metav1.DeleteOptions{}) }()
	if _, err := bindings.Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bindings.Delete(context.Background(), namespace, metav1.DeleteOptions{}) }()
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		forbidden := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "forbidden"}}
		_, err := client.CoreV1().ConfigMaps(namespace).Create(ctx, forbidden, metav1.CreateOptions{DryRun: []string{"All"}})
		if err == nil || !strings.Contains(err.Error(), "not that one") {
			return fmt.Errorf("the policy does not refuse: %v", err)
		}
		return nil
	})
}

func bare(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}},
	}
}
