package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// counter stands between a client and the API server and counts what passes.
// Its runs are not timed.
type counter struct {
	// Kubeconfig is the way through it.
	Kubeconfig string

	server *http.Server

	mu  sync.Mutex
	all []*counted
}

// counted is one request: when it came, and the bytes of bodies in both
// directions, as they were on the wire.
type counted struct {
	at    time.Time
	bytes atomic.Int64
}

// newCounter starts a counter in front of the API server of a kubeconfig, and
// writes its own kubeconfig into dir.
func newCounter(kubeconfig, dir string) (*counter, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the sandbox's kubeconfig: %w", err)
	}
	// The client decides whether answers are compressed.
	config.DisableCompression = true
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect the counter to the API server: %w", err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("read the API server's address: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the counter's port: %w", err)
	}
	c := &counter{Kubeconfig: filepath.Join(dir, "counted.kubeconfig")}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ModifyResponse: func(r *http.Response) error {
			r.Body = &countedBody{r.Body, &r.Request.Context().Value(countedKey{}).(*counted).bytes}
			return nil
		},
	}
	c.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := &counted{at: time.Now()}
		c.mu.Lock()
		c.all = append(c.all, one)
		c.mu.Unlock()
		r.Body = &countedBody{r.Body, &one.bytes}
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), countedKey{}, one)))
	})}
	go func() { _ = c.server.Serve(listener) }()

	through := clientcmdapi.NewConfig()
	through.Clusters["counted"] = &clientcmdapi.Cluster{Server: "http://" + listener.Addr().String()}
	through.Contexts["counted"] = &clientcmdapi.Context{Cluster: "counted"}
	through.CurrentContext = "counted"
	if err := clientcmd.WriteToFile(*through, c.Kubeconfig); err != nil {
		return nil, fmt.Errorf("write the counter's kubeconfig: %w", err)
	}
	return c, nil
}

// take returns the requests that came since it was last asked, those before
// from left out, and their bytes.
func (c *counter) take(from time.Time) (requests, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.all {
		if !one.at.Before(from) {
			requests++
			bytes += one.bytes.Load()
		}
	}
	c.all = nil
	return requests, bytes
}

// countedKey is where a request's context holds its count.
type countedKey struct{}

func (c *counter) close() { _ = c.server.Close() }

type countedBody struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}
