package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/soctalk/fleet/schema"
)

func (s *Set) prometheus(ctx context.Context, p *schema.PrometheusProbe) (finding, error) {
	u, err := url.Parse(p.Address)
	if err != nil {
		return finding{}, errors.New("the address of Prometheus cannot be read")
	}
	what := "Prometheus at " + withoutLogin(u)
	client, err := api.NewClient(api.Config{Address: p.Address, RoundTripper: withLogin{http.DefaultTransport, u.User}})
	if err != nil {
		return finding{}, fmt.Errorf("%s: its address cannot be used", what)
	}
	// Without a time, it is Prometheus' own clock that counts.
	result, _, _, err := prometheusv1.NewAPI(client).Query(ctx, p.Query, time.Time{})
	if err != nil {
		return finding{}, fmt.Errorf("%s: %w", what, s.prometheusError(ctx, err))
	}
	number, err := one(result)
	if err != nil {
		return finding{}, fmt.Errorf("%s: %w", what, err)
	}
	wanted, ok := within(p, number)
	if !ok {
		return finding{text: fmt.Sprintf("the query's value is %s, expected %s", short(number), wanted)}, nil
	}
	return finding{ok: true, text: fmt.Sprintf("the query's value is %s (%s)", short(number), wanted)}, nil
}

// prometheusError says plainly what is wrong: the query, the server, or that it
// is another kind of server.
func (s *Set) prometheusError(ctx context.Context, err error) error {
	var answer *prometheusv1.Error
	if !errors.As(err, &answer) {
		return plain(ctx, err)
	}
	switch answer.Type {
	case prometheusv1.ErrBadData, prometheusv1.ErrExec, prometheusv1.ErrTimeout, prometheusv1.ErrCanceled:
		return fmt.Errorf("it does not answer the query: %s", answer.Msg)
	case prometheusv1.ErrServer, prometheusv1.ErrClient:
		return fmt.Errorf("it answers with an error: %s: %s", answer.Msg, s.hide.value(answer.Detail))
	}
	return fmt.Errorf("what answers there is no Prometheus: %s", s.hide.value(answer.Msg))
}

// one is the number that a query's result consists of.
func one(result model.Value) (float64, error) {
	switch v := result.(type) {
	case *model.Scalar:
		return float64(v.Value), nil
	case model.Vector:
		switch {
		case len(v) == 0:
			return 0, errors.New("the query has no result: no series matches")
		case len(v) > 1:
			return 0, fmt.Errorf("the query has %d results, and one number is expected: aggregate them, as sum(…) does", len(v))
		case v[0].Histogram != nil:
			return 0, errors.New("the query's result is a histogram, and a number is expected")
		}
		return float64(v[0].Value), nil
	}
	return 0, fmt.Errorf("the query's result is a %s, and a number is expected", result.Type())
}

// within says what is wanted, and whether a number is. NaN never is.
func within(p *schema.PrometheusProbe, n float64) (string, bool) {
	switch {
	case p.Equals != nil:
		return short(*p.Equals), n == *p.Equals
	case p.Min != nil && p.Max != nil:
		return fmt.Sprintf("%s to %s", short(*p.Min), short(*p.Max)), n >= *p.Min && n <= *p.Max
	case p.Min != nil:
		return "at least " + short(*p.Min), n >= *p.Min
	case p.Max != nil:
		return "at most " + short(*p.Max), n <= *p.Max
	}
	return "a number", !math.IsNaN(n)
}

func short(n float64) string { return strconv.FormatFloat(n, 'g', 6, 64) }
