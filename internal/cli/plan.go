package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/soctalk/fleet/internal/atomicfile"
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
	destroyRemoved    bool
	// refresh says what is read of the clusters; observed is a file to read
	// instead. Only plan has the two as flags.
	refresh, observed string
}

// How much of the clusters a plan reads.
const (
	refreshReleases = "releases"
	refreshLive     = "live"
	refreshNone     = "none"
)

func (p *planFlags) registerRefresh(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.refresh, "refresh", refreshReleases, "what to read of the clusters: `releases`; live, which also tries every change with a dry run and finds drift; none, with -observed")
	cmd.Flags().StringVar(&p.observed, "observed", "", "plan from a `file` that soctalk observe wrote, without the clusters")
}

func (p *planFlags) checkRefresh(cmd *cobra.Command) error {
	switch {
	case p.refresh != refreshReleases && p.refresh != refreshLive && p.refresh != refreshNone:
		return fmt.Errorf("-refresh=%s: it can be releases, live or none", p.refresh)
	case p.refresh == refreshNone && p.observed == "":
		return advise(errors.New("-refresh=none reads nothing of the clusters, so there is nothing to plan against"), "Give what soctalk observe wrote as -observed=FILE.")
	case p.observed != "" && p.refresh != refreshNone && cmd.Flags().Changed("refresh"):
		return fmt.Errorf("-observed plans without the clusters, and -refresh=%s reads them: give one of the two", p.refresh)
	}
	return nil
}

func (p *planFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&p.targets, "target", nil, "plan only for this `address`, wave.NAME or label.KEY=VALUE; may be given several times")
	cmd.Flags().StringArrayVar(&p.excludes, "exclude", nil, "leave this `address`, wave.NAME or label.KEY=VALUE as it is; may be given several times")
	parallelismFlag(cmd, &p.parallelism, "how many releases are read and rendered at a time")
	cmd.Flags().BoolVar(&p.destroyRemoved, "destroy-removed", true, "uninstall the tenants of removed blocks; -destroy-removed=false leaves them running")
}

// make observes and plans.
func (p *planFlags) make(ctx context.Context, a *app, f *schema.Fleet) (*session, *plan.Document, error) {
	selected, err := selection(f, p.targets, p.excludes)
	if err != nil {
		return nil, nil, err
	}
	if !p.destroyRemoved {
		for _, r := range f.Removed {
			r.Destroy = false
		}
	}
	var s *session
	if p.observed != "" {
		s, err = a.recordedSession(f, p.observed)
	} else {
		s, err = a.openSession(ctx, f, p.parallelism)
	}
	if err != nil {
		return nil, nil, err
	}
	defer a.working("Planning")()
	doc, err := s.plan(ctx, selected, p.refresh, p.parallelism)
	if err == nil && p.observed == "" {
		doc.Diagnostics = append(doc.Diagnostics, s.unfinished(ctx)...)
	}
	return s, doc, err
}

func (a *app) planCommand() *cobra.Command {
	var vars variables
	var flags planFlags
	var format planFormat
	var out, jsonInto string
	var asJSON, detailed bool
	var lockTimeout time.Duration
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
	flags.registerRefresh(cmd)
	format.register(cmd)
	cmd.Flags().StringVar(&out, "out", "", "save the plan to a `file` that apply takes")
	cmd.Flags().StringVar(&jsonInto, "json-into", "", "also write the plan document to a `file`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write NDJSON instead of text")
	lockTimeoutFlag(cmd, &lockTimeout)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := format.check(asJSON); err != nil {
			return err
		}
		if err := flags.checkRefresh(cmd); err != nil {
			return err
		}
		if out != "" && flags.observed != "" {
			return advise(errors.New("a plan from an observation is for reading: it cannot be applied, so it is not saved"), "For programs, write it with -json-into.")
		}
		f, err := a.load(&vars)
		if err != nil {
			return err
		}
		if lockTimeout > 0 && flags.observed == "" {
			if err := a.awaitRun(cmd.Context(), f, lockTimeout); err != nil {
				return err
			}
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
			a.hint("Saved. To carry out exactly this plan:\n  soctalk apply %s%s", out, execOption(doc))
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
		if err := atomicfile.Write(a.path(jsonInto), append(data, '\n'), 0o600); err != nil {
			return fmt.Errorf("save the plan as JSON: %w", err)
		}
	}
	if out == "" {
		return nil
	}
	if plan.HasErrors(doc.Diagnostics) || !doc.Complete {
		a.diagnostics([]plan.Diagnostic{{Severity: plan.Warning, Summary: "Plan not saved",
			Detail: fmt.Sprintf("Nothing was written to %s: this plan cannot be applied.", out)}})
		return nil
	}
	return planfile.Write(a.path(out), doc, whereOf(s.fleet), inputs, s.key)
}
