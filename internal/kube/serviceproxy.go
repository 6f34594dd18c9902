package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// maxStatus bounds an answer that may be the API server's own.
const maxStatus = 64 << 10

// ServiceTransport carries HTTP requests to a Service, through the API server's
// proxy and each of them once. The scheme and host of their URLs mean nothing.
// What the API server answers in the Service's place, because nothing is behind
// it for example, is an error.
func (c *Cluster) ServiceTransport(namespace, service string, port int) (http.RoundTripper, error) {
	config := rest.CopyConfig(c.long)
	config.WrapTransport = nil // it repeats what fails, and here that is an answer
	next, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", c.Host(), err)
	}
	base := c.streaming.CoreV1().RESTClient().Get().Namespace(namespace).Resource("services").
		Name(fmt.Sprintf("%s:%d", service, port)).SubResource("proxy").URL()
	return &serviceTransport{cluster: c, base: base, next: next}, nil
}

type serviceTransport struct {
	cluster *Cluster
	base    *url.URL
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *serviceTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	u := *t.base
	u.RawPath = t.base.EscapedPath() + req.URL.EscapedPath()
	u.Path += req.URL.Path
	u.RawQuery = req.URL.RawQuery
	out.URL, out.Host = &u, ""
	resp, err := t.next.RoundTrip(out)
	if err != nil {
		return nil, t.cluster.Explain(err)
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp, nil
	}
	if err := t.refusal(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// refusal is the error that an answer is where the API server gave it itself.
func (t *serviceTransport) refusal(resp *http.Response) error {
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "application/json" {
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	if err != nil {
		return t.cluster.Explain(err)
	}
	status := metav1.Status{}
	if json.Unmarshal(head, &status) == nil && status.Kind == "Status" && status.APIVersion == "v1" {
		return t.cluster.Explain(&apierrors.StatusError{ErrStatus: status})
	}
	resp.Body = &restored{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	return nil
}

// restored is a body of which the beginning was read already.
type restored struct {
	io.Reader
	io.Closer
}
