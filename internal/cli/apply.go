package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/snapshot"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
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
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("apply takes one plan file, and was given %d", len(args))
			}
			return nil
		},
	}
	flags.vars.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if flags.stale != "quarantine" && flags.stale != "refuse" {
			return fmt.Errorf("-stale=%s: it is either quarantine or refuse", flags.stale)
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
	cmd.Flags().DurationVar(&flags.lockTimeout, "lock-timeout", 0, "how long to wait for another run to end")
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
	return a.run(ctx, s, &task{doc: doc, file: file, next: a.applyAgain(inputs), approval: approvedNow(flags.autoApprove)}, flags)
}

// confirm asks for a yes; anything else is a no.
func (a *app) confirm(question string) (bool, error) {
	fmt.Fprintf(a.out, "\n%s Only yes is taken for one: ", a.style(a.out).Bold(question))
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

// applyFile carries out a saved plan, once it is sure that configuration,
// charts and values are still those that were planned with.
func (a *app) applyFile(ctx context.Context, path string, flags *applyFlags) error {
	file, err := planfile.Read(a.path(path))
	if err != nil {
		return err
	}
	if !file.Sealed() {
		return advise(fmt.Errorf("%s was not saved with soctalk plan -out: it says what a plan does and lacks what it takes to carry it out", path), planAgain)
	}
	root, err := filepath.Abs(a.dir)
	if err != nil {
		return fmt.Errorf("find the configuration's folder: %w", err)
	}
	k, err := clusterOf(ctx, root, file.Where)
	if err != nil {
		return err
	}
	key, err := keyOf(ctx, k, root, file.Where)
	if err != nil {
		return err
	}
	inputs, f, err := a.reopen(file, key)
	if errors.Is(err, planfile.ErrKey) {
		err = whyNoKey(ctx, k, file, err)
	}
	if err != nil {
		return err
	}
	s, err := a.openSession(ctx, f, flags.plan.parallelism)
	if err != nil {
		return err
	}
	s.allowExec = flags.allowExec
	if file.Document.Reverses == nil { // a way back needs no charts
		err = s.prepare(ctx, file.Document, flags.plan.parallelism)
	} else {
		err = s.restorable(ctx, file.Document)
	}
	if err != nil {
		return err
	}
	data, err := planfile.Encode(file.Document, file.Where, inputs, key)
	if err != nil {
		return err
	}
	return a.run(ctx, s, &task{doc: file.Document, file: data, next: a.applyAgain(inputs), approval: "the plan was saved before"}, flags)
}

// reopen loads the configuration of a saved plan and makes sure that it is
// still the same.
func (a *app) reopen(file *planfile.File, key plan.Key) (planfile.Inputs, *schema.Fleet, error) {
	doc := file.Document
	if doc.ToolVersion != version {
		return planfile.Inputs{}, nil, advise(fmt.Errorf("plan %s was made by soctalk %s and this is %s", doc.PlanID, doc.ToolVersion, version), "Plan again with the version that applies.")
	}
	inputs, err := file.Open(key)
	if err != nil {
		return inputs, nil, advise(err, planAgain)
	}
	f, err := a.reload(inputs)
	if err != nil {
		return inputs, nil, err
	}
	if key.Config(f.Inputs) != doc.ConfigDigest {
		return inputs, nil, advise(fmt.Errorf("the configuration changed after plan %s was made", doc.PlanID), planAgain)
	}
	return inputs, f, nil
}

// prepare fetches charts and values and holds them against the plan.
func (s *session) prepare(ctx context.Context, doc *plan.Document, parallel int) error {
	catalog := s.set.Prepare(ctx, parallel)
	s.set.Extend(ctx, catalog, passed(doc, catalog), parallel)
	for _, r := range doc.Releases {
		for _, l := range r.Path {
			live := s.live.Releases[plan.ReleaseKey{Cluster: r.Cluster, Namespace: r.Namespace, Name: r.Name}]
			if err := unchanged(plan.At{Address: r.Address, Version: l.To}, l, live, catalog, s.key); err != nil {
				return err
			}
		}
	}
	return nil
}

// reload loads the configuration as it was loaded for the plan.
func (a *app) reload(in planfile.Inputs) (*schema.Fleet, error) {
	env := in.Env
	for _, e := range a.env {
		if !strings.HasPrefix(e, schema.EnvPrefix) {
			env = append(env, e)
		}
	}
	planned := *a
	planned.env = env
	return planned.load(&variables{pairs: in.Vars, files: in.VarFiles, order: []byte(in.Order)})
}

// passed are the versions that a plan's releases go through before their target.
func passed(doc *plan.Document, catalog *plan.Catalog) []plan.At {
	var all []plan.At
	for _, r := range doc.Releases {
		for i, l := range r.Path {
			if at := (plan.At{Address: r.Address, Version: l.To}); i < len(r.Path)-1 && catalog.Wanted[at] == nil {
				all = append(all, at)
			}
		}
	}
	return all
}

// unchanged holds the chart and values of a hop against the plan.
func unchanged(at plan.At, l plan.Leg, live *plan.Live, catalog *plan.Catalog, key plan.Key) error {
	w := catalog.Wanted[at]
	if w == nil {
		return advise(fmt.Errorf("%s can no longer be prepared for %s: %s", at.Address, at.Version, catalog.Problems[at].Detail), planAgain)
	}
	if w.Chart.Digest != l.ChartDigest {
		return advise(fmt.Errorf("the chart of %s is not the one that was planned with", at.Address), planAgain)
	}
	values := w.Values
	if l.Held != nil && live.Deployed() {
		values = plan.HeldValues(live, w, l.Held)
	}
	digest, err := key.Values(values)
	if err != nil {
		return fmt.Errorf("%s: %w", at.Address, err)
	}
	if digest != l.ValuesDigest {
		return advise(fmt.Errorf("the values of %s are not those that were planned with", at.Address), planAgain)
	}
	return nil
}

// task is a plan to be carried out: a new run of it, or one to go on with.
type task struct {
	doc  *plan.Document
	file []byte       // as kept for a later resume; of a new run
	run  *journal.Run // of one to go on with
	next string       // the command that plans what is left of it
	// approval says on whose word it is carried out.
	approval string
}

// run walks a plan and shows it.
func (a *app) run(ctx context.Context, s *session, t *task, flags *applyFlags) error {
	run := t.run
	if run == nil {
		run = &journal.Run{ID: newID(), PlanID: t.doc.PlanID, ConfigDigest: t.doc.ConfigDigest, ToolVersion: version, By: whoami(), Started: time.Now().UTC(), Summary: t.doc.Summary}
		if t.doc.Reverses != nil {
			run.Reverses = t.doc.Reverses.Run
		}
	}
	run.Begin(s.attempt(ctx, t.approval))
	if err := s.preflight(ctx, t.doc); err != nil {
		return err
	}
	s.set.ForRun(run.ID, t.doc)
	if err := mayExec(t.doc, flags.allowExec); err != nil {
		return err
	}
	s.allowExec = flags.allowExec
	if t.run == nil { // one that goes on may have taken them
		if err := s.snapshotsReady(ctx, t.doc); err != nil {
			return err
		}
	}
	ctx, interrupt, stop := interrupts(ctx)
	defer stop()
	held, journals, err := a.lockFleet(ctx, s, run.ID, flags.lockTimeout)
	if err != nil {
		return err
	}
	defer held.Release()
	if err := t.begin(held.Context, journals); err != nil {
		return err
	}
	a.retain(held.Context, s, journals, run)
	log, past, err := t.open(held.Context, journals, run, s.key)
	if err != nil {
		return err
	}
	taker := snapshot.NewTaker(snapshotFleet(s.fleet, s.clusters, flags.allowExec), journals, run.ID)
	if err := a.cleanUp(held.Context, taker); err != nil {
		return err
	}
	checks := check.New(s.fleet, usable(s.clusters), s.set.Rendered, run.ID, a.env)
	defer checks.Close()
	v := a.runView(t, flags.asJSON, past)
	defer v.Close()
	told := a.tell(ctx, s, run, t, past, flags.metrics.to)
	defer a.endTelling(told)
	r := &apply.Runner{
		Plan: t.doc, Releases: s.set, Snapshots: taker, Checks: checks, Journal: log, Clock: apply.SystemClock{}, Events: eventsTo(v.Event, told.Event, gatesInto(run)), RunID: run.ID, By: whoami(), Past: past,
		Approve: flags.approve, MaxParallel: flags.maxParallel, RefuseStale: flags.stale == "refuse", Interrupt: interrupt,
	}
	result, err := r.Run(held.Context)
	if err != nil {
		run.State, run.Stopped = journal.Failed, err.Error()
		told.Ended(&apply.Result{RunID: run.ID, Stopped: err.Error()})
		return errors.Join(err, journals.End(ctx, run))
	}
	v.End(result)
	told.Ended(result)
	if err := journals.End(ctx, ended(run, result)); err != nil {
		return fmt.Errorf("say in the journal how run %s ended: %w", run.ID, err)
	}
	switch {
	case result.Awaits != "":
		return exitStatus(exitGate)
	case !result.OK():
		return exitStatus(exitFailure)
	}
	return nil
}

// begin makes sure that a plan is not carried out a second time.
func (t *task) begin(ctx context.Context, journals *journal.Journal) error {
	if t.run != nil {
		return nil
	}
	runs, err := journals.Runs(ctx)
	if err != nil {
		return nil // a damaged record, which is told where old ones are pruned, keeps nobody from upgrading
	}
	return begunBefore(runs, t.doc.PlanID)
}

// open begins the run's journal, or goes on with it.
func (t *task) open(ctx context.Context, journals *journal.Journal, run *journal.Run, key plan.Key) (*journal.Log, []apply.Entry, error) {
	if t.run == nil {
		log, err := journals.Start(ctx, run, t.file, key)
		return log, nil, err
	}
	return journals.Resume(ctx, run)
}

// ended notes how a run ended.
func ended(run *journal.Run, r *apply.Result) *journal.Run {
	run.Stopped, run.Awaits, run.Outcome = r.Stopped, r.Awaits, outcomeOf(r)
	switch {
	case r.OK():
		run.State = journal.Complete
	case r.Resumable:
		run.State = journal.Waiting
	default:
		run.State = journal.Failed
	}
	return run
}
