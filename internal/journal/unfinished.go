package journal

import (
	"context"
	"fmt"

	"github.com/soctalk/fleet/internal/kube"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Unfinished returns the newest run of a fleet if there is something left of it
// that another plan would not do: it has not come to its end, or it brought what
// its checks did not prove. Otherwise it returns nil. Of the runs it lists the
// metadata alone.
func Unfinished(ctx context.Context, k *kube.Cluster, namespace string) (*Run, error) {
	heads, err := k.Metadata().Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.Set{labelPart: partRun}.String()})
	if err != nil {
		return nil, fmt.Errorf("read the runs in namespace %s: %w", namespace, k.Explain(err))
	}
	var id, state string
	for _, head := range heads.Items {
		if newer := head.Labels[labelRun]; newer > id {
			id, state = newer, head.Labels[labelState]
		}
	}
	if id == "" || state == string(Complete) || state == string(Unreadable) {
		return nil, nil
	}
	run, err := find(ctx, k, namespace, id)
	if err != nil {
		return nil, err
	}
	if run.State == Failed && len(run.Unproven) == 0 {
		return nil, nil
	}
	return run, NoteCutOff(ctx, k, namespace, run)
}
