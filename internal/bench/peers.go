package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// peer is a loop of other programs that does, release by release, the work of
// a plan.
type peer struct {
	name string
	// commands are those for one release. The outputs of the first and the
	// second are the files that the third gets.
	commands func(i int) []command
	dir      string
}

// peers are the loops that the helm CLI's users write. Both get the chart as a
// file, which spares them the registry. Without a cluster helm has to be told
// the version of Kubernetes.
func (o Options) peers(f fleet, kubernetes string) []peer {
	home := filepath.Join(o.Dir, "helm-home")
	helm := func(i int, args ...string) command {
		return command{
			dir:  f.dir,
			env:  []string{"KUBECONFIG=" + o.Kubeconfig, "HOME=" + home, "XDG_CACHE_HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home},
			args: append([]string{o.Helm, "--namespace", tenantRelease(i)}, args...),
		}
	}
	render := func(i int, args ...string) command {
		args = append(args, tenantRelease(i), f.archive(tenantChart, to), "--values", f.commonValues(), "--values", f.tenantValues(i))
		return helm(i, args...)
	}
	manifest := func(i int) command { return helm(i, "get", "manifest", tenantRelease(i)) }
	return []peer{
		{name: "helm upgrade --install --dry-run=server, get manifest", dir: o.Dir, commands: func(i int) []command {
			return []command{render(i, "upgrade", "--install", "--dry-run=server"), manifest(i)}
		}},
		{name: "helm get manifest, template, diff", dir: o.Dir, commands: func(i int) []command {
			return []command{manifest(i), render(i, "template", "--is-upgrade", "--kube-version", kubernetes), {args: []string{"diff", "-u"}, codes: []int{1}}}
		}},
	}
}

// time runs the loop over a sample that is spread over the fleet, and scales
// its time to all n releases.
func (p peer) time(ctx context.Context, n, sample int) (timing, error) {
	sample = min(n, sample)
	t := timing{name: p.name}
	// The first call fills what the helm CLI keeps of discovery.
	if _, err := p.one(ctx, 0); err != nil {
		return t, err
	}
	for k := range sample {
		u, err := p.one(ctx, k*n/sample)
		if err != nil {
			return t, err
		}
		t.seconds += u.wall.Seconds()
		t.cpu += u.cpu.Seconds()
		t.peak = max(t.peak, u.peak)
	}
	scale := float64(n) / float64(sample)
	t.seconds *= scale
	t.cpu *= scale
	return t, nil
}

// one does the work for one release.
func (p peer) one(ctx context.Context, i int) (usage, error) {
	var sum usage
	var outputs []string
	for k, c := range p.commands(i) {
		if len(outputs) == 2 {
			c.args = append(c.args, outputs...)
		}
		u, err := c.run(ctx)
		if err != nil {
			return sum, err
		}
		sum.wall += u.wall
		sum.cpu += u.cpu
		sum.peak = max(sum.peak, u.peak)
		file := filepath.Join(p.dir, fmt.Sprintf("peer-%d.yaml", k))
		if err := os.WriteFile(file, u.out, 0o600); err != nil {
			return sum, fmt.Errorf("keep the output of %s: %w", c.args[0], err)
		}
		outputs = append(outputs, file)
	}
	return sum, nil
}
