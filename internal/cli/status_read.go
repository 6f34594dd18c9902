package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/compat"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/plancache"
	"github.com/soctalk/fleet/internal/releases"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"golang.org/x/sync/errgroup"
)

// statusReader reads the status of a fleet, as often as it is asked.
type statusReader struct {
	fleet    *schema.Fleet
	clusters observe.Clusters
	// drift also looks at live objects.
	drift bool
	cache *plancache.Cache
}

// seen is what was read at one moment.
type seen struct {
	at     time.Time
	live   *observe.Live
	health *observe.Health
	drift  map[plan.ReleaseKey]*releases.Drift
	runs   []*journal.Run
	noRuns error
}

// read reads releases, workloads and journal side by side.
func (r *statusReader) read(ctx context.Context, a *app) (*view.Status, error) {
	defer a.working("Reading what is live")()
	s := &seen{at: time.Now().UTC()}
	if r.cache == nil {
		r.cache = openCache(ctx, r.fleet, r.clusters)
	}
	for _, c := range r.clusters {
		c.Memory = r.cache
	}
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s.live, err = observe.Releases(reading, r.fleet, r.clusters, defaultParallelism)
		return err
	})
	group.Go(func() error {
		s.health = observe.ReadHealth(reading, r.clusters)
		return nil
	})
	group.Go(func() error {
		k, namespace := r.clusters[r.fleet.System.Cluster].Kube, r.fleet.System.Namespace
		if s.runs, s.noRuns = journal.Runs(reading, k, namespace); s.noRuns == nil {
			s.noRuns = journal.NoteCutOff(reading, k, namespace, s.runs...)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, clusterFault(r.fleet, err)
	}
	_ = r.cache.Save() // the next look takes longer then
	if r.drift {
		s.drift = releases.FindDrift(ctx, r.clusters, s.live, defaultParallelism)
	}
	return r.document(s), nil
}

func (r *statusReader) document(s *seen) *view.Status {
	status := &view.Status{FormatVersion: plan.FormatVersion, Observed: s.at, Releases: []view.ReleaseStatus{}, Unmanaged: []string{}}
	main := map[string]bool{}
	for _, t := range r.fleet.Tenants {
		main[t.Address] = true
	}
	for _, release := range r.fleet.Releases() {
		row := s.row(release)
		if main[release.Address] {
			r.besideSystem(&row, s, release)
		}
		row.OK = row.Health == "ready" && !row.Drift && row.Compatibility != string(schema.Blocked)
		status.Releases = append(status.Releases, row)
	}
	for _, k := range s.live.Unmanaged {
		status.Unmanaged = append(status.Unmanaged, k.String())
	}
	switch {
	case s.noRuns != nil:
		status.Journal = s.noRuns.Error()
	case len(s.runs) > 0:
		run := s.runs[0]
		status.LastRun = &view.RunStatus{Run: run.ID, State: string(run.State), By: run.By, Started: run.Started, Ended: run.Ended, Stopped: run.Stopped}
	}
	return status
}

// besideSystem rates a tenant beside the live system.
func (r *statusReader) besideSystem(row *view.ReleaseStatus, s *seen, tenant *schema.Release) {
	system, live := s.live.Releases[plan.KeyOf(&r.fleet.System.Release)], s.live.Releases[plan.KeyOf(tenant)]
	if !system.Deployed() || !live.Deployed() {
		return
	}
	row.Compatibility = string(compat.Rate(r.fleet.Compatibility, system.Version, live.Version).Status)
	if !system.Version.Equal(live.Version) {
		row.Skew = &view.SkewStatus{System: system.Version.String(), Since: later(system.Modified, live.Modified)}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// row is one release, without what it is beside.
func (s *seen) row(r *schema.Release) view.ReleaseStatus {
	key := plan.KeyOf(r)
	row := view.ReleaseStatus{Address: r.Address, Cluster: r.Cluster, Namespace: r.Namespace, Release: r.Name, Wanted: r.Version.String()}
	if why, bad := s.live.Clusters[key.Cluster]; bad {
		row.Health = "unknown: " + why
		return row
	}
	if why, bad := s.live.Problems[key]; bad {
		row.Health = "unknown: " + why
		return row
	}
	l := s.live.Releases[key]
	if !l.Deployed() {
		row.Health = "not installed"
		return row
	}
	row.Live, row.Revision, row.Status, row.Updated = l.Version.String(), l.Revision, l.Status, l.Modified
	row.LastRun = s.live.Bodies[key].Labels[helm.LabelRun]
	s.healthOf(&row, key)
	if l.Status != "deployed" {
		row.Health = strings.TrimSuffix(l.Status+", "+row.Health, ", ready")
	}
	s.differences(&row, r, l)
	return row
}

// healthOf says whether the workloads of a release are ready.
func (s *seen) healthOf(row *view.ReleaseStatus, key plan.ReleaseKey) {
	if err := s.health.Clusters[key.Cluster]; err != nil {
		row.Health = "unknown: " + err.Error()
		return
	}
	row.Health = "ready"
	if w := s.health.Releases[key]; w != nil {
		row.Workloads = &view.WorkloadsStatus{Ready: w.Ready, Total: w.Total}
		if row.Waiting = w.Waiting; len(w.Waiting) > 0 {
			row.Health = w.Waiting[0]
		}
	}
}

// differences says in what a live release is not what was asked for.
func (s *seen) differences(row *view.ReleaseStatus, r *schema.Release, l *plan.Live) {
	if !l.Version.Equal(r.Version) {
		row.Differs = append(row.Differs, "version")
	}
	if want, err := releases.WantedValues(r, s.live); err != nil || !releases.SameEffect(s.live.Bodies[plan.KeyOf(r)], want) {
		row.Differs = append(row.Differs, "values")
	}
	if d := s.drift[plan.KeyOf(r)]; d != nil {
		if d.Problem != nil {
			row.Health = fmt.Sprintf("unknown: it cannot be held against the cluster: %v", d.Problem)
		}
		for _, f := range d.Findings {
			row.Drifted = append(row.Drifted, view.ObjectSeen{Kind: f.ObjectKind, Namespace: f.Namespace, Name: f.Name, Missing: f.Missing, Paths: f.Paths, By: f.By})
		}
		if len(row.Drifted) > 0 {
			row.Differs = append(row.Differs, "objects")
		}
	}
	row.Drift = len(row.Differs) > 0
}
