package cli

import (
	"context"
	"errors"
	"sync"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/metrics"
	"github.com/soctalk/fleet/internal/trace"
	"github.com/soctalk/fleet/plan"
	"github.com/spf13/cobra"
)

// teller tells others than the user what a run does. Nothing that goes wrong
// with that harms the run.
type teller interface {
	Event(apply.Event)
	Ended(*apply.Result)
	// Close says what could not be told.
	Close() error
}

// telling is a teller, and what it means that it could not.
type telling struct {
	teller
	failed string
}

type tellers []telling

// tell begins to tell of a run, to all who are to know.
func (a *app) tell(ctx context.Context, s *session, run *journal.Run, t *task, past []apply.Entry, to metrics.To) tellers {
	all := tellers{{s.announce(ctx, run, t), "Events not written"}}
	if !to.Nowhere() {
		all = append(all, telling{metrics.NewRun(ctx, to, metrics.Head{ID: run.ID, Version: version, Started: run.Started}, t.doc, past), "Metrics not written"})
	}
	const untraced = "Traces not sent"
	traced, err := trace.NewRun(ctx, a.getenv, trace.Head{ID: run.ID, Version: version}, t.doc)
	switch {
	case err != nil:
		a.untold(untraced, err)
	case traced != nil:
		all = append(all, telling{traced, untraced})
	}
	return all
}

func (t tellers) Event(e apply.Event) {
	for _, one := range t {
		one.Event(e)
	}
}

func (t tellers) Ended(r *apply.Result) {
	for _, one := range t {
		one.Ended(r)
	}
}

// endTelling warns of what could not be told.
func (a *app) endTelling(t tellers) {
	errs := make([]error, len(t))
	var closing sync.WaitGroup
	for i, one := range t {
		closing.Go(func() { errs[i] = one.Close() })
	}
	closing.Wait()
	for i, err := range errs {
		if err != nil {
			a.untold(t[i].failed, err)
		}
	}
}

func (a *app) untold(what string, err error) {
	a.diagnostics([]plan.Diagnostic{{Severity: plan.Warning, Summary: what, Detail: err.Error() + "\n\nThis changes nothing else of the run."}})
}

// metricsFlags say where metrics go.
type metricsFlags struct {
	file, push string
	labels     []string
	to         metrics.To // once parsed
}

func (m *metricsFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.file, "metrics-file", "", "write Prometheus metrics to this `file`, for node_exporter's textfile collector")
	cmd.Flags().StringVar(&m.push, "metrics-push", "", "push Prometheus metrics to the push gateway of this `URL`")
	cmd.Flags().StringArrayVar(&m.labels, "metrics-label", nil, "a further label of all metrics, as `NAME=VALUE`; may be given several times")
}

func (m *metricsFlags) parse(a *app) (err error) {
	file := m.file
	if file != "" {
		file = a.path(file)
	}
	if m.to, err = metrics.Parse(file, m.push, m.labels); err == nil && m.to.Nowhere() && len(m.labels) > 0 {
		err = errors.New("-metrics-label belongs to -metrics-file or -metrics-push, and neither is given")
	}
	return err
}
