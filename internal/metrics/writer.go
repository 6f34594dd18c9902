package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/soctalk/fleet/internal/neterr"
)

const (
	// fileEvery and pushEvery are how often metrics are written while a run goes
	// on; parting is what the last time may take.
	fileEvery = 5 * time.Second
	pushEvery = 15 * time.Second
	parting   = 5 * time.Second
)

// sink is one place that metrics go to.
type sink struct {
	every time.Duration
	write func(context.Context) error
	last  error // of the last time
}

func (to To) sinks(job string, all []prometheus.Collector) []*sink {
	var sinks []*sink
	if to.file != "" {
		labelled, unfit := registry(to.labels, all)
		sinks = append(sinks, &sink{every: fileEvery, write: func(context.Context) error {
			err := unfit
			if err == nil {
				err = prometheus.WriteToTextfile(to.file, labelled)
			}
			return wrapped("write the metrics to "+to.file, err)
		}})
	}
	if to.push != nil {
		p := to.pusher(job, all)
		sinks = append(sinks, &sink{every: pushEvery, write: func(ctx context.Context) error {
			err := p.PushContext(ctx)
			if why := neterr.Explain(err); why != "" {
				err = errors.New(why)
			}
			return wrapped("push the metrics to "+to.push.String(), err)
		}})
	}
	return sinks
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// writer writes metrics over and over, each sink by itself.
type writer struct {
	sinks   []*sink
	cancel  context.CancelFunc
	stop    chan struct{}
	writing sync.WaitGroup
}

// start begins to write; close ends it.
func (to To) start(ctx context.Context, job string, all []prometheus.Collector) *writer {
	w := &writer{sinks: to.sinks(job, all), stop: make(chan struct{})}
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, s := range w.sinks {
		w.writing.Go(func() { w.keep(ctx, s) })
	}
	return w
}

func (w *writer) keep(ctx context.Context, s *sink) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		s.last = s.write(ctx)
		select {
		case <-tick.C:
		case <-w.stop:
			s.last = s.write(ctx)
			return
		}
	}
}

func (w *writer) close() error {
	close(w.stop)
	timer := time.AfterFunc(parting, w.cancel)
	defer timer.Stop()
	w.writing.Wait()
	w.cancel()
	return lastErrors(w.sinks)
}

func lastErrors(sinks []*sink) error {
	var all []error
	for _, s := range sinks {
		all = append(all, s.last)
	}
	return errors.Join(all...)
}
