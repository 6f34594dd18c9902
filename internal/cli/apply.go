package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/plan"
	"github.com/spf13/cobra"
)

type applyFlags struct {
	plan planFlags
	// maxParallel is how many tenants may move at a time; 0 leaves it to the
	// files.
	maxParallel int
	vars        variables
	autoApprove bool
	asJSON      bool
	stale       string
	lockTimeout time.Duration
	// allowExec lets checks and snapshots run programs on this machine.
	allowExec bool
	// resume is the run to go on with, approve the waves whose gates are open.
	resume  string
	approve []string
	metrics metricsFlags
}

// stalePolicies are what can be done when a release changed after its plan was made.
var stalePolicies = []string{"quarantine", "refuse"}

func (a *app) applyCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply [FILE]",
		Short: "Carry out a plan",
		Long: `Carries out a saved plan, without a question: it was reviewed. Without FILE it
plans, shows the plan and asks.

A release that somebody else changed after the plan was made is left alone. The
first interrupt lets running steps finish and starts no more; the second cancels
them.

-resume goes on with a run that was killed, interrupted, or stopped at an
approval gate: it is read back from the cluster, and what is done is not done
again. Releases that had failed when the run came to its end are tried again.`,
		Args: atMostOne("one plan file"),
	}
	flags.vars.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("stale", flags.stale, stalePolicies); err != nil {
			return err
		}
		if err := flags.metrics.parse(a); err != nil {
			return err
		}
		if cmd.Flags().Changed("parallelism") {
			flags.maxParallel = flags.plan.parallelism
		}
		if flags.resume != "" {
			for _, name := range []string{"target", "exclude", "destroy-removed"} {
				if cmd.Flags().Changed(name) {
					return fmt.Errorf("a run is resumed as it was planned: -%s belongs to soctalk plan", name)
				}
			}
			if len(args) > 0 {
				return errors.New("a run is resumed with its own plan: leave the plan file out")
			}
			return a.applyResumed(cmd.Context(), flags.resume, &flags)
		}
		if len(args) == 0 {
			return a.applyNow(cmd.Context(), &flags)
		}
		for _, name := range []string{"var", "var-file", "target", "exclude", "destroy-removed"} {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("a saved plan is carried out as it is: -%s belongs to soctalk plan", name)
			}
		}
		return a.applyFile(cmd.Context(), args[0], &flags)
	}
	flags.plan.register(cmd)
	flags.metrics.register(cmd)
	cmd.Flags().BoolVar(&flags.autoApprove, "auto-approve", false, "do not ask before applying")
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "write NDJSON instead of text")
	cmd.Flags().BoolVar(&flags.allowExec, "allow-exec", false, "let the plan's checks and snapshots run programs on this machine")
	lockTimeoutFlag(cmd, &flags.lockTimeout)
	cmd.Flags().StringVar(&flags.resume, "resume", "", "go on with this `run`; see soctalk history")
	cmd.Flags().StringArrayVar(&flags.approve, "approve", nil, "go on past the approval gate of this `wave`; may be given several times")
	cmd.Flags().StringVar(&flags.stale, "stale", "quarantine", "what to do when a release changed after the plan was made: `quarantine` that release, or refuse to start")
	return cmd
}

// applyNow plans, asks and applies.
func (a *app) applyNow(ctx context.Context, flags *applyFlags) error {
	if !flags.autoApprove && (flags.asJSON || !a.terminal()) {
		return advise(errors.New("there is nobody to ask"), "Save a plan with -out and apply that, or pass -auto-approve.")
	}
	f, err := a.load(&flags.vars)
	if err != nil {
		return err
	}
	s, doc, err := flags.plan.make(ctx, a, f)
	if err != nil {
		return err
	}
	if !flags.asJSON {
		if err := a.showPlan(doc, false); err != nil {
			return err
		}
	}
	if plan.HasErrors(doc.Diagnostics) || !doc.Complete {
		if flags.asJSON {
			if err := a.showPlan(doc, true); err != nil {
				return err
			}
		}
		return exitStatus(exitFailure)
	}
	if len(doc.Steps) > 0 && !flags.autoApprove {
		ok, err := a.confirm("Apply this plan?")
		if err != nil || !ok {
			return err
		}
	}
	if len(doc.Steps) == 0 {
		a.runView(&task{doc: doc}, flags.asJSON, nil).End(&apply.Result{RunID: newID()})
		return nil
	}
	inputs := flags.vars.inputs(a.env)
	file, err := planfile.Encode(doc, whereOf(s.fleet), inputs, s.key)
	if err != nil {
		return err
	}
	return a.run(ctx, s, &task{doc: doc, file: file, next: a.applyAgain(inputs, doc), approval: approvedNow(flags.autoApprove)}, flags)
}

// confirm asks for a yes; anything else is a no.
func (a *app) confirm(question string) (bool, error) {
	fmt.Fprintf(a.out, "\n%s Only 'yes' is accepted: ", a.style(a.out).Bold(question))
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && answer == "" {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		fmt.Fprintln(a.out, "Nothing was changed.")
		return false, exitStatus(exitFailure)
	}
	return true, nil
}
