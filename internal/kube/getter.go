package kube

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// RESTClientGetter returns what Helm makes its clients of. All of them share
// the cluster's discovery and mapping; objects without a namespace go into the
// given one.
func (c *Cluster) RESTClientGetter(namespace string) genericclioptions.RESTClientGetter {
	return getter{cluster: c, namespace: namespace}
}

type getter struct {
	cluster   *Cluster
	namespace string
}

func (g getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.cluster.short), nil }

func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.cluster.discovery, nil
}

func (g getter) ToRESTMapper() (meta.RESTMapper, error) { return g.cluster.mapper, nil }

func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig { return inNamespace{g} }

// inNamespace is the cluster's loader with its own namespace, which Helm asks
// for when it builds objects.
type inNamespace struct{ getter }

func (n inNamespace) RawConfig() (clientcmdapi.Config, error) { return n.cluster.loader.RawConfig() }
func (n inNamespace) ClientConfig() (*rest.Config, error)     { return n.ToRESTConfig() }
func (n inNamespace) Namespace() (string, bool, error)        { return n.namespace, true, nil }
func (n inNamespace) ConfigAccess() clientcmd.ConfigAccess    { return n.cluster.loader.ConfigAccess() }
