package trace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// What is sent when all goes well is looked at in internal/clitest, by a collector.

// answers gives the address of an HTTP server.
func answers(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

// traced is a run of one step whose traces an endpoint is to take.
func traced(t *testing.T, endpoint string) *Run {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret-canary")
	r, err := NewRun(t.Context(), os.Getenv, Head{ID: "r1", Version: "0.1.0"}, &plan.Document{PlanID: "p1"})
	if err != nil {
		t.Fatal(err)
	}
	step := plan.Step{ID: "system/0/upgrade", Kind: plan.StepUpgrade, Address: "system"}
	now := time.Now()
	r.Event(apply.Event{Type: apply.StepStart, Step: step, Time: now})
	r.Event(apply.Event{Type: apply.StepFailed, Step: step, Time: now, Err: errors.New("no")})
	r.Ended(&apply.Result{Stopped: "the system failed"})
	return r
}

func TestEndpointThatHangs(t *testing.T) {
	over := make(chan struct{})
	r := traced(t, answers(t, func(http.ResponseWriter, *http.Request) { <-over }))
	defer close(over)
	r.parting = 50 * time.Millisecond
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
}

func TestEndpointThatRefuses(t *testing.T) {
	asked := make(chan string, 1)
	r := traced(t, answers(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	}))
	err := r.Close()
	if err == nil || !strings.Contains(err.Error(), "400 Bad Request") || strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 2*mostError {
		t.Errorf("got %v", err)
	}
	if got := <-asked; got != "s3cret-canary" {
		t.Errorf("asked with %q", got)
	}
}

// collector takes traces over gRPC, or refuses them with its error.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	err   error
	asked chan string
}

func (c *collector) Export(ctx context.Context, request *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	said, _ := metadata.FromIncomingContext(ctx)
	var spans []string
	for _, s := range request.ResourceSpans[0].ScopeSpans[0].Spans {
		spans = append(spans, s.Name)
	}
	c.asked <- strings.Join(append(said.Get("authorization"), spans...), ", ")
	return &collectorpb.ExportTraceServiceResponse{}, c.err
}

func TestTracesOverGRPC(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	for name, test := range map[string]struct {
		answer error
		want   string
	}{
		"taken":   {nil, ""},
		"refused": {status.Error(grpccodes.PermissionDenied, "not you"), "not you"},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := &collector{err: test.answer, asked: make(chan string, 1)}
		server := grpc.NewServer()
		collectorpb.RegisterTraceServiceServer(server, c)
		go func() { _ = server.Serve(listener) }()
		defer server.Stop()
		err = traced(t, "http://"+listener.Addr().String()).Close()
		if got := fmt.Sprint(err); (err == nil) != (test.answer == nil) || !strings.Contains(got, test.want) || strings.Contains(got, "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
		if got, want := <-c.asked, "s3cret-canary, upgrade system, run"; got != want {
			t.Errorf("%s: asked with %q, want %q", name, got, want)
		}
	}
}

func TestWhetherTracesAreAskedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"no":          {nil, ""},
		"all":         {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, "http://a"},
		"traces":      {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/v1/traces"}, "http://b/v1/traces"},
		"disabled":    {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "TRUE"}, ""},
		"no exporter": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"}, ""},
	} {
		if got := Endpoint(func(key string) string { return test.env[key] }); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	for name, env := range map[string]map[string]string{
		"JSON":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
		"no URL": {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"},
	} {
		if r, err := NewRun(t.Context(), func(key string) string { return env[key] }, Head{}, &plan.Document{}); r != nil || err == nil {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
}
