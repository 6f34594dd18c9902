// Package observe reads what is live into an observation for the planner.
package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
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
	// Bodies are the newest revisions of the releases that the fleet names, and of
	// those that leave it.
	Bodies map[plan.ReleaseKey]*helm.Release
	// Others are all other live releases, tenants' or not.
	Others []plan.ReleaseKey
	// tenants are the main releases of tenants, named by the fleet or not.
	tenants map[plan.ReleaseKey]bool
}

// Releases reads the newest revision of every release that the fleet names, and
// the names of all others: all that Observe does, but for what only a plan
// needs to know. The history is never listed, and no body is read that the
// fleet does not name. At most parallel bodies of a cluster are read at a time.
//
// What cannot be read of one release is a problem of that release, and what
// cannot be read of one cluster is noted for that cluster. Only when the
// system's own cluster is of no use does it fail, with a [ClusterError].
func Releases(ctx context.Context, f *schema.Fleet, clusters Clusters, parallel int) (*Live, error) {
	return newObserver(f, clusters, parallel).read(ctx)
}

// Observe reads the releases of a fleet, as [Releases] does, and what else a
// plan depends on: who manages them beside Helm, quotas and limits, the
// prerequisites, the system's database.
func Observe(ctx context.Context, f *schema.Fleet, clusters Clusters, parallel int) (*Live, error) {
	o := newObserver(f, clusters, parallel)
	o.also = []func(context.Context, string) error{o.owners, o.argoLabels, o.bounds}
	if _, err := o.read(ctx); err != nil {
		return nil, err
	}
	o.prerequisites(ctx)
	o.database(ctx)
	return o.live, ctx.Err()
}

func newObserver(f *schema.Fleet, clusters Clusters, parallel int) *observer {
	return &observer{fleet: f, clusters: clusters, parallel: parallel, named: named(f), live: newLive()}
}

func (o *observer) read(ctx context.Context) (*Live, error) {
	var wg sync.WaitGroup
	for name, c := range o.clusters {
		if c.Failed != nil {
			o.fail(name, c.Failed)
			continue
		}
		wg.Go(func() {
			if err := o.cluster(ctx, name); err != nil {
				o.fail(name, err)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := o.failed[o.fleet.System.Cluster]; err != nil {
		return nil, &ClusterError{o.fleet.Clusters[o.fleet.System.Cluster], err}
	}
	slices.SortFunc(o.live.Unmanaged, compareKeys)
	slices.SortFunc(o.live.Others, compareKeys)
	return o.live, nil
}

func newLive() *Live {
	return &Live{
		Observation: &plan.Observation{
			Releases: map[plan.ReleaseKey]*plan.Live{}, Elsewhere: map[plan.ReleaseKey]string{}, Prerequisites: map[string]string{}, Problems: map[plan.ReleaseKey]string{},
			Clusters: map[string]string{}, Owners: map[plan.ReleaseKey]string{}, Bounds: map[plan.Namespace][]plan.Object{}, Volumes: map[string]*plan.Volumes{},
		},
		Bodies: map[plan.ReleaseKey]*helm.Release{}, tenants: map[plan.ReleaseKey]bool{},
	}
}

func compareKeys(a, b plan.ReleaseKey) int {
	return strings.Compare(a.Cluster+"\x00"+a.Namespace+"\x00"+a.Name, b.Cluster+"\x00"+b.Namespace+"\x00"+b.Name)
}

type observer struct {
	fleet    *schema.Fleet
	clusters Clusters
	parallel int
	named    map[plan.ReleaseKey]*schema.Release
	// also is what else is read of each cluster.
	also []func(ctx context.Context, cluster string) error

	mu     sync.Mutex
	live   *Live
	failed map[string]error
}

// named are the releases of the fleet by key.
func named(f *schema.Fleet) map[plan.ReleaseKey]*schema.Release {
	all := map[plan.ReleaseKey]*schema.Release{}
	for _, r := range f.Releases() {
		all[plan.KeyOf(r)] = r
	}
	return all
}

// fail notes that a cluster could not be read to the end.
func (o *observer) fail(name string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = map[string]error{}
	}
	o.failed[name] = err
	o.live.Clusters[name] = err.Error()
}

// cluster reads one cluster. Its error is why that could not be done to the
// end.
func (o *observer) cluster(ctx context.Context, name string) error {
	c := o.clusters[name]
	metas, err := c.Helm.List(ctx)
	if err != nil {
		return err
	}
	managed, err := c.tenantNamespaces(ctx)
	if err != nil {
		return fmt.Errorf("listing the namespaces of tenants: %w", err)
	}
	for _, read := range o.also {
		if err := read(ctx, name); err != nil {
			return err
		}
	}
	o.volumes(ctx, name)
	if err := o.beheaded(ctx, name, metas); err != nil {
		return err
	}
	if err := o.elsewhere(ctx, name, metas); err != nil {
		return err
	}
	return o.bodies(ctx, name, o.sort(name, metas, managed))
}

// mostElsewhere bounds how many releases of the system's name are looked at.
const mostElsewhere = 3

// elsewhere looks, where the system is not installed, for one of its name in
// other namespaces: that the namespace was mistyped is likelier than a second one.
func (o *observer) elsewhere(ctx context.Context, name string, metas []helm.Meta) error {
	system := o.fleet.System
	if name != system.Cluster {
		return nil
	}
	var found []helm.Meta
	for _, m := range metas {
		switch {
		case m.Name != system.Name || m.Status == "uninstalled":
		case m.Namespace == system.Namespace:
			return nil
		default:
			found = append(found, m)
		}
	}
	for _, m := range found[:min(mostElsewhere, len(found))] {
		chart := ""
		// Its body alone says which chart it is of.
		if body, err := o.clusters[name].Helm.Get(ctx, m.Namespace, m.Name, m.Revision); err == nil {
			chart = body.ChartName
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
		o.mu.Lock()
		o.live.Elsewhere[plan.ReleaseKey{Cluster: name, Namespace: m.Namespace, Name: m.Name}] = chart
		o.mu.Unlock()
	}
	return nil
}

// beheaded notes releases whose newest revision was deleted, which would seem
// not to be installed otherwise. Helm itself would go on from an old one.
func (o *observer) beheaded(ctx context.Context, name string, metas []helm.Meta) error {
	listed := map[plan.ReleaseKey]bool{}
	for _, m := range metas {
		listed[plan.ReleaseKey{Cluster: name, Namespace: m.Namespace, Name: m.Name}] = true
	}
	var names []string
	for key := range o.named {
		if key.Cluster == name && !listed[key] {
			names = append(names, key.Name)
		}
	}
	slices.Sort(names)
	left, err := o.clusters[name].Helm.Left(ctx, slices.Compact(names))
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range left {
		key := plan.ReleaseKey{Cluster: name, Namespace: m.Namespace, Name: m.Name}
		if o.named[key] != nil && !listed[key] {
			o.live.Problems[key] = fmt.Sprintf("its newest revision was deleted: of what is left, revision %d is the newest, and another had taken its place; make it the live one again with `helm rollback %s %d --namespace %s`, then plan anew",
				m.Revision, m.Name, m.Revision, m.Namespace)
		}
	}
	return nil
}

// sort notes which releases are live, and returns those that the fleet names.
func (o *observer) sort(name string, metas []helm.Meta, managed map[string]bool) []helm.Meta {
	o.mu.Lock()
	defer o.mu.Unlock()
	var wanted []helm.Meta
	for _, m := range metas {
		key := plan.ReleaseKey{Cluster: name, Namespace: m.Namespace, Name: m.Name}
		live := m.Status != "uninstalled"
		known := o.named[key] != nil || live && plan.Leaves(o.fleet, key)
		if isTenant(m, managed) {
			o.live.Tenants++
			o.live.tenants[key] = true
			if !known && live {
				o.live.Unmanaged = append(o.live.Unmanaged, key)
			}
		}
		switch {
		case known:
			wanted = append(wanted, m)
		case live:
			o.live.Others = append(o.live.Others, key)
		}
	}
	return wanted
}

// isTenant says whether a release is a tenant's main one, by SocTalk's naming
// and labels.
func isTenant(m helm.Meta, managed map[string]bool) bool {
	return strings.HasPrefix(m.Name, "tenant-") && (managed[m.Namespace] || m.Namespace == m.Name)
}

func (c *Cluster) tenantNamespaces(ctx context.Context) (map[string]bool, error) {
	managed := map[string]bool{}
	namespaces := c.Kube.Metadata().Resource(corev1.SchemeGroupVersion.WithResource("namespaces"))
	err := pages(func(o metav1.ListOptions) (string, error) {
		reading, cancel := c.Kube.Reading(ctx)
		defer cancel()
		o.LabelSelector = tenantNamespaces
		list, err := namespaces.List(reading, o)
		if err != nil {
			return "", c.Kube.ExplainRead(err)
		}
		for _, n := range list.Items {
			managed[n.Name] = true
		}
		return list.Continue, nil
	})
	return managed, err
}
