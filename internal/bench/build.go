package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/cli/values"
	"helm.sh/helm/v3/pkg/getter"
	hkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	htime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
)

const (
	// builders is how many releases are made at a time.
	builders = 8
	// entire is how many tenants get all their objects. Those beyond have their
	// revisions, and of their objects what a plan reads: making the rest would
	// take a quarter of an hour for 5,000.
	entire = 1000
)

// planned are the kinds of objects that a plan reads.
var planned = map[string]bool{"Secret": true, "ResourceQuota": true, "LimitRange": true}

// builder makes the live releases of a fleet.
type builder struct {
	fleet     fleet
	cluster   *kube.Cluster
	caps      *chartutil.Capabilities
	revisions int
}

// Build makes the system and n tenants live, each with the given number of
// revisions. What is there already is left alone; more tenants than n are an
// error, as they would cost the planner time that nobody asked about.
func Build(ctx context.Context, o Options, n int, progress io.Writer) error {
	f, err := writeFleet(o.fleetDir(n), o.Examples, o.Registry, n)
	if err != nil {
		return err
	}
	k, err := kube.New(kube.Config{Kubeconfig: o.Kubeconfig})
	if err != nil {
		return err
	}
	b := &builder{fleet: f, cluster: k, revisions: o.Revisions}
	there, err := b.there(ctx)
	if err != nil {
		return err
	}
	if tenants := len(there) - 1; tenants > n {
		return fmt.Errorf("the cluster holds %d tenants already, more than %d: take another sandbox", tenants, n)
	}
	if err := b.idle(ctx); err != nil {
		return err
	}
	if b.caps, err = capabilities(ctx, k); err != nil {
		return err
	}
	return b.all(ctx, n, there, progress)
}

// there returns the names of the releases that exist.
func (b *builder) there(ctx context.Context) (map[string]bool, error) {
	list, err := b.cluster.Metadata().Resource(corev1.SchemeGroupVersion.WithResource("secrets")).
		List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,status=deployed"})
	if err != nil {
		return nil, fmt.Errorf("list the releases: %w", err)
	}
	names := map[string]bool{}
	for _, item := range list.Items {
		names[item.Labels["name"]] = true
	}
	return names, nil
}

func capabilities(ctx context.Context, k *kube.Cluster) (*chartutil.Capabilities, error) {
	v, err := k.Version(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := k.APIVersions()
	if err != nil {
		return nil, err
	}
	return &chartutil.Capabilities{
		KubeVersion: chartutil.KubeVersion{Version: v.GitVersion, Major: v.Major, Minor: v.Minor},
		APIVersions: versions, HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}, nil
}

func (b *builder) all(ctx context.Context, n int, there map[string]bool, progress io.Writer) error {
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(builders)
	begin := time.Now()
	add := func(name, chart string, only map[string]bool, valueFiles ...string) {
		if there[name] {
			return
		}
		group.Go(func() error {
			if err := b.release(ctx, name, chart, only, valueFiles); err != nil {
				return fmt.Errorf("make release %s: %w", name, err)
			}
			if made := done.Add(1); made%100 == 0 {
				_, _ = fmt.Fprintf(progress, "made %d releases in %s\n", made, time.Since(begin).Round(time.Second))
			}
			return nil
		})
	}
	add(systemRelease, systemChart, nil, b.fleet.systemValues())
	for i := range n {
		var only map[string]bool
		if i >= entire {
			only = planned
		}
		add(tenantRelease(i), tenantChart, only, b.fleet.commonValues(), b.fleet.tenantValues(i))
	}
	return group.Wait()
}

// release makes a release in a namespace of its own name, with the objects of
// some kinds only unless that is nil. Helm renders it and stores its revisions;
// that nothing is there yet is known, so that Helm need not ask for every object.
func (b *builder) release(ctx context.Context, name, chart string, only map[string]bool, valueFiles []string) error {
	if err := b.namespace(ctx, name); err != nil {
		return err
	}
	ch, err := loader.LoadFile(b.fleet.archive(chart, from))
	if err != nil {
		return err
	}
	vals, err := (&values.Options{ValueFiles: valueFiles}).MergeValues(getter.Providers{})
	if err != nil {
		return err
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ReleaseName, install.Namespace = name, name
	install.DryRun, install.ClientOnly, install.Replace, install.DisableHooks = true, true, true, true
	install.KubeVersion, install.APIVersions = &b.caps.KubeVersion, b.caps.APIVersions
	made, err := install.RunWithContext(ctx, ch, vals)
	if err != nil {
		return err
	}
	if err := b.create(name, made.Manifest, only); err != nil {
		return err
	}
	return b.store(made)
}

// create makes the objects of a manifest, marked as Helm marks its own; of some
// kinds only, unless that is nil.
func (b *builder) create(name, manifest string, only map[string]bool) error {
	client := hkube.New(b.cluster.RESTClientGetter(name))
	client.Namespace = name
	resources, err := client.Build(strings.NewReader(manifest), false)
	if err != nil {
		return err
	}
	if only != nil {
		resources = resources.Filter(func(r *resource.Info) bool { return only[r.Mapping.GroupVersionKind.Kind] })
	}
	for _, r := range resources {
		o, err := meta.Accessor(r.Object)
		if err != nil {
			return err
		}
		o.SetLabels(with(o.GetLabels(), "app.kubernetes.io/managed-by", "Helm"))
		o.SetAnnotations(with(o.GetAnnotations(), "meta.helm.sh/release-name", name, "meta.helm.sh/release-namespace", name))
	}
	if len(resources) == 0 {
		return nil
	}
	_, err = client.Create(resources)
	return err
}

func with(m map[string]string, more ...string) map[string]string {
	out := maps.Clone(m)
	if out == nil {
		out = map[string]string{}
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func (b *builder) namespace(ctx context.Context, name string) error {
	labels := map[string]string{}
	if strings.HasPrefix(name, "tenant-") {
		labels = map[string]string{"tenant": "true", "managed-by": "soctalk"}
	}
	_, err := b.cluster.Typed().CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// store writes the revisions, the live one last, so that a release that was
// interrupted is no release.
func (b *builder) store(made *release.Release) error {
	secrets := driver.NewSecrets(b.cluster.Typed().CoreV1().Secrets(made.Namespace))
	for revision := 1; revision <= b.revisions; revision++ {
		r, info := *made, *made.Info
		r.Info, r.Version = &info, revision
		info.FirstDeployed, info.LastDeployed = htime.Now(), htime.Now()
		info.Status, info.Description = release.StatusSuperseded, "Upgrade complete"
		if revision == b.revisions {
			info.Status = release.StatusDeployed
		}
		err := secrets.Create(fmt.Sprintf("sh.helm.release.v1.%s.v%d", r.Name, revision), &r)
		if err != nil && !errors.Is(err, driver.ErrReleaseExists) {
			return fmt.Errorf("store revision %d: %w", revision, err)
		}
	}
	return nil
}
