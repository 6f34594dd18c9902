package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/spf13/cobra"
)

type rollbackFlags struct {
	applyFlags
	format planFormat
	// to is the rollback point, out the file that the plan is saved to.
	to, out    string
	acceptLoss bool
}

func (a *app) rollbackCommand() *cobra.Command {
	var flags rollbackFlags
	cmd := &cobra.Command{
		Use:   "rollback RUN",
		Short: "Undo a run, or what it did after a rollback point",
		Long: `Makes the plan that undoes a run, from what the run really did: tenants go back
before the system's version, each release to the Helm revision that it was at,
and where the database or volumes moved, to the snapshots that the run took; of
a system that keeps its version, what it pins goes first. The plan is
shown, and carried out like any other: with -out it is saved for soctalk apply.

Whatever was written since a snapshot is lost with it. The plan says what and
since when, and -accept-data-loss accepts that. Releases that changed since the
run are left as they are.`,
		Args: oneArg("the run to undo", seeHistory),
	}
	flags.vars.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := flags.format.check(flags.asJSON); err != nil {
			return err
		}
		if err := oneOf("stale", flags.stale, stalePolicies); err != nil {
			return err
		}
		if err := flags.metrics.parse(a); err != nil {
			return err
		}
		if cmd.Flags().Changed("parallelism") {
			flags.maxParallel = flags.plan.parallelism
		}
		return a.rollback(cmd.Context(), args[0], &flags)
	}
	flags.format.register(cmd)
	flags.metrics.register(cmd)
	cmd.Flags().StringVar(&flags.to, "to", plan.StartPoint, "the rollback `point` to go back to; see soctalk history RUN")
	cmd.Flags().StringArrayVar(&flags.plan.targets, "target", nil, "roll back only this `address`, wave.NAME or label.KEY=VALUE; may be given several times")
	cmd.Flags().StringArrayVar(&flags.plan.excludes, "exclude", nil, "leave this `address`, wave.NAME or label.KEY=VALUE as it is; may be given several times")
	parallelismFlag(cmd, &flags.plan.parallelism, "how many releases are read at a time")
	cmd.Flags().StringVar(&flags.out, "out", "", "save the plan to a `file` that apply takes, and change nothing")
	cmd.Flags().BoolVar(&flags.autoApprove, "auto-approve", false, "do not ask before rolling back")
	cmd.Flags().BoolVar(&flags.acceptLoss, "accept-data-loss", false, "go back also where that loses what was written since a snapshot")
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "write NDJSON instead of text")
	cmd.Flags().BoolVar(&flags.allowExec, "allow-exec", false, "let the files' programs run on this machine")
	lockTimeoutFlag(cmd, &flags.lockTimeout)
	cmd.Flags().StringVar(&flags.stale, "stale", "quarantine", "what to do when a release changed after the plan was made: `quarantine` that release, or refuse to start")
	return cmd
}

// rollback plans a way back, and saves it or carries it out.
func (a *app) rollback(ctx context.Context, id string, flags *rollbackFlags) error {
	if flags.out == "" && !flags.autoApprove && (flags.asJSON || !a.terminal()) {
		return advise(errors.New("there is nobody to ask"), "Save the plan with -out and apply that, or pass -auto-approve.")
	}
	f, err := a.load(&flags.vars)
	if err != nil {
		return err
	}
	selected, err := selection(f, flags.plan.targets, flags.plan.excludes)
	if err != nil {
		return err
	}
	s, err := a.openSession(ctx, f, flags.plan.parallelism)
	if err != nil {
		return err
	}
	s.allowExec = flags.allowExec
	undo, err := s.undo(ctx, id, flags.plan.parallelism)
	if err != nil {
		return err
	}
	undo.Point, undo.Selected, undo.AcceptLoss = flags.to, selected, flags.acceptLoss
	doc, err := a.reverse(ctx, s, undo)
	if err != nil {
		return err
	}
	refused := plan.HasErrors(doc.Diagnostics) || !doc.Complete
	switch {
	case !flags.asJSON:
		err = a.showPlanAs(doc, flags.format)
	case refused || flags.out != "":
		err = a.showPlan(doc, true)
	}
	if err != nil {
		return err
	}
	inputs := flags.vars.inputs(a.env)
	if flags.out != "" {
		if err := a.save(s, doc, inputs, flags.out, ""); err != nil {
			return err
		}
	}
	switch {
	case refused:
		return exitStatus(exitFailure)
	case flags.out != "":
		a.hint("Saved. To carry out exactly this plan:\n  soctalk apply %s%s", flags.out, execOption(doc))
		return nil
	case !flags.autoApprove:
		if ok, err := a.confirm("Roll back?"); err != nil || !ok {
			return err
		}
	}
	file, err := planfile.Encode(doc, whereOf(f), inputs, s.key)
	if err != nil {
		return err
	}
	return a.run(ctx, s, &task{doc: doc, file: file, next: a.applyAgain(inputs, doc), approval: approvedNow(flags.autoApprove)}, &flags.applyFlags)
}

// reverse makes the plan. Revisions and snapshots are looked at as far as the
// way back needs them.
func (a *app) reverse(ctx context.Context, s *session, u *undoing) (*plan.Document, error) {
	defer a.working("Planning the way back")()
	v := plan.Reverse(u.Undo)
	for len(v.Lacks) > 0 {
		if err := u.past.LookUp(ctx, v.Lacks); err != nil {
			return nil, err
		}
		v = plan.Reverse(u.Undo)
	}
	if u.Damaged = s.damaged(ctx, v.Restores); len(u.Damaged) > 0 {
		v = plan.Reverse(u.Undo)
	}
	outcomes, problems := u.past.Compare(v)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("plan the way back: %w", err)
	}
	doc := v.Build(outcomes, problems, plan.Stamp{ID: newID(), ToolVersion: version, Created: time.Now().UTC().Truncate(time.Second), Key: s.key})
	view.AddSnippets(doc.Diagnostics, s.fleet.Files, s.fleet.Sensitive)
	return doc, nil
}
