package chart

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"helm.sh/helm/v3/pkg/helmpath"
	"helm.sh/helm/v3/pkg/repo"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/soctalk/fleet/internal/neterr"
	"github.com/soctalk/fleet/schema"
)

// clients holds one HTTP client a host, with the settings of its registry
// block, and finds credentials where docker and helm put them.
type clients struct {
	registries map[string]*schema.Registry

	mu    sync.Mutex
	made  map[string]*http.Client
	store credentials.Store
	repos []*repo.Entry
}

func (c *clients) plainHTTP(host string) bool {
	r := c.registries[host]
	return r != nil && r.PlainHTTP
}

// http returns the client for a host.
func (c *clients) http(host string) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if made, ok := c.made[host]; ok {
		return made, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = time.Minute
	if r := c.registries[host]; r != nil && r.CAFile != "" {
		pem, err := os.ReadFile(r.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the CA file of registry %s: %w", host, err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the CA file %s of registry %s holds no certificate", r.CAFile, host)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	policy := *retry.DefaultPolicy.(*retry.GenericPolicy)
	policy.Retryable = retryable
	made := &http.Client{Transport: &retry.Transport{Base: transport, Policy: func() retry.Policy { return &policy }}}
	if c.made == nil {
		c.made = map[string]*http.Client{}
	}
	c.made[host] = made
	return made, nil
}

// retryable repeats what may pass, and not a host that is simply not there.
func retryable(resp *http.Response, err error) (bool, error) {
	if err != nil {
		var timeout net.Error
		return errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded), nil
	}
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 502 && resp.StatusCode <= 504, nil
}

// oci returns a client that logs in to a registry where it has to.
func (c *clients) oci(host string) (*auth.Client, error) {
	client, err := c.http(host)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == nil {
		helm := os.Getenv("HELM_REGISTRY_CONFIG")
		if helm == "" {
			helm = helmpath.ConfigPath(filepath.Join("registry", "config.json"))
		}
		primary, err := credentials.NewStore(helm, credentials.StoreOptions{})
		if err != nil {
			return nil, fmt.Errorf("reading the registry logins of helm: %w", err)
		}
		docker, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
		if err != nil {
			return nil, fmt.Errorf("reading the registry logins of docker: %w", err)
		}
		c.store = credentials.NewStoreWithFallbacks(primary, docker)
	}
	a := &auth.Client{Client: client, Cache: auth.NewCache(), Credential: credentials.Credential(c.store)}
	a.SetUserAgent("soctalk")
	return a, nil
}

// login returns the user and password that helm repo add stored for a chart
// repository.
func (c *clients) login(repository string) (user, password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.repos == nil {
		file := os.Getenv("HELM_REPOSITORY_CONFIG")
		if file == "" {
			file = helmpath.ConfigPath("repositories.yaml")
		}
		c.repos = []*repo.Entry{}
		if f, err := repo.LoadFile(file); err == nil {
			c.repos = f.Repositories
		}
	}
	for _, e := range c.repos {
		if trimSlash(e.URL) == repository {
			return e.Username, e.Password
		}
	}
	return "", ""
}

// explain turns a failed request to a host into an error in plain words.
func explain(host string, plain bool, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	why := neterr.Explain(err)
	if why == "" {
		return fmt.Errorf("asking registry %s: %w", host, err)
	}
	e := &UnreachableError{Host: host, Why: why, Cause: err}
	if !plain && neterr.SpeaksPlainHTTP(err) {
		e.plainHTTP = true
		e.Hint = fmt.Sprintf("set plain_http = true in a block registry %q", host)
	}
	return e
}
