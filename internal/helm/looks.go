package helm

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
)

// looks spares the API server questions that it has just answered. Templates look
// the same object up once for each of its fields, and what kinds there are each
// time. Helm's update reads each object to see whether it is there, reads it
// again for the patch, and a third time if that is empty.
type looks struct {
	mu sync.Mutex
	// on is set while Helm renders and while it updates, one object after the
	// other; never while something is waited for.
	on bool
	// answers are those since the last write, by address.
	answers map[string]answer
}

type answer struct {
	header http.Header
	body   []byte
}

func (l *looks) turn(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on, l.answers = on, nil
}

// ask returns what was answered to the same question, if it still holds, or else
// where the answer is to be kept, which is nowhere for most. A write in between
// leaves that behind, with what is put there yet.
func (l *looks) ask(req *http.Request) (*http.Response, map[string]answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on || req.Method != http.MethodGet {
		l.answers = nil
		return nil, nil
	}
	a, known := l.answers[req.URL.String()]
	if !known {
		if l.answers == nil {
			l.answers = map[string]answer{}
		}
		return nil, l.answers
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}, nil
}

func (l *looks) keep(into map[string]answer, req *http.Request, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	into[req.URL.String()] = a
}

// looking is a transport that asks nothing twice.
type looking struct {
	next http.RoundTripper
	*looks
}

// RoundTrip implements http.RoundTripper.
func (t *looking) RoundTrip(req *http.Request) (*http.Response, error) {
	known, into := t.ask(req)
	if known != nil {
		return known, nil
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil || into == nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	t.keep(into, req, answer{resp.Header.Clone(), body})
	return resp, nil
}

// lookingGetter makes clients that share their looks.
type lookingGetter struct {
	genericclioptions.RESTClientGetter
	*looks
}

// ToRESTConfig implements genericclioptions.RESTClientGetter.
func (g lookingGetter) ToRESTConfig() (*rest.Config, error) {
	config, err := g.RESTClientGetter.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &looking{next, g.looks} })
	return config, nil
}
