package helm

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	hkube "helm.sh/helm/v3/pkg/kube"
)

// The kinds of [Finding].
const (
	// FindingRefused is what the cluster would not take.
	FindingRefused = "refused"
	// FindingUntried is what cannot be known before the upgrade.
	FindingUntried = "untried"
	// FindingDrift is a live object that is not what the revision made it.
	FindingDrift = "drift"
)

// Finding is one thing that the live cluster says about a release. It holds
// paths and the cluster's own sentences, never values.
type Finding struct {
	Kind string
	// ObjectKind, Namespace and Name are the object's. They are empty when the
	// finding is about the release as a whole; cluster-wide objects have no
	// namespace.
	ObjectKind, Namespace, Name string
	// Message says what is refused or could not be tried, and why.
	Message string
	// Paths are the fields, as spec.template.spec.containers[main].image.
	Paths []string
	// By names who wrote the drifted fields last, as far as the object tells.
	By string
	// Missing says that the object does not exist.
	Missing bool
	// Kept says that an upgrade leaves the drifted fields as they are unless
	// the chart's own value changes: Helm treats custom resources so. It
	// overwrites those of all other kinds.
	Kept bool
}

// LiveRelease is a release to hold against the cluster.
type LiveRelease struct {
	Namespace, Name string
	// Stored is the manifest of the live revision, empty on install.
	Stored []*unstructured.Unstructured
	// Want is what the upgrade would send. Nil: only drift is looked for.
	Want []*unstructured.Unstructured
	// CRDs are definitions that are created or changed before the upgrade:
	// their resources cannot be tried yet.
	CRDs []*unstructured.Unstructured
	// Remade are objects that an earlier step makes anew, such as those of a
	// migration's template; Jobs among them are left out.
	Remade []*unstructured.Unstructured
	// Hide are values that must not come through in a message, Show the names
	// that may, such as the chart's.
	Hide []map[string]any
	Show []string
}

// Inspection is what was found out about one release.
type Inspection struct {
	Findings []Finding
	// Err is set when the release could not be looked at to the end.
	Err error
}

// Inspect holds releases against the live cluster: it reports what differs from
// the stored manifests, and what of an upgrade the API server, asked with a
// dry run, would refuse. Nothing is changed; hooks are not tried. The result is
// in the order of the releases.
//
// It reads kind by kind, in pages, and asks one request more for each object
// that is created, changed or drifted.
func (c *Client) Inspect(ctx context.Context, releases []LiveRelease, parallel int) ([]Inspection, error) {
	out := make([]Inspection, len(releases))
	inspectors := make([]*inspector, len(releases))
	var refs []ref
	for i, r := range releases {
		in := &inspector{client: c, release: r}
		inspectors[i] = in
		if in.stored, in.storedUnknown, out[i].Err = c.place(r.Namespace, r.Stored); out[i].Err != nil {
			continue
		}
		if in.want, in.wantUnknown, out[i].Err = c.place(r.Namespace, r.Want); out[i].Err != nil {
			continue
		}
		for _, o := range in.stored {
			refs = append(refs, o.ref)
		}
	}
	live, err := c.inventory(ctx, refs, parallel)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(parallel, 1))
	for i, in := range inspectors {
		if out[i].Err != nil {
			continue
		}
		in.live = live
		group.Go(func() error {
			if err := in.inspect(ctx); err != nil {
				out[i].Err = fmt.Errorf("inspecting release %s/%s: %w", in.release.Namespace, in.release.Name, err)
			}
			out[i].Findings = in.findings
			return ctx.Err()
		})
	}
	return out, group.Wait()
}

// inspector looks at one release.
type inspector struct {
	client  *Client
	release LiveRelease
	live    *inventory

	stored, want               []placed
	storedUnknown, wantUnknown []*unstructured.Unstructured

	findings []Finding
	// drifted are the objects that an upgrade touches even where the chart
	// stays as it is.
	drifted map[ref]bool
}

func (in *inspector) inspect(ctx context.Context) error {
	in.drifted = map[ref]bool{}
	for _, o := range in.stored {
		if err := in.drift(ctx, o); err != nil {
			return err
		}
	}
	if in.release.Want == nil {
		return nil
	}
	return in.dryRun(ctx)
}

func (in *inspector) found(f Finding, o *placed) {
	if o != nil {
		f.ObjectKind, f.Namespace, f.Name = o.GetKind(), o.ref.namespace, o.ref.name
	}
	in.findings = append(in.findings, f)
}

// ref says where an object lives; cluster-wide ones have no namespace.
type ref struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

// placed is an object of a manifest, with where it lives. It is a copy that
// tells its namespace.
type placed struct {
	*unstructured.Unstructured
	ref     ref
	mapping *meta.RESTMapping
}

// versioned is the object in the type of its kind, or unstructured where Helm
// knows none.
func (p placed) versioned() any {
	return hkube.AsVersioned(&resource.Info{Object: p.Unstructured, Mapping: p.mapping})
}

// place finds out where objects live. Those of kinds that the cluster does not
// offer are returned apart, those without a name of their own not at all.
func (c *Client) place(namespace string, objects []*unstructured.Unstructured) (all []placed, unknown []*unstructured.Unstructured, err error) {
	for _, o := range objects {
		if o.GetName() == "" {
			continue
		}
		gvk := o.GroupVersionKind()
		mapping, err := c.cluster.Mapper().RESTMapping(gvk.GroupKind(), gvk.Version)
		if meta.IsNoMatchError(err) {
			unknown = append(unknown, o)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("finding out what a %s is: %w", gvk.Kind, c.cluster.Explain(err))
		}
		p := placed{Unstructured: o.DeepCopy(), mapping: mapping, ref: ref{resource: mapping.Resource, name: o.GetName()}}
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			if p.ref.namespace = o.GetNamespace(); p.ref.namespace == "" {
				p.ref.namespace = namespace
			}
		}
		p.SetNamespace(p.ref.namespace)
		all = append(all, p)
	}
	return all, unknown, nil
}

func sameObject(a, b placed) bool { return reflect.DeepEqual(a.Object, b.Object) }

// among returns the object of the list at the same place.
func among(list []placed, o placed) (placed, bool) {
	i := slices.IndexFunc(list, func(p placed) bool {
		return p.ref.name == o.ref.name && p.ref.namespace == o.ref.namespace && p.ref.resource.GroupResource() == o.ref.resource.GroupResource()
	})
	if i < 0 {
		return placed{}, false
	}
	return list[i], true
}
