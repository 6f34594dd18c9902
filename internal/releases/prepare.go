package releases

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"golang.org/x/sync/errgroup"
)

// Prepare fetches the chart that every release has to get to and works out the
// values that it would be given. What fails for one release is a problem of that
// release.
func (s *Set) Prepare(ctx context.Context, parallel int) *plan.Catalog {
	catalog := plan.NewCatalog()
	var all []source
	for _, r := range s.fleet.Releases() {
		all = append(all, sourceOf(r, r.Version.Original()))
	}
	charts := s.fetch(ctx, all, parallel)
	for _, r := range s.fleet.Releases() {
		at := plan.At{Address: r.Address, Version: r.Version.Original()}
		f := charts[sourceOf(r, at.Version)]
		if f.err != nil {
			catalog.Problems[at] = ChartProblem(f.err)
			continue
		}
		values, err := s.values(r)
		if err != nil {
			catalog.Problems[at] = valuesProblem(r, err)
			continue
		}
		catalog.Wanted[at] = &plan.Wanted{Chart: f.facts, Values: values}
		if body := s.live.Bodies[plan.KeyOf(r)]; body != nil && !s.live.Offline && body.ChartVersion == f.facts.Version {
			catalog.Wanted[at].SameEffect = SameEffect(body, values)
		}
		s.wanted[at] = &wanted{f.chart, catalog.Wanted[at]}
	}
	return catalog
}

// SameEffect says whether values come to what a live release has, once both are
// laid over the defaults of its chart: saying what is the default anyway makes
// no difference.
func SameEffect(body *helm.Release, values map[string]any) bool {
	if plan.SameValues(body.Config, values) {
		return true
	}
	var defaults map[string]any
	if len(body.ChartDefaults) > 0 && json.Unmarshal(body.ChartDefaults, &defaults) != nil {
		return false
	}
	return plan.SameValues(helm.MergeValues(defaults, body.Config), helm.MergeValues(defaults, values))
}

// Extend fetches charts that releases pass through on their way, for releases
// that were prepared.
func (s *Set) Extend(ctx context.Context, catalog *plan.Catalog, lacks []plan.At, parallel int) {
	var all []source
	for _, at := range lacks {
		all = append(all, sourceOf(s.byAddress[at.Address], at.Version))
	}
	charts := s.fetch(ctx, all, parallel)
	for _, at := range lacks {
		r := s.byAddress[at.Address]
		f := charts[sourceOf(r, at.Version)]
		var none *chart.NotFoundError
		switch {
		case errors.As(f.err, &none) || errors.Is(f.err, errOneVersion):
			catalog.Missing[at] = true
		case f.err != nil:
			catalog.Problems[at] = ChartProblem(f.err)
		default:
			target := catalog.Wanted[plan.At{Address: r.Address, Version: r.Version.Original()}]
			if target == nil {
				continue // told already
			}
			values, unknown := s.helm(r).KnownValues(f.chart, plan.PassingValues(target.Values, target.Chart, f.facts))
			catalog.Wanted[at] = &plan.Wanted{Chart: f.facts, Values: values, LeftOut: unknown}
			s.wanted[at] = &wanted{f.chart, catalog.Wanted[at]}
		}
	}
}

// source is a chart at a version. A folder or archive holds but one.
type source struct {
	chart   schema.Chart
	version string
	other   bool // than the one that the files ask for
}

func sourceOf(r *schema.Release, version string) source {
	return source{r.Chart, version, version != r.Version.Original()}
}

// errOneVersion says that a chart on disk has no other versions.
var errOneVersion = errors.New("a folder or archive holds one version")

type fetched struct {
	chart *chart.Chart
	facts *plan.Chart
	err   error
}

// fetch gets each chart version once, however many releases want it.
func (s *Set) fetch(ctx context.Context, sources []source, parallel int) map[source]*fetched {
	charts := map[source]*fetched{}
	group := errgroup.Group{}
	group.SetLimit(parallel)
	for _, src := range sources {
		if charts[src] != nil {
			continue
		}
		f := &fetched{}
		charts[src] = f
		if src.other && !strings.Contains(src.chart.Ref, "://") {
			f.err = errOneVersion
			continue
		}
		group.Go(func() error {
			if f.chart, f.err = s.charts.Fetch(ctx, src.chart, src.version); f.err == nil {
				f.facts = s.facts(f.chart)
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept with each chart
	return charts
}

func (s *Set) facts(c *chart.Chart) *plan.Chart {
	template := s.fleet.System.Migration.Template
	facts := &plan.Chart{
		Name: c.Name, Version: c.Version, AppVersion: c.AppVersion, Digest: helm.DigestLabel(c.Digest),
		SchemaRevision: c.Annotations[observe.SchemaRevisionAnnotation],
		Templates:      map[string]bool{template: c.HasTemplate(template)},
		Breaking:       c.Breaking(), Defaults: c.Defaults(),
	}
	for _, change := range c.Changes() {
		text := change.Description
		if change.Kind != "" {
			text = change.Kind + ": " + text
		}
		facts.Changes = append(facts.Changes, text)
	}
	return facts
}

func (s *Set) values(r *schema.Release) (map[string]any, error) { return WantedValues(r, s.live) }

// WantedValues are what the upgrade is given: the live release's own where asked
// for, the configuration's over them, set last.
func WantedValues(r *schema.Release, live *observe.Live) (map[string]any, error) {
	values := r.Values
	if r.ValuesFromRelease {
		body := live.Bodies[plan.KeyOf(r)]
		if body != nil && live.Offline {
			return nil, errTakenOut
		}
		if body == nil {
			return nil, errNoLiveValues
		}
		values = helm.MergeValues(body.Config, values)
	}
	return helm.EffectiveValues(values, r.Set)
}
