package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/metrics"
	"runtime/pprof"
	"time"

	"github.com/soctalk/fleet/internal/cli"
)

// Profile plans twice in this process, cold and then with nothing changed, and
// writes what the processor did and what was in memory at the worst moment
// into dir: cold.cpu, cold.heap, unchanged.cpu and unchanged.heap.
func Profile(o Options, n int, dir string) error {
	f := fleet{o.fleetDir(n)}
	if _, err := o.newPlanner(context.Background(), f); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for the profiles: %w", err)
	}
	for name, value := range map[string]string{"KUBECONFIG": o.Kubeconfig, "XDG_CACHE_HOME": filepath.Join(o.Dir, "cache-profile")} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	for _, name := range []string{"cold", "unchanged"} {
		if err := profiled(filepath.Join(dir, name), f.dir); err != nil {
			return fmt.Errorf("profile the plan, %s: %w", name, err)
		}
	}
	return nil
}

// profiled makes one plan.
func profiled(prefix, config string) error {
	into, err := os.Create(prefix + ".cpu")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(into); err != nil {
		return err
	}
	stop, worst := make(chan struct{}), make(chan []byte)
	go watchHeap(stop, worst)
	var problems bytes.Buffer
	code := cli.Main([]string{"-chdir=" + config, "plan"}, nil, io.Discard, &problems, os.Environ())
	pprof.StopCPUProfile()
	close(stop)
	heap := <-worst
	if code != 0 {
		return fmt.Errorf("exit code %d\n%s", code, tail(problems.Bytes()))
	}
	return errors.Join(into.Close(), os.WriteFile(prefix+".heap", heap, 0o644))
}

// watchHeap returns the heap profile of the moment at which most was in use.
func watchHeap(stop <-chan struct{}, worst chan<- []byte) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var most uint64
	var profile bytes.Buffer
	for {
		select {
		case <-stop:
			worst <- profile.Bytes()
			return
		case <-tick.C:
			metrics.Read(sample)
			if now := sample[0].Value.Uint64(); now > most+most/10 {
				most = now
				profile.Reset()
				_ = pprof.Lookup("heap").WriteTo(&profile, 0)
			}
		}
	}
}
