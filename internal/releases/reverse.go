package releases

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/plan"
	"golang.org/x/sync/errgroup"
)

// Past is the releases of a run that is to be rolled back: as they are live, and
// as Helm's history has them.
type Past struct {
	set      *Set
	undo     *plan.Undo
	parallel int

	mu     sync.Mutex
	live   map[string]*helm.Release
	stored map[plan.Stored]*helm.Release
}

// NewPast fills in what is live of the releases of a run and of the fleet. runs
// are those whose revisions count as the run's own.
func (s *Set) NewPast(ctx context.Context, u *plan.Undo, runs map[string]bool, parallel int) (*Past, error) {
	p := &Past{set: s, undo: u, parallel: parallel, live: map[string]*helm.Release{}, stored: map[plan.Stored]*helm.Release{}}
	u.Live, u.Unread, u.Stored = map[string]*plan.Standing{}, map[string]string{}, map[plan.Stored]*plan.Live{}
	for _, r := range s.fleet.Releases() {
		key := plan.KeyOf(r)
		if live := s.live.Releases[key]; live != nil {
			body := s.live.Bodies[key]
			p.live[r.Address], u.Live[r.Address] = body, &plan.Standing{Live: live, Own: runs[body.Labels[helm.LabelRun]]}
		}
		for _, why := range []string{s.live.Problems[key], s.live.Clusters[key.Cluster]} {
			if why != "" {
				u.Unread[r.Address] = why
			}
		}
	}
	return p, p.leftOut(ctx, runs)
}

// leftOut reads the releases of the run that the files do not name any more.
func (p *Past) leftOut(ctx context.Context, runs map[string]bool) error {
	group := errgroup.Group{}
	group.SetLimit(p.parallel)
	for _, r := range p.undo.Plan.Releases {
		if p.set.byAddress[r.Address] != nil || p.set.clusters[r.Cluster] == nil {
			continue
		}
		if err := p.set.clusters[r.Cluster].Failed; err != nil {
			p.undo.Unread[r.Address] = err.Error()
			continue
		}
		group.Go(func() error {
			body, live, err := p.read(ctx, r, 0)
			p.mu.Lock()
			defer p.mu.Unlock()
			switch {
			case err != nil:
				p.undo.Unread[r.Address] = err.Error()
			case body != nil:
				p.live[r.Address], p.undo.Live[r.Address] = body, &plan.Standing{Live: live, Own: runs[body.Labels[helm.LabelRun]]}
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept with each release
	return ctx.Err()
}

// read reads one revision, 0 being the newest; nil when it is not there.
func (p *Past) read(ctx context.Context, r plan.Release, revision int) (*helm.Release, *plan.Live, error) {
	body, err := p.set.clusters[r.Cluster].Helm.Get(ctx, r.Namespace, r.Name, revision)
	var gone *helm.NotFoundError
	if errors.As(err, &gone) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	live, err := observe.LiveOf(body, false)
	return body, live, err
}

// LookUp looks up what a way back lacks in Helm's history.
func (p *Past) LookUp(ctx context.Context, lacks []plan.Stored) error {
	byAddress := map[string]plan.Release{}
	for _, r := range p.undo.Plan.Releases {
		byAddress[r.Address] = r
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.parallel)
	for _, key := range lacks {
		group.Go(func() error {
			body, live, err := p.read(ctx, byAddress[key.Address], key.Revision)
			if err != nil {
				return fmt.Errorf("read what %s was at revision %d: %w", key.Address, key.Revision, err)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.stored[key], p.undo.Stored[key] = body, live
			return nil
		})
	}
	return group.Wait()
}

// Compare says what the way back of each release comes to.
func (p *Past) Compare(v *plan.Reversal) (map[string]*plan.ReturnOutcome, map[string]plan.Problem) {
	outcomes, problems := map[string]*plan.ReturnOutcome{}, map[string]plan.Problem{}
	group := errgroup.Group{}
	group.SetLimit(p.parallel)
	for _, r := range v.Returns {
		if len(r.Legs) == 0 {
			continue
		}
		group.Go(func() error {
			outcome, err := p.compare(v, r)
			p.mu.Lock()
			defer p.mu.Unlock()
			if err != nil {
				problems[r.Release.Address] = plan.Problem{Summary: "Release cannot be compared", Detail: err.Error()}
			} else {
				outcomes[r.Release.Address] = outcome
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept with each release
	return outcomes, problems
}

func (p *Past) compare(v *plan.Reversal, r *plan.Return) (*plan.ReturnOutcome, error) {
	before, err := objectsIn(p.live[r.Release.Address])
	if err != nil {
		return nil, fmt.Errorf("read the live manifest of %s: %w", r.Release.Address, err)
	}
	key := plan.Stored{Address: r.Release.Address, Revision: r.Final}
	body, live := p.stored[key], p.undo.Stored[key]
	if body == nil { // only its data go back
		body, live = p.live[r.Release.Address], r.Live
	}
	after, err := objectsIn(body)
	if err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d of %s: %w", r.Final, r.Release.Address, err)
	}
	var passed [][]plan.Object
	for _, revision := range r.Passes() {
		objects, err := objectsIn(p.stored[plan.Stored{Address: r.Release.Address, Revision: revision}])
		if err != nil {
			return nil, fmt.Errorf("read the manifest of revision %d of %s: %w", revision, r.Release.Address, err)
		}
		passed = append(passed, objects)
	}
	return v.Compare(r, before, after, live, wordsIn(p.live[r.Release.Address], body), passed...), nil
}

func objectsIn(body *helm.Release) ([]plan.Object, error) {
	list, err := body.Objects()
	return objectsOf(list), err
}
