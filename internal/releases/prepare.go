package releases

import (
	"context"
	"sync"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Prepare fetches the chart of every release and works out the values that it
// would be given. What fails for one release is a problem of that release.
func (s *Set) Prepare(ctx context.Context, parallel int) (map[string]*plan.Wanted, map[string]plan.Problem) {
	charts := s.fetch(ctx, parallel)
	out, problems := map[string]*plan.Wanted{}, map[string]plan.Problem{}
	s.wanted = map[string]*wanted{}
	for _, r := range s.fleet.Releases() {
		f := charts[sourceOf(r)]
		if f.err != nil {
			problems[r.Address] = ChartProblem(f.err)
			continue
		}
		values, err := s.values(r)
		if err != nil {
			problems[r.Address] = valuesProblem(r, err)
			continue
		}
		s.wanted[r.Address] = &wanted{f.chart, values}
		out[r.Address] = &plan.Wanted{Chart: f.facts, Values: values}
	}
	return out, problems
}

type source struct {
	chart   schema.Chart
	version string
}

func sourceOf(r *schema.Release) source { return source{r.Chart, r.Version.Original()} }

type fetched struct {
	chart *chart.Chart
	facts *plan.Chart
	err   error
}

// fetch gets each chart version once, however many releases want it.
func (s *Set) fetch(ctx context.Context, parallel int) map[source]*fetched {
	charts := map[source]*fetched{}
	group := errgroup.Group{}
	group.SetLimit(parallel)
	for _, r := range s.fleet.Releases() {
		src := sourceOf(r)
		if charts[src] != nil {
			continue
		}
		f := &fetched{}
		charts[src] = f
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

// values are what the upgrade is given: the live release's own where asked
// for, the configuration's over them, set last.
func (s *Set) values(r *schema.Release) (map[string]any, error) {
	values := r.Values
	if r.ValuesFromRelease {
		body := s.live.Bodies[plan.KeyOf(r)]
		if body == nil {
			return nil, errNoLiveValues
		}
		values = helm.MergeValues(body.Config, values)
	}
	return helm.EffectiveValues(values, r.Set)
}

// Render renders every move that asks for it, as its cluster would.
func (s *Set) Render(ctx context.Context, moves []*plan.Move, parallel int) (map[string]*plan.Rendered, map[string]plan.Problem) {
	out, problems := map[string]*plan.Rendered{}, map[string]plan.Problem{}
	var mu sync.Mutex
	group := errgroup.Group{}
	group.SetLimit(parallel)
	for _, m := range moves {
		if !m.Render {
			continue
		}
		group.Go(func() error {
			rendered, err := s.render(ctx, m.Release)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems[m.Release.Address] = renderProblem(m.Release, err)
			} else {
				out[m.Release.Address] = rendered
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept with each release
	return out, problems
}

func (s *Set) render(ctx context.Context, r *schema.Release) (*plan.Rendered, error) {
	target, err := s.target(r, s.live.Bodies[plan.KeyOf(r)])
	if err != nil {
		return nil, err
	}
	rendered, err := s.helm(r).Render(ctx, target)
	if err != nil {
		return nil, err
	}
	return &plan.Rendered{Objects: objectsOf(rendered.Objects), Again: objectsOf(rendered.Again)}, nil
}

func objectsOf(list []*unstructured.Unstructured) []plan.Object {
	objects := make([]plan.Object, len(list))
	for i, u := range list {
		objects[i] = u.Object
	}
	return objects
}
