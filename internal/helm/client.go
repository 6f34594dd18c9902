package helm

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

// Options are the settings of a Client.
type Options struct {
	// PullGrace is how long an image may fail to be pulled before a wait is
	// given up; zero means 30 seconds.
	PullGrace time.Duration
}

// Client works on the releases of one cluster. It is safe for concurrent use.
type Client struct {
	cluster *kube.Cluster
	options Options
}

// New returns a client for the releases of a cluster.
func New(c *kube.Cluster, o Options) *Client { return &Client{cluster: c, options: o} }

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

// Rendered is what Helm would send to the cluster.
type Rendered struct {
	// Manifest is all objects but hooks, in Helm's order and bytes.
	Manifest string
	Objects  []*unstructured.Unstructured
	Hooks    []Hook
	// CRDs are those of the chart's crds folders, which Helm creates but
	// never upgrades.
	CRDs []*unstructured.Unstructured
	// Unstable lists what differs from one render to the next.
	Unstable []Unstable
	// Files are the rendered templates by their path within the chart, such as
	// templates/jobs/migrate.yaml; those of subcharts begin with
	// charts/<subchart>/. Hooks are among them, notes and blank ones are not.
	Files map[string]string
}

// Unstable names the fields of one object that differ between two renders of
// the same chart and values.
type Unstable struct {
	APIVersion, Kind, Namespace, Name string
	Paths                             []string
}

// ApplyOptions say how a release is applied.
type ApplyOptions struct {
	Timeout     time.Duration
	Labels      map[string]string
	Description string
	// MaxHistory bounds the stored revisions; zero keeps all.
	MaxHistory int
	// Progress hears of the wait; it must not block. May be nil.
	Progress func(kube.Status)
}

// List returns the newest revision of every release in the cluster.
func (c *Client) List(ctx context.Context) ([]Meta, error) { panic("not yet") }

// Get returns one revision; zero means the newest.
func (c *Client) Get(ctx context.Context, namespace, name string, revision int) (*Release, error) {
	panic("not yet")
}

// Render returns what Helm would send to the cluster for the target.
func (c *Client) Render(ctx context.Context, t Target) (*Rendered, error) { panic("not yet") }

// Forget empties the cache that lookup reads through.
func (c *Client) Forget() {}

// Apply installs or upgrades the target and waits until it is ready.
func (c *Client) Apply(ctx context.Context, t Target, o ApplyOptions) (*Release, error) {
	panic("not yet")
}

// Rollback makes a new revision out of an old one and waits until it is ready.
func (c *Client) Rollback(ctx context.Context, namespace, name string, revision int, o ApplyOptions) (*Release, error) {
	panic("not yet")
}

// Uninstall removes a release with its history and waits until its objects
// are gone.
func (c *Client) Uninstall(ctx context.Context, namespace, name string, timeout time.Duration) error {
	panic("not yet")
}

// CheckSet says whether Helm understands a set assignment.
func CheckSet(path, value string) error { panic("not yet") }

// MergeValues lays over upon base as Helm merges values files. Neither is
// modified.
func MergeValues(base, over map[string]any) map[string]any { panic("not yet") }

// EffectiveValues are the values with every set assignment applied: what the
// release stores as its config.
func EffectiveValues(values map[string]any, set []schema.SetValue) (map[string]any, error) {
	panic("not yet")
}

// ParseManifest returns the objects of a manifest. Duplicate keys are
// tolerated, the last one wins, as Kubernetes does.
func ParseManifest(manifest string) ([]*unstructured.Unstructured, error) { panic("not yet") }

// DigestLabel shortens a digest so that it fits into a label value.
func DigestLabel(digest string) string { panic("not yet") }
