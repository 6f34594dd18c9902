// Package metrics tells Prometheus what a run does and how a fleet is: in a file
// for node_exporter's textfile collector, and through a push gateway. Labels hold
// names of the files and versions, and nothing that a person put into values.
package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// The states of a run, and the words for where a step stands.
const (
	running  = "running"
	complete = "complete"
	waiting  = "waiting"
	failed   = "failed"

	pending     = "pending"
	done        = "done"
	quarantined = "quarantined"
	skipped     = "skipped"
)

// Head is what there is to say of a run before it begins.
type Head struct {
	ID, Version string
	// Started is when the run was, not when it was taken up again.
	Started time.Time
}

// Run measures one run.
type Run struct {
	info, state, planned, releases, steps *prometheus.GaugeVec
	started, ended                        prometheus.Gauge
	took                                  *prometheus.HistogramVec
	// at says where each step stands.
	at  map[string]string
	out *writer
}

// NewRun begins to write what becomes of a run; [Run.Close] ends it. Past is what
// an earlier program did of the run.
func NewRun(ctx context.Context, to To, head Head, doc *plan.Document, past []apply.Entry) *Run {
	r := newRun()
	reverses := ""
	if doc.Reverses != nil {
		reverses = doc.Reverses.Run
	}
	r.info.WithLabelValues(head.ID, doc.PlanID, reverses, head.Version).Set(1)
	r.started.Set(seconds(head.Started))
	r.is(running)
	for action, n := range map[plan.Action]int{plan.Install: doc.Summary.Install, plan.Upgrade: doc.Summary.Upgrade, plan.Uninstall: doc.Summary.Uninstall, plan.Rollback: doc.Summary.Rollback} {
		r.planned.WithLabelValues(string(action)).Set(float64(n))
	}
	steps := map[string]plan.Step{}
	for _, s := range doc.Steps {
		steps[s.ID] = s
		r.move(s, pending)
	}
	for _, e := range past {
		r.recall(steps, e)
	}
	r.out = to.start(ctx, "soctalk_run", r.collectors())
	return r
}

func newRun() *Run {
	return &Run{
		info:     gauges("soctalk_run_info", "The run that the other metrics are of. Always 1.", "run", "plan", "reverses", "version"),
		state:    gauges("soctalk_run_state", "1 for the state that the run is in, 0 for the others.", "state"),
		planned:  gauges("soctalk_run_planned_releases", "Releases that the plan changes, by what it does to them.", "action"),
		releases: gauges("soctalk_run_releases", "Releases by what became of them, once the run has ended.", "result"),
		steps:    gauges("soctalk_run_steps", "Steps of the run by kind and where they stand.", "kind", "result"),
		started:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "soctalk_run_start_timestamp_seconds", Help: "When the run was started."}),
		ended:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "soctalk_run_end_timestamp_seconds", Help: "When the run ended; 0 while it goes on."}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "soctalk_run_step_duration_seconds", Help: "How long steps took that this program ended, well or not.",
			Buckets: []float64{1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600},
		}, []string{"kind"}),
		at: map[string]string{},
	}
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func (r *Run) collectors() []prometheus.Collector {
	updated := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "soctalk_run_updated_timestamp_seconds", Help: "When these metrics were written.",
	}, func() float64 { return seconds(time.Now()) })
	return []prometheus.Collector{r.info, r.state, r.planned, r.releases, r.steps, r.started, r.ended, r.took, updated}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (r *Run) is(state string) {
	for _, s := range []string{running, complete, waiting, failed} {
		r.state.WithLabelValues(s).Set(0)
	}
	r.state.WithLabelValues(state).Set(1)
}

// move notes where a step stands now.
func (r *Run) move(s plan.Step, to string) {
	kind := string(s.Kind)
	if from := r.at[s.ID]; from != "" {
		r.steps.WithLabelValues(kind, from).Dec()
	} else {
		for _, result := range []string{pending, running, done, failed, quarantined, skipped} {
			r.steps.WithLabelValues(kind, result).Add(0)
		}
	}
	r.at[s.ID] = to
	r.steps.WithLabelValues(kind, to).Inc()
}

// recall takes in what was done before. What had failed when the run came to an
// end is tried again.
func (r *Run) recall(steps map[string]plan.Step, e apply.Entry) {
	s, planned := steps[e.Step]
	switch {
	case e.Kind == apply.Ended:
		for id, at := range r.at {
			if at == failed || at == quarantined {
				r.move(steps[id], pending)
			}
		}
	case !planned:
	case e.Kind == apply.Done:
		r.move(s, done)
	case e.Kind == apply.Failed:
		r.move(s, failed)
	case e.Kind == apply.Quarantined:
		r.move(s, quarantined)
	}
}

// Event takes in what happened. It does not block.
func (r *Run) Event(e apply.Event) {
	var stale *apply.StaleError
	switch e.Type {
	case apply.StepStart:
		r.move(e.Step, running)
	case apply.StepDone, apply.RolledBack:
		r.end(e, done)
	case apply.StepFailed:
		if errors.As(e.Err, &stale) {
			r.end(e, quarantined)
		} else {
			r.end(e, failed)
		}
	case apply.StepSkipped:
		r.move(e.Step, skipped)
	}
}

func (r *Run) end(e apply.Event, result string) {
	r.move(e.Step, result)
	r.took.WithLabelValues(string(e.Step.Kind)).Observe(e.Elapsed.Seconds())
}

// Ended takes in how the run ended.
func (r *Run) Ended(result *apply.Result) {
	switch {
	case result.OK():
		r.is(complete)
	case result.Resumable:
		r.is(waiting)
	default:
		r.is(failed)
	}
	r.ended.Set(seconds(time.Now()))
	for what, n := range map[string]int{
		"installed": result.Installed, "upgraded": result.Upgraded, "uninstalled": result.Uninstalled, "returned": result.Returned,
		"rolled_back": len(result.RolledBack), "failed": len(result.Failed), "quarantined": len(result.Quarantined), "not_started": len(result.NotStarted),
	} {
		r.releases.WithLabelValues(what).Set(float64(n))
	}
}

// Close writes the metrics a last time. Its error says what of that failed; what
// failed before and went well since is no error.
func (r *Run) Close() error { return r.out.close() }
