package faultproxy

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
)

// RunKilled runs a program and kills it at the request that the rule selects: the
// API server never hears of that, or, if kept, has carried it out, and the program
// gets no answer. It returns how the program ended, as [exec.Cmd.Wait] does.
func (p *Proxy) RunKilled(cmd *exec.Cmd, rule Rule, kept bool) error {
	alive, dead := make(chan struct{}), make(chan struct{})
	rule.Fault = func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if kept {
			forward.ServeHTTP(httptest.NewRecorder(), r)
		}
		<-alive
		_ = cmd.Process.Kill()
		<-dead
		Reset(w, r, forward)
	}
	p.Clear()
	p.Add(rule)
	defer close(dead)
	if err := cmd.Start(); err != nil {
		return err
	}
	close(alive)
	return cmd.Wait()
}

// Body reads the body of a request and leaves it as it was.
func Body(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}
