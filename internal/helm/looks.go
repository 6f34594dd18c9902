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

// answer is what was answered to the same question, if it still holds.
func (l *looks) answer(req *http.Request) *http.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	if req.Method != http.MethodGet {
		l.answers = nil
		return nil
	}
	a, known := l.answers[req.URL.String()]
	if !known {
		return nil
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}
}

func (l *looks) remember(req *http.Request, resp *http.Response) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on || req.Method != http.MethodGet || resp.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if l.answers == nil {
		l.answers = map[string]answer{}
	}
	l.answers[req.URL.String()] = answer{resp.Header.Clone(), body}
	return nil
}

// looking is a transport that asks nothing twice.
type looking struct {
	next http.RoundTripper
	*looks
}

// RoundTrip implements http.RoundTripper.
func (t *looking) RoundTrip(req *http.Request) (*http.Response, error) {
	if resp := t.answer(req); resp != nil {
		return resp, nil
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return resp, t.remember(req, resp)
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
