package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// timing is what something cost over a fleet.
type timing struct {
	name                 string
	seconds, cpu         float64
	peak                 int64 // bytes
	requests, sentOnWire int64
	first                time.Time // of an apply, when its first step began
}

// planner runs soctalk plan.
type planner struct {
	o Options
	f fleet
}

// newPlanner locks the fleet's charts, as a repository would hold it.
func (o Options) newPlanner(ctx context.Context, f fleet) (*planner, error) {
	p := &planner{o, f}
	if _, err := p.command(o.Kubeconfig, filepath.Join(o.Dir, "cache-init"), "init").run(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *planner) command(kubeconfig, cache string, args ...string) command {
	return command{
		dir:  p.f.dir,
		env:  []string{"KUBECONFIG=" + kubeconfig, "XDG_CACHE_HOME=" + cache, "SOCTALK_IN_AUTOMATION=1"},
		args: append([]string{p.o.Soctalk}, args...),
	}
}

// plan makes a plan and holds it against what the fleet must give, so that
// nothing is measured that went wrong.
func (p *planner) plan(ctx context.Context, kubeconfig, cache string, n int) (usage, error) {
	document := filepath.Join(p.o.Dir, "plan.json")
	u, err := p.command(kubeconfig, cache, "plan", "-json-into="+document).run(ctx)
	if err != nil {
		return usage{}, err
	}
	data, err := os.ReadFile(document)
	if err != nil {
		return usage{}, fmt.Errorf("read the plan: %w", err)
	}
	var doc struct {
		Complete bool                     `json:"complete"`
		Summary  struct{ Upgrade int }    `json:"summary"`
		Classes  []struct{ Diff []any }   `json:"classes"`
		Releases []struct{ Class string } `json:"releases"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return usage{}, fmt.Errorf("read the plan: %w", err)
	}
	if !doc.Complete || doc.Summary.Upgrade != n+1 || len(doc.Classes) < 2 || slices.ContainsFunc(doc.Classes, func(c struct{ Diff []any }) bool { return len(c.Diff) == 0 }) {
		return usage{}, fmt.Errorf("the plan is not that of %d upgrades with their diffs: complete %v, upgrades %d, classes %d", n+1, doc.Complete, doc.Summary.Upgrade, len(doc.Classes))
	}
	return u, nil
}

// time plans without any cache, charts included, and then again with nothing
// changed. Requests are counted in runs of their own.
func (p *planner) time(ctx context.Context, n, repeat int) (cold, unchanged timing, err error) {
	var colds, again []usage
	for i := range repeat {
		cache := filepath.Join(p.o.Dir, fmt.Sprintf("cache-%d-%d", n, i))
		if err := os.RemoveAll(cache); err != nil {
			return cold, unchanged, fmt.Errorf("empty the cache: %w", err)
		}
		for _, into := range []*[]usage{&colds, &again} {
			u, err := p.plan(ctx, p.o.Kubeconfig, cache, n)
			if err != nil {
				return cold, unchanged, err
			}
			*into = append(*into, u)
		}
	}
	cold, unchanged = median("soctalk plan, cold", colds), median("soctalk plan, nothing changed", again)

	counted, err := newCounter(p.o.Kubeconfig, p.o.Dir)
	if err != nil {
		return cold, unchanged, err
	}
	defer counted.close()
	cache := filepath.Join(p.o.Dir, fmt.Sprintf("cache-%d-counted", n))
	if err := os.RemoveAll(cache); err != nil {
		return cold, unchanged, fmt.Errorf("empty the cache: %w", err)
	}
	for _, t := range []*timing{&cold, &unchanged} {
		if _, err := p.plan(ctx, counted.Kubeconfig, cache, n); err != nil {
			return cold, unchanged, err
		}
		t.requests, t.sentOnWire = counted.take(time.Time{})
	}
	return cold, unchanged, nil
}

// median is the run in the middle, and the highest peak of all.
func median(name string, runs []usage) timing {
	slices.SortFunc(runs, func(a, b usage) int { return int(a.wall - b.wall) })
	middle := runs[len(runs)/2]
	peak := slices.MaxFunc(runs, func(a, b usage) int { return int(a.peak - b.peak) }).peak
	return timing{name: name, seconds: middle.wall.Seconds(), cpu: middle.cpu.Seconds(), peak: peak}
}
