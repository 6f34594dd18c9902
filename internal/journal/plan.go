package journal

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// perPart is how much of a plan a Secret holds; the API server takes 1 MiB.
	perPart = 900 << 10
	// mostPlan bounds a plan after decompression, as planfile does.
	mostPlan = 512 << 20

	planType = "soctalk.io/plan"
	partKey  = "part"
	keyKey   = "key"
)

// keepPlan stores a plan file in Secrets. Its key is stored with it, because the
// system release that it is made from changes in the run: who may read these
// Secrets may read that release, and with it the key, too.
func (j *Journal) keepPlan(ctx context.Context, run string, file []byte, key plan.Key) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(file); err != nil {
		return fmt.Errorf("compress the plan: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress the plan: %w", err)
	}
	fixed := true
	parts := slices.Collect(slices.Chunk(packed.Bytes(), perPart))
	// The first part comes last: who finds it finds all.
	for i := len(parts) - 1; i >= 0; i-- {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: planName(run, i), Labels: map[string]string{labelRun: run, labelPart: partPlan}},
			Type:       planType, Immutable: &fixed,
			Data: map[string][]byte{partKey: parts[i]},
		}
		if i == 0 {
			secret.Data[keyKey], secret.Data["parts"] = key, fmt.Append(nil, len(parts))
		}
		if _, err := j.k.Typed().CoreV1().Secrets(j.namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("keep the plan in Secret %s/%s: %w", j.namespace, secret.Name, j.k.Explain(err))
		}
	}
	return nil
}

// NoPlanError says that the plan of a run is gone, and with it what the run did
// step by step: see [Journal.Prune].
type NoPlanError struct{ Run, Namespace string }

func (e *NoPlanError) Error() string {
	return fmt.Sprintf("the plan and the steps of run %s are not kept any more in namespace %s", e.Run, e.Namespace)
}

// Plan returns the plan file of a run and its key, or a [NoPlanError].
func Plan(ctx context.Context, k *kube.Cluster, namespace, run string) ([]byte, plan.Key, error) {
	var packed []byte
	var key plan.Key
	for i, count := 0, 1; i < count; i++ {
		secret, err := k.Typed().CoreV1().Secrets(namespace).Get(ctx, planName(run, i), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, nil, &NoPlanError{run, namespace}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the plan of run %s: %w", run, k.Explain(err))
		}
		if i == 0 {
			key = secret.Data[keyKey]
			if _, err := fmt.Sscan(string(secret.Data["parts"]), &count); err != nil {
				return nil, nil, fmt.Errorf("read the plan of run %s: Secret %s/%s does not say how many parts it has", run, namespace, secret.Name)
			}
		}
		packed = append(packed, secret.Data[partKey]...)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, nil, fmt.Errorf("read the plan of run %s: %w", run, err)
	}
	file, err := io.ReadAll(io.LimitReader(z, mostPlan))
	if err != nil {
		return nil, nil, fmt.Errorf("read the plan of run %s: %w", run, err)
	}
	return file, key, nil
}

func planName(run string, part int) string { return fmt.Sprintf("%s-plan-%d", objectName(run), part) }
