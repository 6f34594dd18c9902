package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/soctalk/fleet/internal/metrics"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

// statusFlags say what status reads and how it tells it.
type statusFlags struct {
	asJSON, drift, watch, detailed bool
	interval                       time.Duration
	metrics                        metricsFlags
}

func (a *app) statusCommand() *cobra.Command {
	var vars variables
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what is wanted and what is live, a row a release",
		Long: `Shows of every release what the files want and what is live, whether a tenant may
run beside the live system, whether its workloads are ready, in what it differs
from the files, and which run changed it last.

-drift also holds every live object against what the release's last revision
made it. That reads all objects, so it takes longer.

With -detailed-exitcode it ends with 2 when a release asks for attention: it is
not installed or not deployed, a workload is not ready, the pair of versions is
blocked, or it differs from the files.`,
		Args: noArgs,
	}
	vars.add(cmd)
	flags.metrics.register(cmd)
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "print one JSON object instead of text; with -watch, one a line")
	cmd.Flags().BoolVar(&flags.drift, "drift", false, "also look for objects that were changed by hand")
	cmd.Flags().BoolVar(&flags.detailed, "detailed-exitcode", false, "exit with 2 when a release asks for attention")
	cmd.Flags().BoolVar(&flags.watch, "watch", false, "show it again and again, until interrupted")
	cmd.Flags().DurationVar(&flags.interval, "interval", 5*time.Second, "how long -watch waits in between")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case flags.watch && flags.detailed:
			return errors.New("-watch goes on until it is interrupted, so there is no -detailed-exitcode")
		case flags.interval <= 0:
			return fmt.Errorf("-interval=%s: it must be longer than nothing", flags.interval)
		}
		if err := flags.metrics.parse(a); err != nil {
			return err
		}
		f, err := a.load(&vars)
		if err != nil {
			return err
		}
		r, err := a.openStatus(cmd.Context(), f, flags.drift)
		if err != nil {
			return err
		}
		if flags.watch {
			return a.watchStatus(cmd.Context(), r, &flags)
		}
		status, err := r.read(cmd.Context(), a)
		if err != nil {
			return err
		}
		if err := a.showStatus(status, &flags); err != nil {
			return err
		}
		if err := metrics.WriteStatus(cmd.Context(), flags.metrics.to, status, flags.drift); err != nil {
			return err
		}
		if flags.detailed && !status.OK() {
			return exitStatus(exitChanges)
		}
		return nil
	}
	return cmd
}

func (a *app) openStatus(ctx context.Context, f *schema.Fleet, drift bool) (*statusReader, error) {
	defer a.working("Connecting")()
	clusters, err := observe.Connect(ctx, f, userAgent())
	if err != nil {
		return nil, clusterFault(f, err)
	}
	return &statusReader{fleet: f, clusters: clusters, drift: drift}, nil
}

func (a *app) showStatus(s *view.Status, flags *statusFlags) error {
	if flags.asJSON {
		return json.NewEncoder(a.out).Encode(s)
	}
	return view.StatusHuman(a.out, s, a.style(a.out))
}

// clearScreen puts the cursor home and clears what is there.
const clearScreen = "\x1b[H\x1b[2J"

// watchStatus shows the status until it is interrupted. What cannot be read for
// a while is said, and tried again.
func (a *app) watchStatus(ctx context.Context, r *statusReader, flags *statusFlags) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	screen := a.style(a.out).Color
	for looks := 0; ctx.Err() == nil; looks++ {
		status, err := r.read(ctx, a)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			a.finish(err)
		default:
			switch {
			case flags.asJSON:
			case screen:
				fmt.Fprint(a.out, clearScreen)
			case looks > 0:
				fmt.Fprintln(a.out)
			}
			if !flags.asJSON {
				fmt.Fprintf(a.out, "%s\n\n", status.Observed.Format(time.RFC3339))
			}
			if err := a.showStatus(status, flags); err != nil {
				return err
			}
			if err := metrics.WriteStatus(ctx, flags.metrics.to, status, flags.drift); err != nil {
				a.finish(err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(flags.interval):
		}
	}
	return nil
}
