// Package releases is the fleet's Helm releases as things that can be prepared
// for a plan and changed by an apply.
package releases

import (
	"fmt"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/plancache"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"k8s.io/utils/lru"
)

// Set is every release of a fleet, with the clusters and charts at hand.
type Set struct {
	fleet    *schema.Fleet
	clusters observe.Clusters
	charts   *chart.Resolver
	live     *observe.Live
	key      plan.Key
	runID    string
	cache    *plancache.Cache
	planned  map[string]int  // revisions that the plan was made against
	waysBack map[string]bool // labels of the run's ways back
	keptRuns map[string]bool // whose rollback points stay

	byAddress map[string]*schema.Release
	wanted    map[plan.At]*wanted
	crds      definitions
	words     words
	// read are the bodies that steps are about to start from, by address; no more
	// than a wide run has under way, since all releases may be looked at before it.
	read *lru.Cache
}

// mostRead bounds the bodies that are kept between a look and its step.
const mostRead = 64

// wanted is what a release should be, with the chart itself.
type wanted struct {
	chart *chart.Chart
	facts *plan.Wanted
}

// New gathers what is needed to plan for a fleet as it was observed.
func New(f *schema.Fleet, clusters observe.Clusters, charts *chart.Resolver, live *observe.Live, key plan.Key) *Set {
	s := &Set{fleet: f, clusters: clusters, charts: charts, live: live, key: key, byAddress: map[string]*schema.Release{}, wanted: map[plan.At]*wanted{}, read: lru.New(mostRead)}
	for _, r := range f.Releases() {
		s.byAddress[r.Address] = r
	}
	return s
}

func (s *Set) helm(r *schema.Release) *helm.Client { return s.clusters[r.Cluster].Helm }

// target is what Helm is given for a release at a version; base is its live
// revision, and held what the system's provisioning pins are left at.
func (s *Set) target(at plan.At, held *plan.HeldPins, base *helm.Release) (helm.Target, error) {
	w := s.wanted[at]
	if w == nil {
		return helm.Target{}, fmt.Errorf("%s: its chart %s was not fetched", at.Address, at.Version)
	}
	r := s.byAddress[at.Address]
	values := w.facts.Values
	if held != nil {
		values = plan.HeldValues(s.live.Releases[plan.KeyOf(r)], w.facts, held)
	}
	return helm.Target{Namespace: r.Namespace, Name: r.Name, Chart: w.chart, Values: values, Base: base}, nil
}
