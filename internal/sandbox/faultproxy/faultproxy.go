// Package faultproxy stands between a program and an API server, and lets the
// requests that a test chooses go wrong: refused, slow, cut off, or carried out
// and never answered. Which of them do is decided by a seed, by what is asked
// and by how often it was asked before, so that a run can be repeated however
// its requests interleave.
package faultproxy

import (
	"context"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Rule says which requests meet a fault.
type Rule struct {
	// Match selects requests; nil selects all.
	Match func(*http.Request) bool
	// Skip is how many selected requests pass before the first may meet the
	// fault, and Times how many meet it then; zero Times means all.
	Skip, Times int
	// Chance is the share of selected requests that meet the fault; zero means
	// all.
	Chance float64
	Fault  Fault
}

// Options say how a proxy serves.
type Options struct {
	// Seed decides where a rule leaves it to chance.
	Seed uint64
	// Mask matches what is left out of that: names that differ from run to run.
	// May be nil.
	Mask *regexp.Regexp
	// HTTP1 keeps clients from speaking HTTP/2, as they do by default.
	HTTP1 bool
}

// Proxy is one of them. It is safe for concurrent use.
type Proxy struct {
	// Kubeconfig is a file that leads through the proxy, with all rights.
	Kubeconfig string
	// URL is the proxy's own.
	URL string

	forward http.Handler
	seed    uint64
	mask    *regexp.Regexp
	closed  context.Context

	mu       sync.Mutex
	rules    []*counted
	asked    map[string]uint64
	requests []string
}

type counted struct {
	Rule
	selected, met int
}

// Start runs a proxy to the API server that the configuration leads to, until
// the test is over. Clients need no credentials of their own: the proxy has a
// certificate of its own and forwards with those of the configuration.
func Start(t testing.TB, upstream *rest.Config, o Options) *Proxy {
	t.Helper()
	upstream = rest.CopyConfig(upstream)
	// Upgraded connections need it: exec, port-forward.
	upstream.NextProtos = []string{"http/1.1"}
	transport, err := rest.TransportFor(upstream)
	if err != nil {
		t.Fatalf("fault proxy: %v", err)
	}
	target, err := url.Parse(upstream.Host)
	if err != nil {
		t.Fatalf("fault proxy: %v", err)
	}
	closed, end := context.WithCancel(context.Background())
	p := &Proxy{seed: o.Seed, mask: o.Mask, closed: closed, asked: map[string]uint64{}}
	p.forward = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // watches
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewUnstartedServer(p)
	server.EnableHTTP2 = !o.HTTP1
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(func() {
		end()
		server.CloseClientConnections()
		server.Close()
	})
	p.URL = server.URL
	p.Kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	err = clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"proxy": {Server: p.URL, CertificateAuthorityData: authority}},
		Contexts:       map[string]*clientcmdapi.Context{"proxy": {Cluster: "proxy"}},
		CurrentContext: "proxy",
	}, p.Kubeconfig)
	if err != nil {
		t.Fatalf("fault proxy: %v", err)
	}
	return p
}

// Add makes a rule apply from now on. Of several that select a request the
// first that was added wins.
func (p *Proxy) Add(rules ...Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range rules {
		p.rules = append(p.rules, &counted{Rule: r})
	}
}

// Clear drops every rule.
func (p *Proxy) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// Requests returns what was asked since the last call, as "GET /path?query".
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.requests
	p.requests = nil
	return all
}

// Met returns how many requests met the fault of each rule.
func (p *Proxy) Met() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	met := make([]int, len(p.rules))
	for i, r := range p.rules {
		met[i] = r.met
	}
	return met
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := p.fault(r); fault != nil {
		// What hangs ends with the proxy too.
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(p.closed, cancel)()
		fault(w, r.WithContext(ctx), p.forward)
		return
	}
	p.forward.ServeHTTP(w, r)
}

func (p *Proxy) fault(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := r.Method + " " + r.URL.RequestURI()
	p.requests = append(p.requests, what)
	if p.mask != nil {
		what = p.mask.ReplaceAllString(what, "*")
	}
	p.asked[what]++
	i := slices.IndexFunc(p.rules, func(rule *counted) bool { return p.meets(rule, r, what) })
	if i < 0 {
		return nil
	}
	p.rules[i].met++
	return p.rules[i].Fault
}

func (p *Proxy) meets(rule *counted, r *http.Request, what string) bool {
	if rule.Match != nil && !rule.Match(r) {
		return false
	}
	rule.selected++
	if rule.selected <= rule.Skip || rule.Times > 0 && rule.met >= rule.Times {
		return false
	}
	return rule.Chance == 0 || p.draw(what) < rule.Chance
}

// draw returns a number from 0 to 1 for a request that was asked so often.
func (p *Proxy) draw(what string) float64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, what)
	_ = binary.Write(h, binary.LittleEndian, p.asked[what])
	return rand.New(rand.NewPCG(p.seed, h.Sum64())).Float64()
}

// String names the proxy in failures of tests.
func (p *Proxy) String() string { return fmt.Sprintf("fault proxy %s, seed %d", p.URL, p.seed) }
