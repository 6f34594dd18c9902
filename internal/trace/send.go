package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// patience bounds one request with its repetitions.
const patience = 10 * time.Second

// Endpoint is where the environment wants traces sent; empty: nowhere.
func Endpoint(getenv func(string) string) string {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return ""
	}
	return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
}

// newSender makes what sends to an endpoint, in the protocol that the environment
// names. It connects to nothing yet.
func newSender(ctx context.Context, getenv func(string) string, endpoint string) (*otlptrace.Exporter, error) {
	// The exporters take the endpoint from the environment themselves, and would go
	// on with their default where that is no URL.
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" {
		return nil, errors.New("the OTLP endpoint of the environment is no URL of the form http://host:4318")
	}
	switch protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf"); protocol {
	case "http/protobuf":
		return otlptracehttp.New(ctx, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: patience / 2, MaxElapsedTime: patience}))
	case "grpc":
		return otlptracegrpc.New(ctx, otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: patience / 2, MaxElapsedTime: patience}))
	default:
		return nil, fmt.Errorf("traces are sent as http/protobuf or grpc, and OTEL_EXPORTER_OTLP_PROTOCOL is %q", protocol)
	}
}

// exporter remembers the first batch that could not be sent. The SDK would write
// each on standard error.
type exporter struct {
	sdktrace.SpanExporter
	mu  sync.Mutex
	err error
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
	return nil
}

func (e *exporter) first() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}
