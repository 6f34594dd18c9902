package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// requestTimeout bounds one short request, so that a server that hangs is
// noticed. It is longer than any admission webhook may take.
const requestTimeout = 60 * time.Second

// Cluster is one API server. It is safe for concurrent use.
type Cluster struct {
	// long has no timeout, for watches and logs; short is for everything else.
	long, short *rest.Config
	loader      clientcmd.ClientConfig
	fence       *atomic.Pointer[Fence]
	// reading bounds one read; see [Cluster.Reading].
	reading time.Duration

	typed     *kubernetes.Clientset
	streaming *kubernetes.Clientset
	dynamic   *dynamic.DynamicClient
	watcher   *dynamic.DynamicClient
	metadata  metadata.Interface
	discovery *cachedDiscovery
	mapper    *restmapper.DeferredDiscoveryRESTMapper

	mu          sync.Mutex
	version     *version.Info
	apiVersions []string
}

// New returns the cluster that the configuration names. It sends nothing:
// [Cluster.Check] finds out whether the cluster is there.
func New(c Config) (*Cluster, error) {
	fence := &atomic.Pointer[Fence]{}
	long, loader, err := load(c, fence)
	if err != nil {
		return nil, err
	}
	k := &Cluster{fence: fence, long: long, short: rest.CopyConfig(long), loader: loader, reading: cmp.Or(c.ReadTimeout, readTimeout)}
	k.short.Timeout = requestTimeout
	if k.typed, err = kubernetes.NewForConfig(protobuf(k.short)); err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", long.Host, err)
	}
	if k.streaming, err = kubernetes.NewForConfig(protobuf(k.long)); err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", long.Host, err)
	}
	if k.dynamic, err = dynamic.NewForConfig(k.short); err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", long.Host, err)
	}
	if k.watcher, err = dynamic.NewForConfig(k.long); err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", long.Host, err)
	}
	if k.metadata, err = metadata.NewForConfig(k.short); err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", long.Host, err)
	}
	d, err := discovery.NewDiscoveryClientForConfig(k.short)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", long.Host, err)
	}
	k.discovery = newCachedDiscovery(d)
	k.mapper = restmapper.NewDeferredDiscoveryRESTMapper(k.discovery)
	return k, nil
}

func protobuf(c *rest.Config) *rest.Config {
	c = rest.CopyConfig(c)
	c.ContentType = "application/vnd.kubernetes.protobuf"
	c.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return c
}

// Host is the address of the API server.
func (c *Cluster) Host() string { return c.long.Host }

// RESTConfig returns a copy of the connection's settings, without a timeout.
func (c *Cluster) RESTConfig() *rest.Config { return rest.CopyConfig(c.long) }

// Typed returns the client for built-in kinds. Its requests are bounded in
// time, so it is not for watches.
func (c *Cluster) Typed() kubernetes.Interface { return c.typed }

// Clientset is [Cluster.Typed] for those who need the concrete type.
func (c *Cluster) Clientset() *kubernetes.Clientset { return c.typed }

// Dynamic returns the client for any kind; bounded like [Cluster.Typed].
func (c *Cluster) Dynamic() dynamic.Interface { return c.dynamic }

// Metadata returns the client that reads metadata only.
func (c *Cluster) Metadata() metadata.Interface { return c.metadata }

// Mapper returns the mapping from kinds to resources. A kind that is missing
// from it is looked for anew.
func (c *Cluster) Mapper() meta.ResettableRESTMapper { return c.mapper }

// Discovery returns what the API server offers, read once.
func (c *Cluster) Discovery() discovery.CachedDiscoveryInterface { return c.discovery }

// Check asks the API server for its version. It is the first thing to call:
// its errors are an [UnreachableError], an [UnauthorizedError], a
// [ForbiddenError] or a [ReadError].
func (c *Cluster) Check(ctx context.Context) error {
	_, err := c.Version(ctx)
	return err
}

// Version is the API server's, read once.
func (c *Cluster) Version(ctx context.Context) (*version.Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != nil {
		return c.version, nil
	}
	body, err := c.typed.Discovery().RESTClient().Get().AbsPath("/version").SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return nil, c.ExplainRead(err)
	}
	v := &version.Info{}
	if err := json.Unmarshal(body, v); err != nil || v.GitVersion == "" {
		return nil, &UnreachableError{Address: c.Host(), Why: "what answers there is no Kubernetes API server", Cause: err}
	}
	c.version = v
	return v, nil
}

// APIVersions are the group versions and the kinds ("apps/v1",
// "apps/v1/Deployment") that the API server offers, in the form and extent of
// Helm's capabilities. They are read once; [Cluster.Refresh] forgets them.
func (c *Cluster) APIVersions() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiVersions != nil {
		return c.apiVersions, nil
	}
	groups, lists, err := c.discovery.ServerGroupsAndResources()
	// A broken aggregated API must not hide all the others.
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, c.Explain(err)
	}
	set := map[string]bool{}
	for _, g := range groups {
		for _, v := range g.Versions {
			set[v.GroupVersion] = true
		}
	}
	for _, l := range lists {
		for _, r := range l.APIResources {
			set[path.Join(l.GroupVersion, r.Kind)] = true
		}
	}
	all := make([]string, 0, len(set))
	for v := range set {
		all = append(all, v)
	}
	sort.Strings(all)
	c.apiVersions = all
	return all, nil
}

// Refresh forgets what the API server offers, so that new kinds are seen.
func (c *Cluster) Refresh() {
	c.mu.Lock()
	c.apiVersions = nil
	c.mu.Unlock()
	c.mapper.Reset()
}
