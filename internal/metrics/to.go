package metrics

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	"github.com/prometheus/common/model"
)

// To is where metrics go; see [Parse].
type To struct {
	file   string
	push   *url.URL // without credentials
	user   *url.Userinfo
	labels prometheus.Labels
}

// Parse says where metrics go: to a file, to a push gateway of a URL, or both.
// Empty is nowhere. Labels, each NAME=VALUE, stand on every series.
func Parse(file, gateway string, labels []string) (To, error) {
	to := To{file: file, labels: prometheus.Labels{}}
	if gateway != "" {
		u, err := url.Parse(gateway)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			// The text is not repeated: it may hold a password.
			return To{}, errors.New("the push gateway is no URL of the form http://host:9091")
		}
		to.user, u.User = u.User, nil
		to.push = u
	}
	for _, pair := range labels {
		name, value, ok := strings.Cut(pair, "=")
		if _, twice := to.labels[name]; !ok || value == "" || twice || name == "job" || strings.HasPrefix(name, "__") || !model.LegacyValidation.IsValidLabelName(name) {
			return To{}, fmt.Errorf("%q is no label of the form NAME=VALUE, with a name that is given once and free", pair)
		}
		to.labels[name] = value
	}
	if _, err := registry(to.labels, append(newRun().collectors(), newStatus().collectors()...)); err != nil {
		return To{}, fmt.Errorf("the metrics have a label of their own by one of the names: %w", err)
	}
	return to, nil
}

// Nowhere says that metrics go nowhere.
func (to To) Nowhere() bool { return to.file == "" && to.push == nil }

// registry holds collectors, each with labels more.
func registry(labels prometheus.Labels, all []prometheus.Collector) (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	labelled := prometheus.WrapRegistererWith(labels, r)
	for _, c := range all {
		if err := labelled.Register(c); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// patience bounds one push.
const patience = 10 * time.Second

// pusher replaces what the gateway has of the same job and labels.
func (to To) pusher(job string, all []prometheus.Collector) *push.Pusher {
	p := push.New(to.push.String(), job).Client(bounded{http.Client{Timeout: patience}})
	for name, value := range to.labels {
		p.Grouping(name, value)
	}
	if to.user != nil {
		password, _ := to.user.Password()
		p.BasicAuth(to.user.Username(), password)
	}
	for _, c := range all {
		p.Collector(c)
	}
	return p
}

// bounded reads no more of an answer than an error message needs.
type bounded struct{ http.Client }

const mostAnswer = 512

func (b bounded) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.Client.Do(req)
	if err != nil {
		return nil, err
	}
	body := resp.Body
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, mostAnswer), body}
	return resp, nil
}
