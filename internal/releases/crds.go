package releases

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// definitions holds the custom resource definitions of charts against those of
// the clusters, each chart once.
type definitions struct{ read sync.Map }

type definitionsKey struct {
	cluster string
	chart   *chart.Chart
}

// chartDefinitions are all definitions of a chart, enabled subcharts' or not.
type chartDefinitions struct {
	once       sync.Once
	live, want []plan.Object
	err        error

	summed sync.Once
	sum    string
}

func (s *Set) definitions(ctx context.Context, cluster string, c *chart.Chart) (*chartDefinitions, error) {
	v, _ := s.crds.read.LoadOrStore(definitionsKey{cluster, c}, &chartDefinitions{})
	d := v.(*chartDefinitions)
	d.once.Do(func() {
		var crds []*unstructured.Unstructured
		for _, file := range c.Helm().CRDObjects() {
			objects, err := helm.ParseManifest(string(file.File.Data))
			if err != nil {
				return // the render says so
			}
			crds = append(crds, objects...)
		}
		if len(crds) == 0 || s.live.Offline {
			return
		}
		live, want, err := s.clusters[cluster].Helm.LiveCRDs(ctx, crds)
		d.live, d.want, d.err = objectsOf(live), objectsOf(want), err
	})
	return d, d.err
}

// digest tells live definitions apart.
func (d *chartDefinitions) digest() string {
	d.summed.Do(func() { d.sum = digest(d.live) })
	return d.sum
}

// of returns the definitions that a render brings.
func (d *chartDefinitions) of(rendered *helm.Rendered) (live, want []plan.Object) {
	brings := map[string]bool{}
	for _, o := range rendered.CRDs {
		brings[o.GetName()] = true
	}
	pick := func(all []plan.Object) (some []plan.Object) {
		for _, o := range all {
			if u := (unstructured.Unstructured{Object: o}); brings[u.GetName()] {
				some = append(some, o)
			}
		}
		return some
	}
	return pick(d.live), pick(d.want)
}

// UpdateCRDs brings the definitions that a step names to what the chart says
// that the release is about to get.
func (s *Set) UpdateCRDs(ctx context.Context, r plan.Release, step plan.Step, report apply.Report) error {
	_, rendered, err := s.renderStep(ctx, r, step)
	if err != nil {
		return err
	}
	wanted := slices.DeleteFunc(rendered.CRDs, func(o *unstructured.Unstructured) bool { return !slices.Contains(step.CRDs, o.GetName()) })
	timeout, err := time.ParseDuration(step.Timeout)
	if err != nil {
		return fmt.Errorf("timeout of step %s: %w", step.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	report.Status(fmt.Sprintf("waiting until %d definitions are established", len(wanted)))
	return cause(s.helm(s.byAddress[r.Address]).ApplyCRDs(ctx, wanted))
}
