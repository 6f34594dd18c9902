package helm

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// fieldManager is whose fields those of a dry run would be.
const fieldManager = "soctalk"

var dryRunAll = []string{metav1.DryRunAll}

// drift compares an object of the stored manifest with the live one.
func (in *inspector) drift(ctx context.Context, o placed) error {
	live, err := in.live.get(ctx, o.ref)
	if err != nil {
		return err
	}
	want, schema := expected(o)
	if live != nil {
		if len(differences(want, live.Object, schema)) == 0 {
			return nil
		}
		// What was listed tells nothing of who wrote it, and may be old by now.
		if live, err = in.live.read(ctx, o.ref); err != nil {
			return err
		}
	}
	if live == nil {
		if !passes(o) {
			in.found(Finding{Kind: FindingDrift, Missing: true}, &o)
		}
		in.drifted[o.ref] = true
		return nil
	}
	all := differences(want, live.Object, schema)
	for _, t := range in.unattainable(ctx, o, live) {
		all = slices.DeleteFunc(all, func(d trail) bool { return d.String() == t })
	}
	if len(all) == 0 {
		return nil
	}
	in.drifted[o.ref] = true
	_, unknown := o.versioned().(runtime.Unstructured)
	f := Finding{Kind: FindingDrift, Kept: unknown}
	var writers []string
	for _, t := range all {
		f.Paths = append(f.Paths, t.String())
		if w := writerOf(live.GetManagedFields(), t); w != "" && !slices.Contains(writers, w) {
			writers = append(writers, w)
		}
	}
	slices.Sort(writers)
	f.By = strings.Join(writers, ", ")
	in.found(f, &o)
	return nil
}

// unattainable are the fields that would still differ if the manifest were
// applied again: the API server, or an admission webhook, writes them in its
// own way. Who may not ask finds none.
func (in *inspector) unattainable(ctx context.Context, o placed, live *unstructured.Unstructured) []string {
	patch, kind, err := restoring(o, live)
	if err != nil {
		return nil
	}
	after := live
	if patch != nil {
		after, err = in.client.cluster.Dynamic().Resource(o.ref.resource).Namespace(o.ref.namespace).
			Patch(ctx, o.ref.name, kind, patch, metav1.PatchOptions{DryRun: dryRunAll, FieldManager: fieldManager})
		if err != nil {
			return nil
		}
	}
	want, schema := expected(o)
	var paths []string
	for _, t := range differences(want, after.Object, schema) {
		paths = append(paths, t.String())
	}
	return paths
}

// passes says whether an object goes by itself when it is done.
func passes(o placed) bool {
	_, ends, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "ttlSecondsAfterFinished")
	return o.GetKind() == "Job" && ends
}
