package helm

import (
	"time"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

// Options are the settings of a Client.
type Options struct {
	// Grace is how long a trouble that may pass (an image that cannot be pulled,
	// a quota that is full) is tolerated in a wait; zero means 30 seconds.
	Grace time.Duration
}

// Client works on the releases of one cluster. It is safe for concurrent use.
type Client struct {
	cluster *kube.Cluster
	// offline is set instead of cluster where there is none.
	offline *Capabilities
	options Options
	lookups *lookups
	moods   moods
	schemas schemas
}

// New returns a client for the releases of a cluster.
func New(c *kube.Cluster, o Options) *Client {
	return &Client{cluster: c, options: o, lookups: newLookups(c)}
}

// Forget empties the cache that lookup reads through. What this client changes
// itself it forgets by itself.
func (c *Client) Forget() { c.lookups.forget("") }

// Leave drops from that cache what is in a namespace that is done with.
func (c *Client) Leave(namespace string) { c.lookups.leave(namespace) }

// Target is a release as it should be.
type Target struct {
	Namespace, Name string
	Chart           *chart.Chart
	// Values are never modified.
	Values map[string]any
	Set    []schema.SetValue
	// Base is the newest live revision, nil on install.
	Base *Release
}

// upgrades tells an upgrade from an install. A release that was uninstalled
// with its history kept is installed anew.
func (t Target) upgrades() bool { return t.Base != nil && t.Base.Status != statusUninstalled }
