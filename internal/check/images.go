package check

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// Objects returns what a live release was rendered to.
type Objects func(ctx context.Context, r *schema.Release) ([]*unstructured.Unstructured, error)

func (s *Set) builtinImages(ctx context.Context, at subject) (finding, error) {
	st, err := s.state(ctx, at)
	if err != nil {
		return finding{}, err
	}
	if why := excused(schema.BuiltinImages, st); why != "" {
		return passedOver(why), nil
	}
	releases := []*schema.Release{at.release}
	if at.tenant != nil {
		for _, c := range at.tenant.Companions {
			releases = append(releases, &c.Release)
		}
	}
	in := &inspection{digests: map[string]string{}}
	for _, r := range releases {
		objects, err := s.objects(ctx, r)
		if err != nil {
			return finding{}, err
		}
		for _, o := range objects {
			if err := s.inspect(ctx, at, r, o, in); err != nil {
				return finding{}, err
			}
		}
	}
	switch {
	case in.wrong != "":
		return finding{text: in.wrong}, nil
	case in.containers == 0:
		return finding{}, errors.New("no container was found to look at, so nothing is known")
	}
	return finding{ok: true, text: fmt.Sprintf("%d containers run %d images as rendered", in.containers, len(in.digests))}, nil
}

// imagesNeeds is what that takes; companions are in the same namespace, and
// every plan reads manifests.
func (s *Set) imagesNeeds(at subject) needs {
	n := s.stateNeeds(at)
	n.here = append(n.here, kube.Doing(at.release.Namespace, "", "pods", "list")...)
	return n
}

// inspection is what was seen so far; wrong is the first thing that is.
type inspection struct {
	containers int
	digests    map[string]string // by image, what runs of it
	wrong      string
}

func (in *inspection) found(format string, args ...any) {
	if in.wrong == "" {
		in.wrong = fmt.Sprintf(format, args...)
	}
}

// workload is what Deployments, StatefulSets and DaemonSets have in common.
type workload struct {
	Spec struct {
		Replicas *int32                 `json:"replicas"`
		Selector *metav1.LabelSelector  `json:"selector"`
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

// inspect holds the pods of a workload against its template.
func (s *Set) inspect(ctx context.Context, at subject, r *schema.Release, o *unstructured.Unstructured, in *inspection) error {
	switch o.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return nil
	}
	name := o.GetKind() + " " + o.GetName()
	w := workload{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &w); err != nil {
		return fmt.Errorf("read %s of release %s: %w", name, r.Name, err)
	}
	if w.Spec.Replicas != nil && *w.Spec.Replicas == 0 {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(w.Spec.Selector)
	if err != nil || w.Spec.Selector == nil || selector.Empty() {
		return fmt.Errorf("read %s of release %s: it selects no pods", name, r.Name)
	}
	pods, err := s.pods(ctx, at, o.GetNamespace(), r.Namespace, selector)
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		in.found("%s has no pod", name)
	}
	for i := range pods {
		for _, c := range w.Spec.Template.Spec.Containers {
			in.container(&pods[i], c)
		}
	}
	return nil
}

func (s *Set) pods(ctx context.Context, at subject, namespace, otherwise string, selector labels.Selector) ([]corev1.Pod, error) {
	if namespace == "" {
		namespace = otherwise
	}
	k := s.kube(at)
	list, err := k.Typed().CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, fmt.Errorf("list the pods in namespace %s: %w", namespace, k.Explain(err))
	}
	var all []corev1.Pod
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			all = append(all, p)
		}
	}
	return all, nil
}

// container holds one container of a pod against the one that was rendered.
// Where the image is pinned by digest, that is what has to run; where it is a
// tag, all containers have to run the same, since a tag can be moved.
func (in *inspection) container(p *corev1.Pod, want corev1.Container) {
	what := fmt.Sprintf("container %s of pod %s", want.Name, p.Name)
	for _, c := range p.Spec.Containers {
		if c.Name == want.Name && c.Image != want.Image {
			in.found("%s is made of %s, rendered is %s", what, c.Image, want.Image)
			return
		}
	}
	for _, st := range p.Status.ContainerStatuses {
		if st.Name != want.Name {
			continue
		}
		running := digestOf(st.ImageID)
		_, pinned, _ := strings.Cut(want.Image, "@")
		switch before := in.digests[want.Image]; {
		case running == "":
			in.found("%s does not say which image it runs", what)
			return
		case pinned != "" && pinned != running:
			in.found("%s runs %s, rendered is %s", what, running, pinned)
		case before != "" && before != running:
			in.found("%s runs %s as %s, another runs it as %s: the tag was moved", what, want.Image, running, before)
		}
		in.digests[want.Image] = running
		in.containers++
		return
	}
	in.found("%s has not started", what)
}

// digestOf is the digest at the end of an image's id.
func digestOf(id string) string {
	i := strings.LastIndex(id, "sha256:")
	if i < 0 {
		return ""
	}
	return id[i:]
}
