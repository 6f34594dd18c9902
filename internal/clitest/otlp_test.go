package clitest

import (
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlp START or otlp FILE receives traces as a collector does: with start it sets
// the endpoint, with a file it writes the spans that came, a line each, in the
// order of their beginning.
func otlp(ts *testscript.TestScript, _ bool, args []string) {
	c := ts.Value(collectorKey{}).(*collector)
	if args[0] == "start" {
		server := httptest.NewServer(c)
		ts.Defer(server.Close)
		ts.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(c.text()), 0o600))
}

type collectorKey struct{}

// collector takes OTLP over HTTP.
type collector struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	about string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	data, err := io.ReadAll(body)
	var request collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &request)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprintf("%s %s: %v", r.Method, r.URL, err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		c.about = fmt.Sprint(resource.Resource)
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

func valueOf(v *commonpb.AnyValue) string {
	if n, isInt := v.Value.(*commonpb.AnyValue_IntValue); isInt {
		return fmt.Sprint(n.IntValue)
	}
	return v.GetStringValue()
}

func (c *collector) text() string {
	slices.SortStableFunc(c.spans, func(a, b *tracepb.Span) int { return cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano) })
	names := map[string]string{}
	for _, s := range c.spans {
		names[string(s.SpanId)] = s.Name
	}
	var b strings.Builder
	fmt.Fprintf(&b, "resource %s\n", c.about)
	for _, s := range c.spans {
		parent, known := names[string(s.ParentSpanId)]
		if !known {
			parent = hex.EncodeToString(s.ParentSpanId)
		}
		fmt.Fprintf(&b, "%s; trace=%x; parent=%s; status=%s %q", s.Name, s.TraceId, parent, s.Status.GetCode(), s.Status.GetMessage())
		for _, a := range s.Attributes {
			fmt.Fprintf(&b, "; %s=%s", a.Key, valueOf(a.Value))
		}
		for _, e := range s.Events {
			fmt.Fprintf(&b, "; event %s", e.Name)
		}
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			b.WriteString("; ends before it begins")
		}
		b.WriteString("\n")
	}
	return b.String()
}
