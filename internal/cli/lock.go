package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/spf13/cobra"
)

// lockFleet takes the lock for a run, and with it the journals. From then on
// nothing is written to any cluster once the lock is lost.
func (a *app) lockFleet(ctx context.Context, s *session, run string, wait time.Duration) (*journal.Held, *journal.Journal, error) {
	defer a.working("Waiting for the lock on the fleet, which another program holds or has left")()
	k, namespace := s.clusters[s.fleet.System.Cluster].Kube, s.fleet.System.Namespace
	held, err := journal.Lock(ctx, k, namespace, journal.Holder{Run: run, Who: whoami()}, wait)
	var locked *journal.LockedError
	if errors.As(err, &locked) {
		return nil, nil, advise(err, fmt.Sprintf("Nothing was changed. Wait for it, with -lock-timeout=10m for example. If its program is gone: soctalk force-unlock %s", locked.Holder.Run))
	}
	if err != nil {
		return nil, nil, err
	}
	for _, k := range usable(s.clusters) {
		k.SetFence(held.Fence())
	}
	j, err := journal.Open(held.Context, k, namespace, held)
	if err != nil {
		held.Release()
		return nil, nil, err
	}
	return held, j, nil
}

// lockTimeoutFlag lets a command wait for a run of somebody else.
func lockTimeoutFlag(cmd *cobra.Command, d *time.Duration) {
	cmd.Flags().Var(notNegative{d}, "lock-timeout", "how long to wait for another run to end")
}

// notNegative is the value of a flag.
type notNegative struct{ d *time.Duration }

func (v notNegative) String() string {
	if v.d == nil {
		return ""
	}
	return v.d.String()
}

// Type is what help calls the value.
func (notNegative) Type() string { return "duration" }

func (v notNegative) Set(s string) error {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return errors.New("it must be a duration, such as 90s or 10m")
	case d < 0:
		return errors.New("it must not be negative")
	}
	*v.d = d
	return nil
}

// whoami says who runs this, for those who find the fleet locked.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

func (a *app) forceUnlockCommand() *cobra.Command {
	var vars variables
	cmd := &cobra.Command{
		Use:   "force-unlock RUN",
		Short: "End the lock of a run whose program is gone",
		Long: `Ends the lock that a run holds on the fleet. Only for a run whose program is
gone: two runs at a time undo each other's work.`,
		Args: oneArg("the run whose lock to end", seeHistory),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := a.load(&vars)
			if err != nil {
				return err
			}
			clusters, err := observe.Connect(cmd.Context(), f, userAgent())
			if err != nil {
				return clusterFault(f, err)
			}
			if err := journal.Unlock(cmd.Context(), clusters[f.System.Cluster].Kube, f.System.Namespace, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "The lock of run %s is ended.\n", args[0])
			return nil
		},
	}
	vars.add(cmd)
	return cmd
}
