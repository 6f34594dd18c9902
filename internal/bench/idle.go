package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// idle makes the API server give every workload no replicas, and returns when
// it does.
func (b *builder) idle(ctx context.Context) error {
	policy, err := files.ReadFile("files/idle.yaml")
	if err != nil {
		return fmt.Errorf("read the policy for idle workloads: %w", err)
	}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(policy), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := documents.Decode(o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the policy for idle workloads: %w", err)
		}
		mapping, err := b.cluster.Mapper().RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
		if err != nil {
			return fmt.Errorf("find the resource of a %s: %w", o.GetKind(), err)
		}
		_, err = b.cluster.Dynamic().Resource(mapping.Resource).Create(ctx, o, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create the %s for idle workloads: %w", o.GetKind(), err)
		}
	}
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, time.Minute, true, b.isIdle)
	if err != nil {
		return fmt.Errorf("wait until workloads are idle: %w", err)
	}
	return nil
}

// isIdle asks the API server what it would make of a Deployment.
func (b *builder) isIdle(ctx context.Context) (bool, error) {
	labels := map[string]string{"app": "probe"}
	one := int32(1)
	probe := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}},
			},
		},
	}
	made, err := b.cluster.Typed().AppsV1().Deployments(metav1.NamespaceDefault).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return false, err
	}
	return *made.Spec.Replicas == 0, nil
}
