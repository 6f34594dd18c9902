package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/snapshot"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

const seeSnapshots = "The snapshots of this fleet: soctalk snapshot list"

func (a *app) snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "List, prove and restore the snapshots that runs took",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return exitStatus(exitFailure)
		},
	}
	cmd.AddCommand(a.snapshotListCommand(), a.snapshotVerifyCommand(), a.snapshotRestoreCommand())
	return cmd
}

func (a *app) snapshotListCommand() *cobra.Command {
	var vars variables
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the snapshots, newest first",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, clusters, err := a.connect(cmd.Context(), &vars)
			if err != nil {
				return err
			}
			all, err := journal.Snapshots(cmd.Context(), clusters[f.System.Cluster].Kube, f.System.Namespace, journal.SnapshotFilter{})
			if err != nil {
				return err
			}
			list := &view.Snapshots{FormatVersion: plan.FormatVersion, Snapshots: all}
			if asJSON {
				return json.NewEncoder(a.out).Encode(list)
			}
			return view.SnapshotsHuman(a.out, list)
		},
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of text")
	return cmd
}

func (a *app) snapshotVerifyCommand() *cobra.Command {
	var vars variables
	var allowExec bool
	cmd := &cobra.Command{
		Use:   "verify ID",
		Short: "Prove that a snapshot can be restored, in a scratch place",
		Long: `Holds a snapshot against its checksum, restores it into a scratch place (a dump
into a database of its own on the same server), compares what comes out with
what was saved (the schema revision and the rows of each table), and removes the
place again. What is live is not touched.`,
		Args: oneArg("the snapshot to verify", seeSnapshots),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			f, clusters, err := a.connect(ctx, &vars)
			if err != nil {
				return err
			}
			s, err := findSnapshot(ctx, f, clusters, args[0])
			if err != nil {
				return err
			}
			driver, err := snapshotFleet(f, clusters, allowExec).Driver(s.Driver)
			if err != nil {
				return err
			}
			if err := driver.Rehearse(ctx, s, a.saying()); err != nil {
				return fmt.Errorf("snapshot %s cannot be restored: %w", s.ID, err)
			}
			fmt.Fprintf(a.out, "Snapshot %s can be restored: %s.\n", s.ID, view.SnapshotProof(s))
			return nil
		},
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&allowExec, "allow-exec", false, "let the files' programs run on this machine")
	return cmd
}

func (a *app) snapshotRestoreCommand() *cobra.Command {
	var vars variables
	var lossy, autoApprove, allowExec bool
	var lockTimeout time.Duration
	cmd := &cobra.Command{
		Use:   "restore ID",
		Short: "Bring back what a snapshot has saved",
		Long: `Brings back what was saved, and nothing else: to go back with a whole release,
or from a version to the one before, use soctalk rollback. What writes to it is
scaled down meanwhile. A database is restored in one transaction: where that
fails, it stays as it is.`,
		Args: oneArg("the snapshot to restore", seeSnapshots),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			f, clusters, err := a.connect(ctx, &vars)
			if err != nil {
				return err
			}
			s, err := findSnapshot(ctx, f, clusters, args[0])
			if err != nil {
				return err
			}
			// Asked again under the lock; here, so that nobody is asked in vain.
			if err := sameVersion(ctx, clusters, s); err != nil {
				return err
			}
			if err := a.confirmRestore(s, lossy, autoApprove); err != nil {
				return err
			}
			return a.restore(ctx, f, clusters, s, lockTimeout, allowExec)
		},
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&lossy, "accept-data-loss", false, "lose what was written since the snapshot")
	cmd.Flags().BoolVar(&autoApprove, "auto-approve", false, "do not ask before restoring")
	cmd.Flags().BoolVar(&allowExec, "allow-exec", false, "let the files' programs run on this machine")
	lockTimeoutFlag(cmd, &lockTimeout)
	return cmd
}

// confirmRestore makes sure that somebody wants to lose what would be lost.
func (a *app) confirmRestore(s *plan.Snapshot, lossy, autoApprove bool) error {
	loss := view.SnapshotLoss(s, time.Now())
	if !lossy {
		return advise(errors.New(loss), "Nothing was changed. Pass -accept-data-loss if that is what you want.")
	}
	if autoApprove {
		return nil
	}
	if !a.terminal() {
		return advise(errors.New("there is nobody to ask"), "Pass -auto-approve.")
	}
	fmt.Fprintln(a.out, loss+".")
	ok, err := a.confirm("Restore this snapshot?")
	if err == nil && !ok {
		return exitStatus(exitFailure)
	}
	return err
}

// restore brings a snapshot back under the fleet's lock. The first signal breaks
// it off: it is one step, with nothing after it to leave out. Until then nothing
// listens, so that one ends the program while it waits for an answer.
func (a *app) restore(ctx context.Context, f *schema.Fleet, clusters observe.Clusters, s *plan.Snapshot, wait time.Duration, allowExec bool) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	held, journals, err := a.lockFleet(ctx, &session{fleet: f, clusters: clusters}, "restore-"+s.ID, wait)
	if err != nil {
		return err
	}
	defer held.Release()
	// Who held the lock until now may have changed the release.
	if err := sameVersion(held.Context, clusters, s); err != nil {
		return err
	}
	taker := snapshot.NewTaker(snapshotFleet(f, clusters, allowExec), journals, "restore-"+s.ID)
	if err := taker.Restore(held.Context, s, a.saying()); err != nil {
		return fmt.Errorf("restore snapshot %s: %w", s.ID, err)
	}
	fmt.Fprintf(a.out, "Snapshot %s is restored: %s.\n", s.ID, view.SnapshotProof(s))
	return nil
}

// sameVersion refuses to put the data of one version beneath the code of
// another.
func sameVersion(ctx context.Context, clusters observe.Clusters, s *plan.Snapshot) error {
	c := clusters[s.Cluster]
	if c == nil || c.Failed != nil {
		return fmt.Errorf("snapshot %s is of cluster %s, which cannot be used", s.ID, s.Cluster)
	}
	live, err := c.Helm.Get(ctx, s.Namespace, s.Release, 0)
	var gone *helm.NotFoundError
	switch {
	case errors.As(err, &gone):
		return fmt.Errorf("%s is not installed, so there is nothing to restore snapshot %s into", s.Address, s.ID)
	case err != nil:
		return err
	case live.ChartVersion != s.Version:
		return advise(fmt.Errorf("snapshot %s is of %s %s, and %s is live", s.ID, s.Address, s.Version, live.ChartVersion),
			fmt.Sprintf("Data and code go back together: soctalk rollback %s", s.Run))
	}
	return nil
}

func findSnapshot(ctx context.Context, f *schema.Fleet, clusters observe.Clusters, id string) (*plan.Snapshot, error) {
	s, err := journal.FindSnapshot(ctx, clusters[f.System.Cluster].Kube, f.System.Namespace, id)
	var none *journal.NoSnapshotError
	if errors.As(err, &none) {
		return nil, advise(err, seeSnapshots)
	}
	if err == nil && s.State != plan.Taken {
		return nil, fmt.Errorf("snapshot %s was not taken to its end: nothing can be restored from it", id)
	}
	return s, err
}

// connect loads the files and connects to their clusters.
func (a *app) connect(ctx context.Context, vars *variables) (*schema.Fleet, observe.Clusters, error) {
	f, err := a.load(vars)
	if err != nil {
		return nil, nil, err
	}
	clusters, err := observe.Connect(ctx, f, userAgent())
	if err != nil {
		return nil, nil, clusterFault(f, err)
	}
	return f, clusters, nil
}

// saying passes on what is being done, for somebody who waits for it.
func (a *app) saying() apply.Report {
	last := ""
	say := func(text string) {
		if text != last {
			fmt.Fprintln(a.err, text+"…")
		}
		last = text
	}
	return apply.Report{Status: say, Log: say}
}

// snapshotFleet is a fleet as snapshots are taken of it. A cluster that cannot
// be used is left out.
func snapshotFleet(f *schema.Fleet, all observe.Clusters, allowExec bool) *snapshot.Fleet {
	return &snapshot.Fleet{Files: f, Clusters: usable(all), AllowExec: allowExec}
}

// cleanUp removes what snapshots that were cut off have left, and says what it
// could not remove.
func (a *app) cleanUp(ctx context.Context, t *snapshot.Taker) error {
	left, err := t.CleanUp(ctx)
	for _, e := range left {
		a.diagnostics([]plan.Diagnostic{{Severity: plan.Warning, Summary: "A torn snapshot stays for now", Detail: fmt.Sprintf("It was cut off, and %v. The next run tries again.", e)}})
	}
	return err
}
