package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/plancache"
	"github.com/soctalk/fleet/internal/releases"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// session is a fleet with its clusters and charts at hand, at one moment.
type session struct {
	fleet    *schema.Fleet
	clusters observe.Clusters
	live     *observe.Live
	set      *releases.Set
	key      plan.Key
	cache    *plancache.Cache
	// allowExec lets programs of the files run on this machine.
	allowExec bool
}

// openSession connects to the fleet's clusters and reads what is live. Its
// errors are diagnostics.
func (a *app) openSession(ctx context.Context, f *schema.Fleet, parallel int) (*session, error) {
	defer a.working("Reading what is live")()
	a.boundMemory(len(f.Releases()))
	charts, err := newResolver(f)
	if err != nil {
		return nil, err
	}
	clusters, err := observe.Connect(ctx, f, userAgent())
	if err != nil {
		return nil, clusterFault(f, err)
	}
	cache := openCache(ctx, f, clusters)
	for _, c := range clusters {
		c.Memory = cache
	}
	live, err := observe.Observe(ctx, f, clusters, parallel)
	if err != nil {
		return nil, clusterFault(f, err)
	}
	key, err := systemKey(f.Root, live.Bodies[plan.KeyOf(&f.System.Release)])
	if err != nil {
		return nil, err
	}
	set := releases.New(f, clusters, charts, live, key)
	set.Remember(cache)
	return &session{fleet: f, clusters: clusters, live: live, key: key, set: set, cache: cache}, nil
}

// reaches makes sure that each cluster is there that a plan of earlier changes
// something on.
func (s *session) reaches(doc *plan.Document) error {
	for _, r := range doc.Releases {
		if c := s.clusters[r.Cluster]; r.Action != plan.Unchanged && c != nil && c.Failed != nil {
			return advise(fmt.Errorf("the plan changes %s on cluster %s, which cannot be used: %w", r.Address, r.Cluster, c.Failed), "Nothing was changed. Try again once that cluster answers.")
		}
	}
	return nil
}

// recordedSession takes what is live from a file that observe wrote.
func (a *app) recordedSession(f *schema.Fleet, path string) (*session, error) {
	charts, err := newResolver(f)
	if err != nil {
		return nil, err
	}
	recorded, err := observe.Read(a.path(path))
	if err != nil {
		return nil, err
	}
	live, clusters, err := recorded.For(f)
	if err != nil {
		return nil, clusterFault(f, err)
	}
	// Its plan is never saved, so its digests need not be known again.
	material := make([]byte, 32)
	_, _ = rand.Read(material) // never fails
	key, err := plan.NewKey(material)
	if err != nil {
		return nil, err
	}
	return &session{fleet: f, clusters: clusters, live: live, key: key, set: releases.New(f, clusters, charts, live, key)}, nil
}

func userAgent() string { return "soctalk/" + version }

// newResolver reads the lock file beside the configuration.
func newResolver(f *schema.Fleet) (*chart.Resolver, error) {
	lock, diags := chart.ReadLock(filepath.Join(f.Root, chart.LockFile))
	if diags.HasErrors() {
		return nil, hclFault(diags)
	}
	return chart.NewResolver(chart.Options{Registries: f.Registries, Lock: lock})
}

// plan plans for what was read when the session was opened.
func (s *session) plan(ctx context.Context, selected plan.Selection, refresh string, parallel int) (*plan.Document, error) {
	catalog := s.set.Prepare(ctx, parallel)
	draft := plan.Route(s.fleet, s.live.Observation, catalog, selected)
	for len(draft.Lacks) > 0 && ctx.Err() == nil {
		s.set.Extend(ctx, catalog, draft.Lacks, parallel)
		draft = plan.Route(s.fleet, s.live.Observation, catalog, selected)
	}
	outcomes, problems := s.set.Compare(ctx, draft, parallel)
	if refresh == refreshLive {
		draft.Inspected(s.set.Inspect(ctx, draft, parallel))
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	_ = s.cache.Save() // the next plan takes longer then, and is the same
	doc, err := draft.Build(outcomes, problems, plan.Stamp{ID: newID(), ToolVersion: version, Created: time.Now().UTC().Truncate(time.Second), Key: s.key})
	if err != nil {
		return nil, err
	}
	view.AddSnippets(doc.Diagnostics, s.fleet.Files, s.fleet.Sensitive)
	return doc, nil
}

// newID returns an identifier for a plan or a run: sortable by time, unique.
func newID() string {
	var random [2]byte
	_, _ = rand.Read(random[:]) // never fails
	now := time.Now().UTC()
	const parts = 1 << 16 // of a second, so that IDs are in the order in which they were made
	return fmt.Sprintf("%s-%04x%x", now.Format("20060102-150405"), now.Nanosecond()*parts/int(time.Second), random)
}

// clusterFault points at the cluster block, or where the system names none.
func clusterFault(f *schema.Fleet, err error) error {
	var c *observe.ClusterError
	if !errors.As(err, &c) {
		return err
	}
	at := c.Cluster.Source.Block
	if at.Filename == "" {
		at = f.System.Source.At("cluster")
	}
	name := c.Cluster.Name
	if name == schema.DefaultCluster {
		name = "the ambient kubeconfig's cluster"
	}
	return hclFault(hcl.Diagnostics{{
		Severity: hcl.DiagError, Subject: &at, Summary: "Cluster cannot be used",
		Detail: fmt.Sprintf("%s: %v. Nothing was changed. Check the kubeconfig and context, and that the API server answers:\n    kubectl version", name, c.Cause),
	}})
}
