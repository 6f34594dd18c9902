package faultproxy

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// Fault is what becomes of a request. forward carries it out.
type Fault func(w http.ResponseWriter, r *http.Request, forward http.Handler)

// Status answers as an API server does that cannot serve: with a code and, if
// it is not zero, when to come back, in whole seconds.
func Status(code int, retryAfter time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"injected","reason":"InternalError","code":%d}`, code)
	}
}

// Hang never answers.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Delay answers later.
func Delay(by time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		t := time.NewTimer(by)
		defer t.Stop()
		select {
		case <-t.C:
			forward.ServeHTTP(w, r)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// Reset breaks the connection without an answer, or over HTTP/2 the stream;
// the API server never hears of the request.
func Reset(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(w) }

// Lost breaks the connection after the API server has carried the request out.
func Lost(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	reset(w)
}

func reset(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if tcp, ok := underneath(conn).(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset instead of an orderly end
			}
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

func underneath(conn net.Conn) net.Conn {
	if s, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return s.NetConn()
	}
	return conn
}

// Cut passes on so many bytes of the answer and then breaks the connection; a
// watch ends in the middle.
func Cut(after int) Fault { return part(after, func(*http.Request) {}) }

// Stall passes on so many bytes of the answer and then nothing more.
func Stall(after int) Fault { return part(after, func(r *http.Request) { <-r.Context().Done() }) }

func part(n int, then func(*http.Request)) Fault {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		forward.ServeHTTP(&partial{ResponseWriter: w, left: n, then: func() { then(r) }}, r)
	}
}

type partial struct {
	http.ResponseWriter
	left int
	then func()
}

func (p *partial) Write(b []byte) (int, error) {
	n, err := p.ResponseWriter.Write(b[:min(len(b), p.left)])
	if p.left -= n; err == nil && n < len(b) {
		p.Flush()
		p.then()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// Flush implements http.Flusher.
func (p *partial) Flush() { _ = http.NewResponseController(p.ResponseWriter).Flush() }

// Edit changes the body of an answer, in whatever encoding the client asked
// for.
func Edit(change func([]byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		forward.ServeHTTP(answer, r)
		body := change(answer.Body.Bytes())
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}
}

// Path selects the requests of a method ("" for any) whose path contains a
// text.
func Path(method, contains string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return (method == "" || r.Method == method) && strings.Contains(r.URL.Path, contains)
	}
}
