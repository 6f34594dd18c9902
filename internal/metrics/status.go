package metrics

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/soctalk/fleet/internal/view"
)

// status measures how a fleet is.
type status struct {
	info, ok, ready, workloads, readyWorkloads, drift, skew, last, lastStarted *prometheus.GaugeVec
	observed, unmanaged                                                        prometheus.Gauge
}

func newStatus() *status {
	return &status{
		info:           gauges("soctalk_release_info", "What is wanted of a release and what is live, and how its pair with the live system is rated. Always 1.", "address", "wanted", "live", "compatibility"),
		ok:             gauges("soctalk_release_ok", "1 when nothing of a release asks for anybody's attention.", "address"),
		ready:          gauges("soctalk_release_ready", "1 when a release is deployed and all its workloads are ready.", "address"),
		workloads:      gauges("soctalk_release_workloads", "Deployments, StatefulSets and DaemonSets of a release.", "address"),
		readyWorkloads: gauges("soctalk_release_ready_workloads", "Those of them that are ready.", "address"),
		drift:          gauges("soctalk_release_drift", "1 when what is live is not what was asked for, by what differs. Objects are there when they were looked at.", "address", "differs"),
		skew:           gauges("soctalk_release_skew_start_timestamp_seconds", "Since when, at least, a tenant is beside a system of another version. Absent when it is not.", "address"),
		last:           gauges("soctalk_fleet_last_run_info", "The newest run and its state. Always 1.", "run", "state"),
		lastStarted:    gauges("soctalk_fleet_last_run_start_timestamp_seconds", "When the newest run was started."),
		observed:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "soctalk_fleet_observed_timestamp_seconds", Help: "When the fleet was looked at."}),
		unmanaged:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "soctalk_fleet_unmanaged_releases", Help: "Live tenant releases that the files do not name."}),
	}
}

func (m *status) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.info, m.ok, m.ready, m.workloads, m.readyWorkloads, m.drift, m.skew, m.last, m.lastStarted, m.observed, m.unmanaged}
}

// WriteStatus writes how a fleet is. With objects, its objects were looked at too.
func WriteStatus(ctx context.Context, to To, s *view.Status, objects bool) error {
	m := newStatus()
	m.observed.Set(seconds(s.Observed))
	m.unmanaged.Set(float64(len(s.Unmanaged)))
	if r := s.LastRun; r != nil {
		m.last.WithLabelValues(r.Run, r.State).Set(1)
		m.lastStarted.WithLabelValues().Set(seconds(r.Started))
	}
	for i := range s.Releases {
		m.release(&s.Releases[i], objects)
	}
	sinks := to.sinks("soctalk_status", m.collectors())
	for _, sink := range sinks {
		sink.last = sink.write(ctx)
	}
	return lastErrors(sinks)
}

func (m *status) release(r *view.ReleaseStatus, objects bool) {
	m.info.WithLabelValues(r.Address, r.Wanted, r.Live, r.Compatibility).Set(1)
	m.ok.WithLabelValues(r.Address).Set(truth(r.OK))
	m.ready.WithLabelValues(r.Address).Set(truth(r.Health == "ready"))
	if w := r.Workloads; w != nil {
		m.workloads.WithLabelValues(r.Address).Set(float64(w.Total))
		m.readyWorkloads.WithLabelValues(r.Address).Set(float64(w.Ready))
	}
	parts := []string{"version", "values"}
	if objects {
		parts = append(parts, "objects")
	}
	for _, part := range parts {
		m.drift.WithLabelValues(r.Address, part).Set(truth(slices.Contains(r.Differs, part)))
	}
	if r.Skew != nil {
		m.skew.WithLabelValues(r.Address).Set(seconds(r.Skew.Since))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
