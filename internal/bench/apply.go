package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// width is how many tenants move at a time where it is more than one.
	width = 20
	// applySample is how many tenants each loop goes over that is no wider than
	// one; leastToApply are the tenants that a fleet needs, so that there are
	// enough for everybody: whoever is upgraded cannot be upgraded again.
	applySample  = 10
	leastToApply = 5 * applySample
)

// applied is what it cost to upgrade the tenants of a fleet.
type applied struct {
	// one and wide are ours, one at a time and width at a time.
	one, wide timing
	// loop and xargs are the helm CLI's.
	loop, xargs timing
}

// applier upgrades tenants, each of them once.
type applier struct {
	o Options
	f fleet
	p *planner
	n int
	// next is the first tenant that is not upgraded yet.
	next int
}

// measureApply upgrades the fleet: the system first, which is not timed, then
// everybody's share of the tenants. Every time is scaled to all of them.
func (o Options) measureApply(ctx context.Context, f fleet, p *planner, n int) (*applied, error) {
	a := &applier{o: o, f: f, p: p, n: n}
	o.logf("upgrading the system")
	if _, err := a.soctalk(o.Kubeconfig, "apply", "-auto-approve", "-target=system").run(ctx); err != nil {
		return nil, err
	}
	out := &applied{}
	var err error
	o.logf("timing helm upgrade --install --wait over %d tenants, one after the other", applySample)
	if out.loop, err = a.helm(ctx, "loop of helm upgrade --install --wait", 1, applySample); err != nil {
		return nil, err
	}
	o.logf("timing soctalk apply over %d tenants, one after the other", applySample)
	if out.one, err = a.ours(ctx, "soctalk apply, width 1", o.Kubeconfig, 1, applySample); err != nil {
		return nil, err
	}
	counted, err := newCounter(o.Kubeconfig, o.Dir)
	if err != nil {
		return nil, err
	}
	defer counted.close()
	some, err := a.ours(ctx, "counted", counted.Kubeconfig, width, applySample)
	if err != nil {
		return nil, err
	}
	some.requests, some.sentOnWire = counted.take(some.first)
	rest := n - a.next
	o.logf("timing helm upgrade --install --wait over %d tenants, %d at a time", rest/4, width)
	if out.xargs, err = a.helm(ctx, fmt.Sprintf("xargs -P %d helm upgrade --install --wait", width), width, rest/4); err != nil {
		return nil, err
	}
	rest = n - a.next
	o.logf("timing soctalk apply over %d tenants, %d at a time", rest, width)
	if out.wide, err = a.ours(ctx, fmt.Sprintf("soctalk apply, width %d", width), o.Kubeconfig, width, rest); err != nil {
		return nil, err
	}
	scale := int64(n) / applySample
	for _, t := range []*timing{&out.one, &out.wide} {
		t.requests, t.sentOnWire = some.requests*scale, some.sentOnWire*scale
	}
	return out, nil
}

// take returns the next tenants to upgrade.
func (a *applier) take(count int) []string {
	var slugs []string
	for range count {
		slugs = append(slugs, slug(a.next))
		a.next++
	}
	return slugs
}

func (a *applier) soctalk(kubeconfig string, args ...string) command {
	return a.p.command(kubeconfig, filepath.Join(a.o.Dir, "cache-apply"), args...)
}

// ours plans the upgrade of some tenants, which is not timed, and times how it
// is carried out. What comes before the first step is paid once, so it is not
// scaled.
func (a *applier) ours(ctx context.Context, name, kubeconfig string, parallel, count int) (timing, error) {
	file := filepath.Join(a.o.Dir, "apply.plan")
	plan := []string{"plan", "-out=" + file}
	for _, s := range a.take(count) {
		plan = append(plan, fmt.Sprintf("-target=tenant.fleet[%q]", s))
	}
	if _, err := a.soctalk(a.o.Kubeconfig, plan...).run(ctx); err != nil {
		return timing{}, err
	}
	begun := time.Now()
	u, err := a.soctalk(kubeconfig, "apply", "-json", fmt.Sprintf("-parallelism=%d", parallel), file).run(ctx)
	if err != nil {
		return timing{}, err
	}
	first, done, err := steps(u.out)
	if err != nil {
		return timing{}, err
	}
	if done != count {
		return timing{}, fmt.Errorf("%d of %d tenants were upgraded\n%s", done, count, tail(u.out))
	}
	once := first.Sub(begun).Seconds()
	scale := float64(a.n) / float64(count)
	return timing{name: name, seconds: once + (u.wall.Seconds()-once)*scale, cpu: u.cpu.Seconds() * scale, peak: u.peak, first: first}, nil
}

// steps reads a run stream: when its first step began, and how many upgrades
// were done.
func steps(stream []byte) (first time.Time, upgrades int, err error) {
	lines := bufio.NewScanner(bytes.NewReader(stream))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Time time.Time `json:"@timestamp"`
			Type string    `json:"type"`
			Step struct {
				Kind string `json:"kind"`
			} `json:"step"`
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return first, upgrades, fmt.Errorf("read the run stream: %w", err)
		}
		switch {
		case e.Type == "step_start" && first.IsZero():
			first = e.Time
		case e.Type == "step_done" && e.Step.Kind == "upgrade":
			upgrades++
		}
	}
	if first.IsZero() {
		return first, upgrades, fmt.Errorf("the run stream has no step\n%s", tail(stream))
	}
	return first, upgrades, nil
}

// helm upgrades some tenants as the runbook does, so many at a time. The loop,
// too, is xargs': that costs less than a shell's.
func (a *applier) helm(ctx context.Context, name string, parallel, count int) (timing, error) {
	list := filepath.Join(a.o.Dir, "tenants.txt")
	if err := os.WriteFile(list, []byte(strings.Join(a.take(count), "\n")+"\n"), 0o600); err != nil {
		return timing{}, fmt.Errorf("write the tenants to upgrade: %w", err)
	}
	home := filepath.Join(a.o.Dir, "helm-home")
	const script = `exec xargs -P "$1" -I{} "$2" --namespace tenant-{} upgrade --install --wait --values "$3" --values values/{}.yaml tenant-{} "$4" <"$5"`
	u, err := command{
		dir:  a.f.dir,
		env:  []string{"KUBECONFIG=" + a.o.Kubeconfig, "HOME=" + home, "XDG_CACHE_HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home},
		args: []string{"sh", "-c", script, "sh", fmt.Sprint(parallel), a.o.Helm, a.f.commonValues(), a.f.archive(tenantChart, to), list},
	}.run(ctx)
	if err != nil {
		return timing{}, err
	}
	scale := float64(a.n) / float64(count)
	return timing{name: name, seconds: u.wall.Seconds() * scale, cpu: u.cpu.Seconds() * scale, peak: u.peak}, nil
}

// rows compares what was measured.
func (a *applied) rows(n int) []Row {
	return []Row{
		compare("apply-width-1", n, a.one, a.loop),
		compare(fmt.Sprintf("apply-width-%d", width), n, a.wide, a.loop),
		compare(fmt.Sprintf("apply-width-%d", width), n, a.wide, a.xargs),
	}
}

const (
	// slower is how much slower than helm's own loop ours may be at width 1.
	slower       = 1.05
	fasterWide   = 8
	applyPeakMiB = 500
)

// goals are stated for 200 tenants and, of memory, for a thousand.
func (a *applied) goals(n int) []goal {
	var all []goal
	add := func(met bool, got, what string, args ...any) {
		all = append(all, goal{fmt.Sprintf("%d tenants, ", n) + fmt.Sprintf(what, args...), got, met})
	}
	cost := a.one.seconds / a.loop.seconds
	add(cost <= slower, fmt.Sprintf("%.2f times", cost), "one at a time, at most %.2f times the time of the %s", slower, a.loop.name)
	wide := a.loop.seconds / a.wide.seconds
	add(wide >= fasterWide, fmt.Sprintf("%.1f times", wide), "%d at a time, at least %d times faster than the %s", width, fasterWide, a.loop.name)
	same := a.xargs.seconds / a.wide.seconds
	add(same >= 1, fmt.Sprintf("%.1f times", same), "%d at a time, no slower than %s", width, a.xargs.name)
	if n <= 1000 {
		peak := max(a.one.peak, a.wide.peak) >> 20
		add(peak < applyPeakMiB, fmt.Sprintf("%d MiB", peak), "peak memory of apply, under %d MiB", applyPeakMiB)
	}
	return all
}
