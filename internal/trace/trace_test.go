package trace

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// What is sent when all goes well is looked at in internal/clitest, by a collector.

// traced is a run of one step whose traces an endpoint is to take.
func traced(t *testing.T, answer http.HandlerFunc) *Run {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
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
	r := traced(t, func(http.ResponseWriter, *http.Request) { <-over })
	defer close(over)
	r.parting = 50 * time.Millisecond
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
}

func TestEndpointThatRefuses(t *testing.T) {
	asked := make(chan string, 1)
	r := traced(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	})
	err := r.Close()
	if err == nil || !strings.Contains(err.Error(), "400 Bad Request") || strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 2*mostError {
		t.Errorf("got %v", err)
	}
	if got := <-asked; got != "s3cret-canary" {
		t.Errorf("asked with %q", got)
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
		"gRPC":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
		"no URL": {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"},
	} {
		if r, err := NewRun(t.Context(), func(key string) string { return env[key] }, Head{}, &plan.Document{}); r != nil || err == nil {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
}
