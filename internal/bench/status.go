package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// statuses times soctalk status without any cache, and the helm CLI's list of
// all releases, which tells less.
func (p *planner) statuses(ctx context.Context, n, repeat int) (status, list timing, err error) {
	cache := filepath.Join(p.o.Dir, fmt.Sprintf("cache-%d-status", n))
	var ours, peer []usage
	for range repeat {
		u, err := p.status(ctx, p.o.Kubeconfig, cache, n)
		if err != nil {
			return status, list, err
		}
		ours = append(ours, u)
		helm := command{dir: p.f.dir, env: []string{"KUBECONFIG=" + p.o.Kubeconfig}, args: []string{p.o.Helm, "list", "--all-namespaces", "--all", "--max", "0", "--output", "json"}}
		if u, err = helm.run(ctx); err != nil {
			return status, list, err
		}
		peer = append(peer, u)
	}
	status, list = median("soctalk status, cold", ours), median("helm list --all-namespaces", peer)
	counted, err := newCounter(p.o.Kubeconfig, p.o.Dir)
	if err != nil {
		return status, list, err
	}
	defer counted.close()
	if _, err := p.status(ctx, counted.Kubeconfig, cache, n); err != nil {
		return status, list, err
	}
	status.requests, status.sentOnWire = counted.take(time.Time{})
	return status, list, nil
}

// status asks for the status without a cache, and makes sure that it is that of
// the whole fleet.
func (p *planner) status(ctx context.Context, kubeconfig, cache string, n int) (usage, error) {
	if err := os.RemoveAll(cache); err != nil {
		return usage{}, fmt.Errorf("empty the cache: %w", err)
	}
	u, err := p.command(kubeconfig, cache, "status", "-json").run(ctx)
	if err != nil {
		return usage{}, err
	}
	var doc struct {
		Releases []struct{ Live, Health string } `json:"releases"`
	}
	if err := json.Unmarshal(u.out, &doc); err != nil {
		return usage{}, fmt.Errorf("read the status: %w", err)
	}
	live := 0
	for _, r := range doc.Releases {
		if r.Live == from && r.Health == "ready" {
			live++
		}
	}
	if live != n+1 {
		return usage{}, fmt.Errorf("the status is not that of %d live releases: %d are live and ready", n+1, live)
	}
	return u, nil
}
