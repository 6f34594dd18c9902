// Package trace tells in OpenTelemetry what a run does: a span of the run, and in
// it one of each step. It is set up by OpenTelemetry's own variables of the
// environment. What cannot be sent is lost and harms nothing.
package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/neterr"
	"github.com/soctalk/fleet/plan"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// parting bounds the sending of what is left at the end of the run.
	parting = 5 * time.Second
	// mostError bounds the text of an error, in bytes.
	mostError = 2 << 10
)

// Head is what there is to say of a run before it begins.
type Head struct{ ID, Version string }

// Run traces one run.
type Run struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	sent     *exporter
	ctx      context.Context // of the run's span
	span     trace.Span
	steps    map[string]trace.Span
	parting  time.Duration
}

// NewRun begins the span of a run; [Run.Close] sends what is left. It is nil
// where nobody asks for traces. A TRACEPARENT of the environment, as pipelines
// set it, is what the span is a part of.
func NewRun(ctx context.Context, getenv func(string) string, head Head, doc *plan.Document) (*Run, error) {
	endpoint := Endpoint(getenv)
	if endpoint == "" {
		return nil, nil
	}
	ctx = context.WithoutCancel(ctx)
	sends, err := newSender(ctx, getenv, endpoint)
	if err != nil {
		return nil, fmt.Errorf("set up the sending of traces: %w", err)
	}
	// What the environment says of the service stands above this.
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "soctalk"), attribute.String("service.version", head.Version)), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describe this program in traces: %w", err)
	}
	r := &Run{sent: &exporter{SpanExporter: sends}, steps: map[string]trace.Span{}, parting: parting}
	r.provider = sdktrace.NewTracerProvider(sdktrace.WithBatcher(r.sent), sdktrace.WithResource(about))
	r.tracer = r.provider.Tracer("github.com/soctalk/fleet", trace.WithInstrumentationVersion(head.Version))
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": getenv("TRACEPARENT"), "tracestate": getenv("TRACESTATE")})
	r.ctx, r.span = r.tracer.Start(ctx, "run", trace.WithAttributes(
		attribute.String("soctalk.run", head.ID), attribute.String("soctalk.plan", doc.PlanID),
		attribute.Int("soctalk.planned.install", doc.Summary.Install), attribute.Int("soctalk.planned.upgrade", doc.Summary.Upgrade),
		attribute.Int("soctalk.planned.uninstall", doc.Summary.Uninstall), attribute.Int("soctalk.planned.rollback", doc.Summary.Rollback),
	))
	if doc.Reverses != nil {
		r.span.SetAttributes(attribute.String("soctalk.reverses", doc.Reverses.Run))
	}
	return r, nil
}

// Event takes in what happened. It does not block.
func (r *Run) Event(e apply.Event) {
	switch e.Type {
	case apply.StepStart:
		_, r.steps[e.Step.ID] = r.tracer.Start(r.ctx, string(e.Step.Kind)+" "+e.Step.Address, trace.WithTimestamp(e.Time), trace.WithAttributes(of(e.Step)...))
	case apply.StepDone, apply.RolledBack:
		r.end(e, "done")
	case apply.StepFailed:
		var stale *apply.StaleError
		if errors.As(e.Err, &stale) {
			r.end(e, "quarantined")
		} else {
			r.end(e, "failed")
		}
	case apply.Gate:
		r.span.AddEvent("gate", trace.WithTimestamp(e.Time), trace.WithAttributes(attribute.String("soctalk.wave", e.Step.Wave), attribute.Bool("soctalk.approved", e.By != "")))
	case apply.PointReached:
		r.span.AddEvent("rollback point", trace.WithTimestamp(e.Time), trace.WithAttributes(attribute.String("soctalk.point", e.Message)))
	case apply.Stopping:
		r.span.AddEvent("stopping", trace.WithTimestamp(e.Time), trace.WithAttributes(attribute.String("soctalk.why", cut(e.Message))))
	}
}

// of describes a step, as far as there is something to say.
func of(s plan.Step) []attribute.KeyValue {
	all := []attribute.KeyValue{attribute.String("soctalk.step", s.ID), attribute.String("soctalk.kind", string(s.Kind))}
	for _, a := range [][2]string{{"soctalk.address", s.Address}, {"soctalk.wave", s.Wave}, {"soctalk.from", s.From}, {"soctalk.to", s.To}} {
		if a[1] != "" {
			all = append(all, attribute.String(a[0], a[1]))
		}
	}
	return all
}

func (r *Run) end(e apply.Event, result string) {
	span := r.steps[e.Step.ID]
	if span == nil {
		// A release that is not as it was planned with may be left before it begins.
		_, span = r.tracer.Start(r.ctx, string(e.Step.Kind)+" "+e.Step.Address, trace.WithTimestamp(e.Time), trace.WithAttributes(of(e.Step)...))
	}
	delete(r.steps, e.Step.ID)
	span.SetAttributes(attribute.String("soctalk.result", result))
	if e.Err != nil {
		span.SetStatus(codes.Error, cut(e.Err.Error()))
	}
	span.End(trace.WithTimestamp(e.Time))
}

func cut(text string) string {
	if len(text) <= mostError {
		return text
	}
	return strings.ToValidUTF8(text[:mostError-len("…")], "") + "…"
}

// Ended takes in how the run ended.
func (r *Run) Ended(result *apply.Result) {
	for _, span := range r.steps {
		span.SetAttributes(attribute.String("soctalk.result", "open"))
		span.End()
	}
	r.span.SetAttributes(
		attribute.Int("soctalk.installed", result.Installed), attribute.Int("soctalk.upgraded", result.Upgraded), attribute.Int("soctalk.uninstalled", result.Uninstalled), attribute.Int("soctalk.returned", result.Returned),
		attribute.Int("soctalk.failed", len(result.Failed)), attribute.Int("soctalk.rolled_back", len(result.RolledBack)), attribute.Int("soctalk.quarantined", len(result.Quarantined)), attribute.Int("soctalk.not_started", len(result.NotStarted)),
	)
	switch {
	case result.OK():
		r.span.SetAttributes(attribute.String("soctalk.result", "complete"))
	case result.Resumable:
		r.span.SetAttributes(attribute.String("soctalk.result", "waiting"))
	default:
		r.span.SetAttributes(attribute.String("soctalk.result", "failed"))
		r.span.SetStatus(codes.Error, cut(cmp.Or(result.Stopped, "not everything was done")))
	}
	r.span.End()
}

// Close returns once all is sent, or soon. Its error says why something is not.
func (r *Run) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.parting)
	defer cancel()
	err := r.provider.Shutdown(ctx)
	if first := r.sent.first(); first != nil {
		err = first
	}
	if why := neterr.Explain(err); why != "" {
		err = errors.New(why)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("send the traces to the OTLP endpoint: %s", cut(err.Error()))
}
