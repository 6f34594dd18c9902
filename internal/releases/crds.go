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
	// count tells a chart with other subcharts enabled apart.
	count int
}

type definitionsEntry struct {
	once       sync.Once
	live, want []plan.Object
	err        error
}

func (s *Set) definitions(ctx context.Context, m *plan.Move, c *chart.Chart, rendered *helm.Rendered) (live, want []plan.Object, err error) {
	if len(rendered.CRDs) == 0 || s.live.Offline {
		return nil, nil, nil
	}
	v, _ := s.crds.read.LoadOrStore(definitionsKey{m.Release.Cluster, c, len(rendered.CRDs)}, &definitionsEntry{})
	e := v.(*definitionsEntry)
	e.once.Do(func() {
		live, want, err := s.helm(m.Release).LiveCRDs(ctx, rendered.CRDs)
		e.live, e.want, e.err = objectsOf(live), objectsOf(want), err
	})
	return e.live, e.want, e.err
}

// UpdateCRDs brings the definitions that a step names to what the chart says
// that the release is about to get.
func (s *Set) UpdateCRDs(ctx context.Context, r plan.Release, step plan.Step, report apply.Report) error {
	rel := s.byAddress[r.Address]
	base, err := s.body(ctx, rel)
	if err != nil {
		return err
	}
	target, err := s.targetOf(r, step, base)
	if err != nil {
		return err
	}
	rendered, err := s.helm(rel).Render(ctx, target)
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
	return cause(s.helm(rel).ApplyCRDs(ctx, wanted))
}
