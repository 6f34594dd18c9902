package observe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SchemaRevisionAnnotation is where a chart says which database revision its
// code needs.
const SchemaRevisionAnnotation = "soctalk.io/schema-revision"

// tenantNamespaces selects the namespaces that SocTalk made for tenants.
const tenantNamespaces = "tenant=true,managed-by=soctalk"

// Live is an observation together with the releases it was made from.
type Live struct {
	*plan.Observation
	// Bodies are the newest revisions of the releases that the fleet names.
	Bodies map[plan.ReleaseKey]*helm.Release
}

// Observe reads the newest revision of every release that the fleet names, and
// the names of all others. The history is never listed, and no body is read
// that the plan does not need. At most parallel bodies are read at a time.
func Observe(ctx context.Context, f *schema.Fleet, clusters Clusters, parallel int) (*Live, error) {
	o := &observer{
		fleet: f, clusters: clusters,
		named: named(f),
		live: &Live{
			Observation: &plan.Observation{
				Releases: map[plan.ReleaseKey]*plan.Live{}, Prerequisites: map[string]string{}, Problems: map[plan.ReleaseKey]string{},
			},
			Bodies: map[plan.ReleaseKey]*helm.Release{},
		},
	}
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		if err := o.cluster(ctx, name, parallel); err != nil {
			return nil, &ClusterError{f.Clusters[name], err}
		}
	}
	return o.live, o.prerequisites(ctx)
}

type observer struct {
	fleet    *schema.Fleet
	clusters Clusters
	named    map[plan.ReleaseKey]*schema.Release

	mu   sync.Mutex
	live *Live
}

// named are the releases of the fleet by key.
func named(f *schema.Fleet) map[plan.ReleaseKey]*schema.Release {
	all := map[plan.ReleaseKey]*schema.Release{}
	for _, r := range f.Releases() {
		all[plan.KeyOf(r)] = r
	}
	return all
}

func (o *observer) cluster(ctx context.Context, name string, parallel int) error {
	c := o.clusters[name]
	metas, err := c.Helm.List(ctx)
	if err != nil {
		return err
	}
	managed, err := c.tenantNamespaces(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, m := range metas {
		key := plan.ReleaseKey{Cluster: name, Namespace: m.Namespace, Name: m.Name}
		r, known := o.named[key]
		if isTenant(m, managed) {
			o.live.Tenants++
			if !known && m.Status != "uninstalled" {
				o.live.Unmanaged = append(o.live.Unmanaged, key)
			}
		}
		if known {
			group.Go(func() error { return o.body(ctx, c, key, r, m) })
		}
	}
	return group.Wait()
}

// isTenant says whether a release is a tenant's main one, by SocTalk's naming
// and labels.
func isTenant(m helm.Meta, managed map[string]bool) bool {
	return strings.HasPrefix(m.Name, "tenant-") && (managed[m.Namespace] || m.Namespace == m.Name)
}

func (c *Cluster) tenantNamespaces(ctx context.Context) (map[string]bool, error) {
	list, err := c.Kube.Metadata().Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).
		List(ctx, metav1.ListOptions{LabelSelector: tenantNamespaces})
	if err != nil {
		return nil, c.Kube.Explain(err)
	}
	managed := make(map[string]bool, len(list.Items))
	for _, n := range list.Items {
		managed[n.Name] = true
	}
	return managed, nil
}

// body reads one revision. What is wrong with one release is a problem of that
// release; only a cluster that no longer answers ends the observation.
func (o *observer) body(ctx context.Context, c *Cluster, key plan.ReleaseKey, r *schema.Release, m helm.Meta) error {
	body, err := c.Helm.Get(ctx, m.Namespace, m.Name, m.Revision)
	if err != nil {
		var corrupt *helm.CorruptError
		var gone *helm.NotFoundError
		if !errors.As(err, &corrupt) && !errors.As(err, &gone) {
			return err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.live.Problems[key] = err.Error()
		return nil
	}
	live, err := liveOf(body)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.live.Problems[key] = err.Error()
		return nil
	}
	o.live.Releases[key], o.live.Bodies[key] = live, body
	return nil
}

func liveOf(body *helm.Release) (*plan.Live, error) {
	version, err := semver.NewVersion(body.ChartVersion)
	if err != nil {
		return nil, errors.New("its chart version " + body.ChartVersion + " is not a semantic version")
	}
	return &plan.Live{
		Revision: body.Revision, Status: body.Status, Modified: body.Modified,
		Version: version, Chart: body.ChartName, AppVersion: body.AppVersion, ChartDigest: body.ChartDigest,
		SchemaRevision: body.ChartAnnotations[SchemaRevisionAnnotation],
		Digest:         body.BodyDigest, Values: body.Config,
	}, nil
}
