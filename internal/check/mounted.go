package check

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/soctalk/fleet/internal/kube"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// mounted are the texts of the Secrets that a Job's pods are given: its output
// must not tell them. With an error they are not all, so nothing of the output
// can be shown.
func mounted(ctx context.Context, k *kube.Cluster, job *unstructured.Unstructured) ([]string, error) {
	secrets, err := secretsOf(job)
	if err != nil {
		return nil, err
	}
	var all []string
	var unread error
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		secret, err := k.Typed().CoreV1().Secrets(job.GetNamespace()).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) && !secrets[name] {
			continue // pods start without it
		}
		if err != nil {
			unread = cmp.Or(unread, fmt.Errorf("read Secret %s/%s: %w", job.GetNamespace(), name, k.Explain(err)))
			continue
		}
		for _, data := range secret.Data {
			all = append(all, string(data))
		}
	}
	return all, unread
}

// secretsOf are the names of the Secrets that a Job's pods are given, and
// whether any of them waits for it to be there.
func secretsOf(job *unstructured.Unstructured) (map[string]bool, error) {
	typed := batchv1.Job{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(job.Object, &typed); err != nil {
		return nil, fmt.Errorf("read which Secrets Job %s mounts: %w", job.GetName(), err)
	}
	p, needed := typed.Spec.Template.Spec, map[string]bool{}
	add := func(name string, optional *bool) {
		needed[name] = needed[name] || optional == nil || !*optional
	}
	for _, c := range append(append([]corev1.Container{}, p.InitContainers...), p.Containers...) {
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
				add(e.ValueFrom.SecretKeyRef.Name, e.ValueFrom.SecretKeyRef.Optional)
			}
		}
		for _, e := range c.EnvFrom {
			if e.SecretRef != nil {
				add(e.SecretRef.Name, e.SecretRef.Optional)
			}
		}
	}
	for _, v := range p.Volumes {
		if v.Secret != nil {
			add(v.Secret.SecretName, v.Secret.Optional)
		}
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.Secret != nil {
				add(source.Secret.Name, source.Secret.Optional)
			}
		}
	}
	return needed, nil
}

// withoutOutput takes what containers may have written off a reason: their last
// words, which end up in messages too, and what the answers to probes quote.
func withoutOutput(r *kube.Reason) {
	r.Events = nil
	for i := range r.Pods {
		p := &r.Pods[i]
		p.Logs = nil
		if p.LastExit != nil {
			p.Message = ""
		}
	}
}
