package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

// planFlags are shared by plan and by apply without a file.
type planFlags struct {
	targets, excludes []string
	parallelism       int
}

func (p *planFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&p.targets, "target", nil, "plan only for this `address`, wave.NAME or label.KEY=VALUE; may be given several times")
	cmd.Flags().StringArrayVar(&p.excludes, "exclude", nil, "leave this `address`, wave.NAME or label.KEY=VALUE as it is; may be given several times")
	cmd.Flags().IntVar(&p.parallelism, "parallelism", defaultParallelism, "how many releases are read and rendered at a time")
}

// make observes and plans.
func (p *planFlags) make(ctx context.Context, a *app, f *schema.Fleet) (*session, *plan.Document, error) {
	if p.parallelism < 1 {
		return nil, nil, fmt.Errorf("-parallelism is %d: it must be at least 1", p.parallelism)
	}
	selected, err := selection(f, p.targets, p.excludes)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.openSession(ctx, f, p.parallelism)
	if err != nil {
		return nil, nil, err
	}
	defer a.working("Planning")()
	doc, err := s.plan(ctx, selected, p.parallelism)
	return s, doc, err
}

func (a *app) planCommand() *cobra.Command {
	var vars variables
	var flags planFlags
	var format planFormat
	var out, jsonInto string
	var asJSON, detailed bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would do",
		Long: `Reads what is live, holds it against the configuration and the compatibility
rules, and prints what apply would do, in which order, and how far back one can
go. Nothing is changed.`,
		Args: noArgs,
	}
	vars.add(cmd)
	flags.register(cmd)
	format.register(cmd)
	cmd.Flags().StringVar(&out, "out", "", "save the plan to a `file` that apply takes")
	cmd.Flags().StringVar(&jsonInto, "json-into", "", "also write the plan document to a `file`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write NDJSON instead of text")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := format.check(cmd, asJSON); err != nil {
			return err
		}
		f, err := a.load(&vars)
		if err != nil {
			return err
		}
		s, doc, err := flags.make(cmd.Context(), a, f)
		if err != nil {
			return err
		}
		if asJSON {
			err = a.showPlan(doc, true)
		} else {
			err = a.showPlanAs(doc, format)
		}
		if err != nil {
			return err
		}
		if err := a.save(s, doc, vars.inputs(a.env), out, jsonInto); err != nil {
			return err
		}
		if plan.HasErrors(doc.Diagnostics) || !doc.Complete {
			return exitStatus(exitFailure)
		}
		// A program reads the other forms.
		if out != "" && !asJSON && format.name == "human" {
			a.hint("Saved. To carry out exactly this plan:\n  soctalk apply %s", out)
		}
		if detailed && len(doc.Steps) > 0 {
			return exitStatus(exitChanges)
		}
		return nil
	}
	return cmd
}

// showPlan writes a plan and what there is to say about it.
func (a *app) showPlan(doc *plan.Document, asJSON bool) error {
	if asJSON {
		v := &view.RunJSON{W: a.out, Now: time.Now}
		v.Start(version, doc)
		for _, d := range doc.Diagnostics {
			v.Diagnostic(d)
		}
		v.Plan(doc)
		return nil
	}
	return a.showPlanAs(doc, planFormat{name: "human"})
}

// save writes the files that were asked for. A plan that cannot be applied is
// not saved, so that nobody reviews one in vain.
func (a *app) save(s *session, doc *plan.Document, inputs planfile.Inputs, out, jsonInto string) error {
	if jsonInto != "" {
		data, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			return fmt.Errorf("encode the plan: %w", err)
		}
		if err := os.WriteFile(a.path(jsonInto), append(data, '\n'), 0o600); err != nil {
			return fmt.Errorf("write the plan document: %w", err)
		}
	}
	if out == "" || plan.HasErrors(doc.Diagnostics) || !doc.Complete {
		return nil
	}
	return planfile.Write(a.path(out), doc, whereOf(s.fleet), inputs, s.key)
}

func (a *app) showCommand() *cobra.Command {
	var format planFormat
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Print a saved plan",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.check(cmd, asJSON); err != nil {
				return err
			}
			file, err := planfile.Read(a.path(args[0]))
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(file.Document)
			}
			return a.showPlanAs(file.Document, format)
		},
	}
	format.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the plan document")
	return cmd
}
