package check_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/sandbox/prometheustest"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestPrometheus(t *testing.T) {
	t.Parallel()
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "ingest_lag{tenant=\"acme\"} 42\ningest_lag{tenant=\"beta\"} 1e6\n")
	}))
	t.Cleanup(metrics.Close)
	address := prometheustest.Start(t, strings.TrimPrefix(metrics.URL, "http://"))
	probe := func(address, query, wanted string) string {
		return fmt.Sprintf("prometheus {\naddress = %q\nquery = %q\n%s\n}", address, query, wanted)
	}
	const lag = `ingest_lag{tenant=\"${self.slug}\"}`
	asked := func(query, wanted string) apply.Answer {
		return one(t, nowhere(t), "x", strings.ReplaceAll(probe(address, "QUERY", wanted), "QUERY", query))
	}
	sandboxtest.Eventually(t, func(context.Context) error { // it has been scraped
		if a := asked(lag, "equals = 42"); !a.OK {
			return fmt.Errorf("%s", a.Found)
		}
		return nil
	})
	for name, test := range map[string]struct {
		query, wanted string
		ok            bool
		part          string
	}{
		"at most":   {lag, "max = 120", true, "is 42 (at most 120)"},
		"too much":  {lag, "max = 40.5", false, "is 42, expected at most 40.5"},
		"at least":  {lag, "min = 42", true, "at least 42"},
		"between":   {lag, "min = 43\nmax = 50", false, "is 42, expected 43 to 50"},
		"scalar":    {"scalar(sum(ingest_lag)) - 1", "equals = 1000041", true, ""},
		"nothing":   {"absent_metric", "max = 1", false, "no series matches"},
		"several":   {"ingest_lag", "max = 1", false, "2 results, and one number is expected"},
		"no number": {"0 / 0", "max = 1", false, "is NaN"},
		"a range":   {"ingest_lag[1m]", "max = 1", false, "is a matrix, and a number is expected"},
		"no query":  {"sum(", "max = 1", false, "it does not answer the query"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			holds(t, name, asked(test.query, test.wanted), test.ok, test.part)
		})
	}
	holds(t, "no Prometheus", one(t, nowhere(t), "x", probe(metrics.URL, "up", "max = 1")), false, "no Prometheus")
	down := httptest.NewServer(nil)
	down.Close()
	holds(t, "down", one(t, nowhere(t), "x", probe(down.URL, "up", "max = 1")), false, "Prometheus at "+down.URL, "nothing listens there")
}
