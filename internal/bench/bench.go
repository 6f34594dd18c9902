package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/soctalk/fleet/internal/kube"
)

// Options say what to measure, and with what.
type Options struct {
	// Sizes are the numbers of tenants.
	Sizes []int
	// Revisions is the length of every release's history.
	Revisions int
	// Sample bounds the releases that a peer's loop goes over; its time is
	// scaled up to all of them.
	Sample int
	// Repeat is how often a plan is timed. The median counts.
	Repeat int
	// Apply also upgrades the fleet, at its largest, which can be done once; not
	// a fleet that lacks objects.
	Apply bool
	// Examples is the folder with the charts and the compatibility matrix.
	Examples string
	// Soctalk and Helm are the programs.
	Soctalk, Helm string
	// Kubeconfig and Registry are those of the sandbox.
	Kubeconfig, Registry string
	// Dir is a folder for what the run needs.
	Dir string
	// Log hears about the progress.
	Log io.Writer
}

func (o Options) fleetDir(n int) string { return filepath.Join(o.Dir, fmt.Sprintf("fleet-%d", n)) }

func (o Options) logf(format string, args ...any) { _, _ = fmt.Fprintf(o.Log, format+"\n", args...) }

// BuildHelm builds the helm CLI of the module in source into dir, and returns
// its path.
func BuildHelm(ctx context.Context, source, dir string) (string, error) {
	helm := filepath.Join(dir, "helm")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", helm, "helm.sh/helm/v3/cmd/helm")
	cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the helm CLI: %w\n%s", err, out)
	}
	return helm, nil
}

// Run measures every size, the smallest first: the fleet grows. build makes n
// tenants live, in a process of its own; see [Build].
func Run(ctx context.Context, o Options, build func(n int) error) (*Report, error) {
	report := &Report{}
	for _, n := range slices.Sorted(slices.Values(o.Sizes)) {
		o.logf("building a fleet of %d tenants with %d revisions each", n, o.Revisions)
		if err := build(n); err != nil {
			return nil, fmt.Errorf("build the fleet of %d tenants: %w", n, err)
		}
		s, err := o.measure(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("measure %d tenants: %w", n, err)
		}
		report.sizes = append(report.sizes, s)
	}
	return report, nil
}

// size is what was measured at one number of tenants.
type size struct {
	n               int
	cold, unchanged timing
	peers           []timing
	// status is without any cache, list what the helm CLI has for the purpose;
	// neither is measured where the fleet lacks objects.
	status, list timing
	applied      *applied // nil where it was not measured
}

func (o Options) measure(ctx context.Context, n int) (*size, error) {
	f := fleet{o.fleetDir(n)}
	p, err := o.newPlanner(ctx, f)
	if err != nil {
		return nil, err
	}
	s := &size{n: n}
	o.logf("timing soctalk plan over %d tenants, %d times without any cache and %d times again", n, o.Repeat, o.Repeat)
	if s.cold, s.unchanged, err = p.time(ctx, n, o.Repeat); err != nil {
		return nil, err
	}
	if n <= entire {
		o.logf("timing soctalk status and helm list over %d tenants, %d times", n, o.Repeat)
		if s.status, s.list, err = p.statuses(ctx, n, o.Repeat); err != nil {
			return nil, err
		}
	}
	k, err := kube.New(kube.Config{Kubeconfig: o.Kubeconfig})
	if err != nil {
		return nil, err
	}
	version, err := k.Version(ctx)
	if err != nil {
		return nil, err
	}
	for _, peer := range o.peers(f, version.GitVersion) {
		o.logf("timing %s over %d of %d releases", peer.name, min(o.Sample, n), n)
		t, err := peer.time(ctx, n, o.Sample)
		if err != nil {
			return nil, err
		}
		s.peers = append(s.peers, t)
	}
	if o.Apply && n >= leastToApply && n <= entire && n == slices.Max(o.Sizes) {
		if s.applied, err = o.measureApply(ctx, f, p, n); err != nil {
			return nil, err
		}
	}
	return s, nil
}
