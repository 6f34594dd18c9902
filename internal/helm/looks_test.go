package helm

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// asks sends a request and returns the answer.
func asks(t *testing.T, transport http.RoundTripper, method string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "https://api/object", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestAnswerThatBreaksOffIsNone(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	transport := &looking{roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))}, nil
	}), &looks{on: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api/object", nil)
	if err != nil {
		t.Fatal(err)
	}
	// A RoundTripper returns either.
	if resp, err := transport.RoundTrip(req); resp != nil || !errors.Is(err, broken) {
		t.Errorf("%v, %v", resp, err)
	}
}

// during calls a function while it is read.
type during struct {
	io.Reader
	call func()
}

func (d *during) Read(b []byte) (int, error) {
	if d.call != nil {
		d.call()
	}
	d.call = nil
	return d.Reader.Read(b)
}

// Nobody waits while an answer comes in, and one that a write overtakes is of no
// further use.
func TestWriteWhileAnAnswerComesIn(t *testing.T) {
	t.Parallel()
	live, l := "before", &looks{on: true}
	var transport *looking
	write := func() {
		if !l.mu.TryLock() {
			t.Error("locked while an answer is read")
			return
		}
		l.mu.Unlock()
		asks(t, transport, http.MethodPut)
	}
	transport = &looking{roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut {
			live = "after"
		}
		body := &during{Reader: strings.NewReader(live)}
		if r.Method == http.MethodGet && live == "before" {
			body.call = write
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}, nil
	}), l}
	asks(t, transport, http.MethodGet)
	if got := asks(t, transport, http.MethodGet); got != "after" {
		t.Errorf("after a write, what was %q is answered", got)
	}
	live = "later"
	if got := asks(t, transport, http.MethodGet); got != "after" {
		t.Errorf("asked twice: %q", got)
	}
}
