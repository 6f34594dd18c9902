package releases

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Compare renders the hops of every move as its cluster would and says what
// they come to. The objects of a release are in memory for as long as it is
// compared and no longer. What an earlier plan found and what is still true is
// not rendered again.
func (s *Set) Compare(ctx context.Context, draft *plan.Draft, parallel int) (map[string]*plan.Outcome, map[string]plan.Problem) {
	outcomes, problems := map[string]*plan.Outcome{}, map[string]plan.Problem{}
	var moves []*plan.Move
	for _, m := range draft.Moves {
		if len(m.Hops) > 0 {
			moves = append(moves, m)
		}
	}
	recalled, fingerprints := s.recall(ctx, moves)
	maps.Copy(outcomes, recalled)
	var rest []*plan.Move
	for _, m := range moves {
		if recalled[m.Release.Address] == nil {
			rest = append(rest, m)
		}
	}
	left, silent := visitsOf(rest), silencesOf(rest, parallel)
	var mu sync.Mutex
	group := errgroup.Group{}
	group.SetLimit(parallel)
	for _, m := range rest {
		group.Go(func() error {
			defer func() {
				if left.last(m) {
					s.helm(m.Release).Leave(m.Release.Namespace)
				}
			}()
			var outcome *plan.Outcome
			var lookups []helm.Lookup
			err := silent.broken(m)
			if err == nil {
				outcome, lookups, err = s.compare(ctx, draft, m)
				silent.note(m, len(lookups) > 0, err)
			}
			if f := fingerprints[m.Release.Address]; err == nil && f != "" {
				_ = s.cache.Put(outcomeName(m), f, kept{outcome, lookups}) // it is found again then
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems[m.Release.Address] = renderProblem(m.Release, err)
			} else {
				outcomes[m.Release.Address] = outcome
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept with each release
	if o := outcomes[s.fleet.System.Address]; o != nil && slices.Contains(o.Migrated, true) {
		draft.MigrationStands = s.migrationStands(ctx)
	}
	draft.Claims = s.claims(ctx, draft, outcomes, parallel)
	draft.Scaled = s.scaled(ctx, draft, outcomes, parallel)
	for _, m := range draft.Leaving {
		objects, err := s.stored(m)
		if err != nil {
			problems[m.Release.Address] = renderProblem(m.Release, err)
			continue
		}
		outcomes[m.Release.Address] = draft.CompareLeaving(m, objects)
	}
	return outcomes, problems
}

// stored is the manifest of a release as Helm keeps it.
func (s *Set) stored(m *plan.Move) ([]plan.Object, error) {
	live, err := s.live.Bodies[plan.KeyOf(m.Release)].Objects()
	if err != nil {
		return nil, &storedError{m.Release.Address, err}
	}
	return objectsOf(live), nil
}

func (s *Set) compare(ctx context.Context, draft *plan.Draft, m *plan.Move) (*plan.Outcome, []helm.Lookup, error) {
	body := s.live.Bodies[plan.KeyOf(m.Release)]
	var before []plan.Object
	if m.Live.Deployed() {
		var err error
		if before, err = s.stored(m); err != nil {
			return nil, nil, err
		}
	}
	var renders []*plan.Rendered
	var lookups []helm.Lookup
	for _, h := range m.Hops {
		target, err := s.target(m.At(h), h.Held, body)
		if err != nil {
			return nil, nil, err
		}
		rendered, err := s.helm(m.Release).Render(ctx, target)
		if err != nil {
			return nil, nil, err
		}
		lookups = append(lookups, rendered.Lookups...)
		definitions, err := s.definitions(ctx, m.Release.Cluster, target.Chart)
		if err != nil {
			return nil, nil, err
		}
		live, want := definitions.of(rendered)
		renders = append(renders, &plan.Rendered{
			CRDs: want, LiveCRDs: live,
			Objects: objectsOf(rendered.Objects), Hooks: hooksOf(rendered), Again: objectsOf(rendered.Again), Subcharts: subchartsOf(rendered.Subcharts),
			Secrets: rendered.LookedUp, Words: s.words.of(target.Chart),
		})
	}
	return draft.Compare(m, before, renders), lookups, nil
}

func objectsOf(list []*unstructured.Unstructured) []plan.Object {
	objects := make([]plan.Object, len(list))
	for i, u := range list {
		objects[i] = u.Object
	}
	return objects
}

func hooksOf(rendered *helm.Rendered) []plan.Object {
	var objects []plan.Object
	for _, h := range rendered.Hooks {
		if made, err := helm.ParseManifest(h.Manifest); err == nil {
			objects = append(objects, objectsOf(made)...)
		}
	}
	return objects
}

func subchartsOf(list []chart.Subchart) []plan.Subchart {
	out := make([]plan.Subchart, len(list))
	for i, s := range list {
		out[i] = plan.Subchart(s)
	}
	return out
}
