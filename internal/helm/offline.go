package helm

import (
	"context"
	"slices"

	"helm.sh/helm/v3/pkg/chartutil"
)

// Capabilities are what charts can ask of a cluster.
type Capabilities struct {
	// Version is the API server's, as v1.33.1.
	Version, Major, Minor string
	// APIVersions are group versions and kinds: "apps/v1", "apps/v1/Deployment".
	APIVersions []string
}

// NewOffline returns a client that renders as a cluster with the capabilities
// would, without one: lookup finds nothing. Whatever else a Client does needs a
// cluster.
func NewOffline(caps Capabilities) *Client {
	return &Client{offline: &caps, lookups: newLookups(nil)}
}

// Capabilities returns those of the client's cluster.
func (c *Client) Capabilities(ctx context.Context) (Capabilities, error) {
	if c.offline != nil {
		return *c.offline, nil
	}
	v, err := c.cluster.Version(ctx)
	if err != nil {
		return Capabilities{}, err
	}
	versions, err := c.cluster.APIVersions()
	if err != nil {
		return Capabilities{}, err
	}
	return Capabilities{Version: v.GitVersion, Major: v.Major, Minor: v.Minor, APIVersions: versions}, nil
}

// capabilities are the same for Helm, in a private copy.
func (c *Client) capabilities(ctx context.Context) (*chartutil.Capabilities, error) {
	caps, err := c.Capabilities(ctx)
	if err != nil {
		return nil, err
	}
	return &chartutil.Capabilities{
		KubeVersion: chartutil.KubeVersion{Version: caps.Version, Major: caps.Major, Minor: caps.Minor},
		APIVersions: chartutil.VersionSet(slices.Clone(caps.APIVersions)),
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}, nil
}
