package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

// historyFormats are the forms of a run, and of the list of all.
var historyFormats = []string{"human", "html"}

func (a *app) historyCommand() *cobra.Command {
	var vars variables
	var format string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history [RUN]",
		Short: "Show the runs of this fleet, or the steps of one",
		Long: `Shows what runs did, as the cluster remembers it, whichever machine they ran
on. With RUN: its steps, the points that it can be rolled back to, and the
snapshots that it took and that are still kept; and with -format=html the page
of its plan, with what became of every step.`,
		Args: atMostOne("one run"),
	}
	vars.add(cmd)
	cmd.Flags().StringVar(&format, "format", "human", "the `form`: human, or of one run html, a page that a browser shows")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of text")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("format", format, historyFormats); err != nil {
			return err
		}
		switch {
		case format == "html" && asJSON:
			return errors.New("-json and -format=html are two forms: give one of the two")
		case format == "html" && len(args) == 0:
			return advise(errors.New("-format=html shows one run"), seeHistory)
		}
		f, err := a.load(&vars)
		if err != nil {
			return err
		}
		k, err := systemCluster(cmd.Context(), f)
		if err != nil {
			return err
		}
		h := &view.History{FormatVersion: plan.FormatVersion, Runs: []view.RunHistory{}}
		if len(args) == 1 {
			h.Runs, err = a.oneRun(cmd.Context(), k, f, args[0])
		} else {
			h.Runs, err = allRuns(cmd.Context(), k, f)
		}
		if err != nil {
			return err
		}
		switch {
		case asJSON:
			return json.NewEncoder(a.out).Encode(h)
		case format == "html" && h.Runs[0].Pruned:
			return advise(fmt.Errorf("run %s has no page: it is so old that its plan is not kept any more", args[0]), "What is left of it: soctalk history "+args[0])
		case format == "html":
			return view.RunHTML(a.out, &h.Runs[0])
		}
		return view.HistoryHuman(a.out, h, a.style(a.out))
	}
	return cmd
}

func allRuns(ctx context.Context, k *kube.Cluster, f *schema.Fleet) ([]view.RunHistory, error) {
	runs, err := journal.Runs(ctx, k, f.System.Namespace)
	if err != nil {
		return nil, err
	}
	if err := journal.NoteCutOff(ctx, k, f.System.Namespace, runs...); err != nil {
		return nil, err
	}
	rows := []view.RunHistory{}
	for _, r := range runs {
		rows = append(rows, rowOfRun(r))
	}
	return rows, nil
}

func (a *app) oneRun(ctx context.Context, k *kube.Cluster, f *schema.Fleet, id string) ([]view.RunHistory, error) {
	run, entries, err := journal.Find(ctx, k, f.System.Namespace, id)
	var none *journal.NoRunError
	if errors.As(err, &none) {
		return nil, advise(err, seeHistory)
	}
	if err != nil {
		return nil, err
	}
	if err := journal.NoteCutOff(ctx, k, f.System.Namespace, run); err != nil {
		return nil, err
	}
	data, key, err := journal.Plan(ctx, k, f.System.Namespace, id)
	var pruned *journal.NoPlanError
	if errors.As(err, &pruned) {
		row := rowOfRun(run)
		row.Pruned, row.Record = true, run.Audit()
		return []view.RunHistory{row}, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := planfile.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("read the plan of run %s: %w", id, err)
	}
	row := rowOfRun(run)
	result, err := apply.Recount(file.Document, id, entries)
	if err != nil {
		return nil, err
	}
	result.Stopped, result.Awaits, result.Resumable = run.Stopped, run.Awaits, run.State == journal.Waiting || run.State == journal.Interrupted
	report := &view.Report{Result: result, Running: run.State == journal.Running, Next: "soctalk apply"}
	if inputs, err := file.Open(key); err == nil {
		report.Next = a.applyAgain(inputs, file.Document)
	}
	row.Recall(file.Document, entries, report)
	if row.Snapshots, err = journal.Snapshots(ctx, k, f.System.Namespace, journal.SnapshotFilter{Run: id}); err != nil {
		return nil, err
	}
	return []view.RunHistory{row}, nil
}

func rowOfRun(r *journal.Run) view.RunHistory {
	return view.RunHistory{
		Run: r.ID, PlanID: r.PlanID, ToolVersion: r.ToolVersion, State: string(r.State), By: r.By, Started: r.Started, Ended: r.Ended,
		Summary: r.Summary, Stopped: r.Stopped, Awaits: r.Awaits, Pruned: r.Pruned,
	}
}
