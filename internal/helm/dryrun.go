package helm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// dryRun asks the API server for everything that an upgrade would send.
func (in *inspector) dryRun(ctx context.Context) error {
	t := &trial{inspector: in, absent: map[string]int{}, untried: map[string]int{}}
	t.offered()
	if len(in.stored) == 0 {
		if err := t.namespace(ctx); err != nil {
			return err
		}
	}
	for _, o := range in.want {
		stored, had := among(in.stored, o)
		switch {
		case in.pending(o.Unstructured):
			t.later(o.Unstructured)
		case in.remade(o):
		case t.absent[o.ref.namespace] > 0:
			t.absent[o.ref.namespace]++
		case had && sameObject(stored, o) && !in.drifted[stored.ref]:
		default:
			if err := t.try(ctx, o, stored, had); err != nil {
				return err
			}
		}
	}
	t.tell()
	return nil
}

// offered refuses kinds that the cluster does not have: Helm stops at the first
// one, be it in the new manifest or the old.
func (t *trial) offered() {
	for _, o := range t.storedUnknown {
		t.found(Finding{Kind: FindingRefused, Message: fmt.Sprintf(
			"the live revision holds %s %s of %s, which the cluster no longer offers: Helm cannot read it, and so upgrades nothing", o.GetKind(), o.GetName(), o.GetAPIVersion())}, nil)
	}
	for _, o := range t.wantUnknown {
		if t.pending(o) {
			t.later(o)
			continue
		}
		t.findings = append(t.findings, Finding{Kind: FindingRefused, ObjectKind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName(),
			Message: fmt.Sprintf("the cluster does not offer %s of %s", o.GetKind(), o.GetAPIVersion())})
	}
}

func (t *trial) later(o *unstructured.Unstructured) {
	t.untried["the definition of "+o.GetKind()+" comes first"]++
}

// pending says whether the object's definition changes before the upgrade.
func (in *inspector) pending(o *unstructured.Unstructured) bool {
	gvk := o.GroupVersionKind()
	return slices.ContainsFunc(in.release.CRDs, func(crd *unstructured.Unstructured) bool {
		group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
		return group == gvk.Group && kind == gvk.Kind
	})
}

// remade says whether an earlier step deletes the object and makes it anew.
func (in *inspector) remade(o placed) bool {
	return o.GetKind() == "Job" && slices.ContainsFunc(in.release.Remade, func(r *unstructured.Unstructured) bool {
		return r.GetKind() == "Job" && r.GetName() == o.GetName() && (r.GetNamespace() == "" || r.GetNamespace() == o.ref.namespace)
	})
}

// trial is the dry run of one release.
type trial struct {
	*inspector
	// absent counts the objects of namespaces that do not exist, plus one.
	absent map[string]int
	// untried counts other objects, by reason.
	untried map[string]int
	scrub   *scrubber
}

// namespace looks whether the namespace of an install exists. Helm makes it
// where it does not.
func (t *trial) namespace(ctx context.Context) error {
	name := t.release.Namespace
	namespaces := t.client.cluster.Typed().CoreV1().Namespaces()
	_, err := namespaces.Get(ctx, name, metav1.GetOptions{})
	if err == nil || apierrors.IsForbidden(err) {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading namespace %s: %w", name, t.client.cluster.ExplainRead(err))
	}
	t.absent[name] = 1
	if slices.ContainsFunc(t.want, func(o placed) bool { return o.GetKind() == "Namespace" && o.GetName() == name }) {
		return nil
	}
	_, err = namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"name": name}}},
		metav1.CreateOptions{DryRun: dryRunAll, FieldManager: fieldManager})
	if err == nil {
		return nil
	}
	verdict, err := t.judge(err, nil)
	if err != nil {
		return err
	}
	verdict.ObjectKind, verdict.Name = "Namespace", name
	t.findings = append(t.findings, verdict)
	return nil
}

// try asks for one object as Helm does: it creates what does not exist, takes
// over only what is the release's, and patches the rest.
func (t *trial) try(ctx context.Context, o, stored placed, had bool) error {
	sent := owned(o, t.release.Namespace, t.release.Name)
	var live *unstructured.Unstructured
	var err error
	switch {
	case had && stored.ref == o.ref:
		live, err = t.live.get(ctx, o.ref)
	case had: // in the new manifest's version
		live, err = t.live.read(ctx, o.ref)
	}
	if err != nil {
		return err
	}
	client := t.client.cluster.Dynamic().Resource(o.ref.resource).Namespace(o.ref.namespace)
	if live == nil {
		_, err = client.Create(ctx, sent.Unstructured, metav1.CreateOptions{DryRun: dryRunAll, FieldManager: fieldManager})
		if !apierrors.IsAlreadyExists(err) {
			return t.answer(err, o, nil)
		}
		if live, err = t.live.read(ctx, o.ref); err != nil || live == nil {
			return err
		}
		if !had && !belongs(live, t.release.Namespace, t.release.Name) {
			t.found(Finding{Kind: FindingRefused, Message: "it exists already and is not this release's, so Helm does not touch it: remove it, or label and annotate it for Helm to adopt"}, &o)
			return nil
		}
	}
	if !had {
		stored = sent
	}
	patch, kind, err := patchFor(stored, sent, live)
	if err != nil {
		t.found(Finding{Kind: FindingRefused, Message: "Helm cannot work out what to change: " + t.text(err.Error(), o, live)}, &o)
		return nil
	}
	if patch == nil {
		return nil
	}
	_, err = client.Patch(ctx, o.ref.name, kind, patch, metav1.PatchOptions{DryRun: dryRunAll, FieldManager: fieldManager})
	return t.answer(err, o, live)
}

// answer notes what the API server made of an object. Its error is that there
// was no answer.
func (t *trial) answer(err error, o placed, live *unstructured.Unstructured) error {
	switch {
	case err == nil:
		return nil
	case namespaceMissing(err):
		t.absent[o.ref.namespace] = 2
		return nil
	case t.waits(err):
		t.untried["others of this release come first"]++
		return nil
	}
	f, err := t.judge(err, func(text string) string { return t.text(text, o, live) })
	if err != nil {
		return fmt.Errorf("trying %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	if live != nil && o.GetKind() == "StatefulSet" {
		if fixed := fixedFields(o, live); len(fixed) > 0 && slices.Contains(f.Paths, "spec") {
			f.Paths = fixed
			f.Message = strings.Join(fixed, " and ") + " cannot be changed in a live StatefulSet"
		}
	}
	t.found(f, &o)
	return nil
}

// judge makes a finding of an API error, and returns it as it is where it says
// nothing about the request.
func (t *trial) judge(err error, scrub func(string) string) (Finding, error) {
	if scrub == nil {
		scrub = t.scrubber(nil, nil).text
	}
	message, paths, refused := refusal(err)
	if !refused {
		return Finding{}, t.client.cluster.ExplainRead(err)
	}
	return Finding{Kind: FindingRefused, Message: shorten(scrub(message)), Paths: paths}, nil
}

func (t *trial) text(s string, o placed, live *unstructured.Unstructured) string {
	return t.scrubber(&o, live).text(s)
}

// scrubber hides the release's values and what its Secrets hold, and of the
// object itself all that a person may have put there.
func (t *trial) scrubber(o *placed, live *unstructured.Unstructured) *scrubber {
	if t.scrub == nil {
		hide := make([]any, len(t.release.Hide))
		for i, v := range t.release.Hide {
			hide[i] = v
		}
		show := append([]string{t.release.Namespace, t.release.Name}, t.release.Show...)
		t.scrub = newScrubber(map[string]any{"values": hide}, show...).
			and(secretTexts(t.release.Want)).and(secretTexts(t.release.Stored))
	}
	if o == nil {
		return t.scrub
	}
	texts := ownTexts(o.Object)
	if live != nil {
		texts = append(texts, ownTexts(live.Object)...)
		texts = append(texts, secretTexts([]*unstructured.Unstructured{live})...)
	}
	return t.scrub.and(texts)
}

// ownTexts are the annotations of an object and of its pods, and what its
// containers get as environment.
func ownTexts(object map[string]any) []string {
	var all []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				if k == "annotations" || k == "env" {
					walkStrings(e, func(s string) { all = append(all, s) })
				} else {
					walk(e)
				}
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(object)
	return all
}

// waits says whether an object is refused for want of another that the same
// release creates or changes: in a dry run that is never there.
func (t *trial) waits(err error) bool {
	text := preamble.ReplaceAllString(err.Error(), "")
	absent := strings.Contains(text, "not found") || strings.Contains(text, "was found")
	for _, o := range t.want {
		stored, had := among(t.stored, o)
		if had && reflect.DeepEqual(stored.Object["spec"], o.Object["spec"]) {
			continue
		}
		switch {
		case absent && !had && replaceWord(text, o.GetName()) != text:
			return true
		case o.GetKind() == "ResourceQuota" && strings.Contains(text, "exceeded quota: "+o.GetName()+","):
			return true
		case o.GetKind() == "LimitRange" && limited.MatchString(text):
			return true
		}
	}
	return false
}

// tell makes one finding of all that could not be tried.
func (t *trial) tell() {
	var parts []string
	for _, namespace := range slices.Sorted(maps.Keys(t.absent)) {
		if n := t.absent[namespace] - 1; n > 0 {
			parts = append(parts, fmt.Sprintf("%s: namespace %s does not exist yet", objects(n), namespace))
		}
	}
	for _, why := range slices.Sorted(maps.Keys(t.untried)) {
		parts = append(parts, fmt.Sprintf("%s: %s", objects(t.untried[why]), why))
	}
	if len(parts) > 0 {
		t.found(Finding{Kind: FindingUntried, Message: strings.Join(parts, "; ")}, nil)
	}
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// owned is the object with the marks that Helm puts on what it sends.
func owned(o placed, namespace, release string) placed {
	o.Unstructured = o.DeepCopy()
	o.SetLabels(with(o.GetLabels(), managedByLabel, managedByHelm))
	o.SetAnnotations(with(o.GetAnnotations(), releaseNameAnnotation, release, releaseNamespaceAnnotation, namespace))
	return o
}

func with(m map[string]string, pairs ...string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

const (
	releaseNameAnnotation      = "meta.helm.sh/release-name"
	releaseNamespaceAnnotation = "meta.helm.sh/release-namespace"
)

func belongs(live *unstructured.Unstructured, namespace, release string) bool {
	a := live.GetAnnotations()
	return live.GetLabels()[managedByLabel] == managedByHelm && a[releaseNameAnnotation] == release && a[releaseNamespaceAnnotation] == namespace
}

// fixedFields are the fields of a StatefulSet that differ and that Kubernetes
// does not let change.
func fixedFields(o placed, live *unstructured.Unstructured) []string {
	want, schema := expected(o)
	var fixed []string
	for _, t := range differences(want, live.Object, schema) {
		if len(t) < 2 || t[0].field != "spec" || slices.Contains(changeable, t[1].field) {
			continue
		}
		if path := "spec." + t[1].field; !slices.Contains(fixed, path) {
			fixed = append(fixed, path)
		}
	}
	return fixed
}

// changeable are the fields of a StatefulSet's spec that may change.
var changeable = []string{"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}

// namespaceMissing says whether an object was refused because its namespace
// does not exist.
func namespaceMissing(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	d := status.Status().Details
	return d != nil && d.Kind == "namespaces"
}
