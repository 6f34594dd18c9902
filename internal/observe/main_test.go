package observe_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	hchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

func TestMain(m *testing.M) {
	// Most of the time these tests wait for the cluster, not for a processor.
	_ = flag.Set("test.parallel", "12")
	sandboxtest.Main(m)
}

// quick is long enough for an API server that answers, and short enough for a
// test of one that does not.
const quick = 3 * time.Second

// through returns the sandbox as seen through a proxy that can fail.
func through(t *testing.T, o faultproxy.Options) (*faultproxy.Proxy, *observe.Cluster) {
	t.Helper()
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	p := faultproxy.Start(t, config, o)
	return p, cluster(t, p.Kubeconfig)
}

func direct(t *testing.T) *observe.Cluster {
	t.Helper()
	return cluster(t, sandboxtest.Cluster(t).Kubeconfig)
}

func cluster(t *testing.T, kubeconfig string) *observe.Cluster {
	t.Helper()
	k, err := kube.New(kube.Config{Kubeconfig: kubeconfig, ReadTimeout: quick})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &observe.Cluster{Kube: k, Helm: helm.New(k, helm.Options{})}
}

// fleet is a system on cluster "main" and tenants wherever they are put, all
// of them live as stored says.
type fleet struct {
	*schema.Fleet
	namespace string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{&schema.Fleet{Clusters: map[string]*schema.Cluster{}}, sandboxtest.Namespace(t)}
	f.cluster("main", "")
	f.System = &schema.System{Release: schema.Release{Address: "system", Cluster: "main", Namespace: f.namespace, Name: "system", Version: semver.MustParse("1.0.0")}}
	stored(t, f.namespace, "system")
	return f
}

func (f *fleet) cluster(name, kubeconfig string) {
	f.Clusters[name] = &schema.Cluster{Name: name, Kubeconfig: kubeconfig}
}

// tenant adds one whose release is live or not.
func (f *fleet) tenant(t *testing.T, cluster, name string, live bool) plan.ReleaseKey {
	t.Helper()
	f.Tenants = append(f.Tenants, &schema.Tenant{Slug: name, Release: schema.Release{
		Address: "tenant." + name, Cluster: cluster, Namespace: f.namespace, Name: name, Version: semver.MustParse("1.0.0"),
	}})
	if live {
		stored(t, f.namespace, name)
	}
	return f.key(cluster, name)
}

func (f *fleet) key(cluster, name string) plan.ReleaseKey {
	return plan.ReleaseKey{Cluster: cluster, Namespace: f.namespace, Name: name}
}

// observe must succeed.
func (f *fleet) observe(t *testing.T, clusters observe.Clusters) *observe.Live {
	t.Helper()
	live, err := observe.Observe(t.Context(), f.Fleet, clusters, 4)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// stored puts a release into Helm's storage as Helm does, edited if need be.
func stored(t *testing.T, namespace, name string, edit ...func(*release.Release)) {
	t.Helper()
	r := &release.Release{
		Name: name, Namespace: namespace, Version: 1,
		Info:     &release.Info{Status: release.StatusDeployed, LastDeployed: helmtime.Now()},
		Chart:    &hchart.Chart{Metadata: &hchart.Metadata{APIVersion: "v2", Name: "small", Version: "1.0.0", AppVersion: "1.0.0"}},
		Config:   map[string]any{"note": "of " + name},
		Manifest: fmt.Sprintf("---\n# Source: small/templates/map.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {note: of %s}\n", name, name),
	}
	for _, e := range edit {
		e(r)
	}
	storage := driver.NewSecrets(sandboxtest.Client(t).CoreV1().Secrets(namespace))
	key := fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, r.Version)
	if err := storage.Create(key, r); err != nil {
		t.Fatal(err)
	}
	if err := storage.Update(key, r); err != nil {
		t.Fatal(err)
	}
}
