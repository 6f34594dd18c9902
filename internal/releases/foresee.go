package releases

import (
	"errors"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Foresee says why releases can never be rendered as far as the files alone
// show it, and calls back for each: a chart on this machine that is none, is of
// another version or refuses the values, and assignments of set that do not fit
// them. What the values of a live release or a registry decide is left out.
func Foresee(f *schema.Fleet, refused func(*schema.Release, plan.Problem)) {
	s := foresight{helm: helm.NewOffline(helm.Capabilities{}), charts: map[source]*fetched{}}
	for _, r := range f.Releases() {
		if r.Unsure {
			continue
		}
		if p := s.problem(r); p != nil {
			refused(r, *p)
		}
	}
}

type foresight struct {
	helm   *helm.Client
	charts map[source]*fetched
}

func (s *foresight) problem(r *schema.Release) *plan.Problem {
	var local *chart.Chart
	if chart.IsLocal(r.Chart) {
		f := s.load(r)
		if f.err != nil {
			p := ChartProblem(f.err)
			return &p
		}
		local = f.chart
	}
	if r.ValuesFromRelease {
		return nil
	}
	var err error
	if local == nil {
		if len(r.Set) > 0 {
			_, err = helm.EffectiveValues(r.Values, r.Set)
		}
	} else {
		err = s.helm.Foresee(helm.Target{Namespace: r.Namespace, Name: r.Name, Chart: local, Values: r.Values, Set: r.Set})
	}
	var set *helm.SetError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &set):
		p := valuesProblem(r, err)
		return &p
	}
	p := renderProblem(r, err)
	return &p
}

// load reads each chart once, however many releases want it.
func (s *foresight) load(r *schema.Release) *fetched {
	src := sourceOf(r, r.Version.Original())
	if s.charts[src] == nil {
		f := &fetched{}
		f.chart, f.err = chart.LoadLocal(r.Chart, src.version)
		s.charts[src] = f
	}
	return s.charts[src]
}
