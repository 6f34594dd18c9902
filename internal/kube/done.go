package kube

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// done looks at the answer to a change that may have been carried out by an
// earlier attempt, in so much time before. Where it was, the answer is the one
// that got lost.
func (r *retrier) done(req *http.Request, resp *http.Response, within time.Duration) *http.Response {
	switch {
	case req.Method == http.MethodDelete && resp.StatusCode == http.StatusNotFound:
		_ = resp.Body.Close()
		return success(resp)
	case req.Method == http.MethodPost && resp.StatusCode == http.StatusConflict:
		created := r.created(req, within)
		if created == nil {
			return resp
		}
		_ = resp.Body.Close()
		return created
	}
	return resp
}

func success(resp *http.Response) *http.Response {
	body := []byte(`{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}`)
	resp.StatusCode, resp.Status = http.StatusOK, http.StatusText(http.StatusOK)
	resp.Header = http.Header{"Content-Type": {"application/json"}}
	resp.ContentLength, resp.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	return resp
}

// clockSteps is how coarse the times are that an API server gives.
const clockSteps = 2 * time.Second

// created returns the object that a request was to create, as the answer to it,
// when an earlier attempt of the request has made it: it is no older than that,
// and bears the labels and annotations that it was to have.
func (r *retrier) created(req *http.Request, within time.Duration) *http.Response {
	wanted := creationOf(req)
	if wanted == nil {
		return nil
	}
	metadata := r.get(req, wanted.Name, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
	if metadata == nil {
		return nil
	}
	defer func() { _ = metadata.Body.Close() }()
	live := &metav1.PartialObjectMetadata{}
	now, err := http.ParseTime(metadata.Header.Get("Date"))
	if err != nil || json.NewDecoder(metadata.Body).Decode(live) != nil {
		return nil
	}
	young := now.Sub(live.CreationTimestamp.Time) <= within+clockSteps
	if !young || !includes(live.Labels, wanted.Labels) || !includes(live.Annotations, wanted.Annotations) {
		return nil
	}
	whole := r.get(req, wanted.Name, req.Header.Get("Accept"))
	if whole != nil {
		whole.StatusCode, whole.Status = http.StatusCreated, http.StatusText(http.StatusCreated)
	}
	return whole
}

// get reads an object of the collection that a request is about; nil when it
// cannot be had.
func (r *retrier) get(req *http.Request, name, accept string) *http.Response {
	get := req.Clone(req.Context())
	get.Method, get.Body, get.GetBody, get.ContentLength = http.MethodGet, nil, nil, 0
	get.URL = req.URL.JoinPath(name)
	get.URL.RawQuery = ""
	get.Header = http.Header{"Accept": {accept}}
	for _, kept := range []string{"User-Agent", "Authorization"} {
		if v := req.Header.Values(kept); len(v) > 0 {
			get.Header[kept] = v
		}
	}
	resp, err := r.RoundTrip(get)
	if err != nil {
		return nil
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil
	}
	return resp
}

// creationOf returns the metadata of the object that a request creates under a
// name of its own; nil when it does anything else.
func creationOf(req *http.Request) *metav1.PartialObjectMetadata {
	if req.Method != http.MethodPost || req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	o := &metav1.PartialObjectMetadata{}
	if strings.Contains(req.Header.Get("Content-Type"), "protobuf") {
		typed, _, err := scheme.Codecs.UniversalDeserializer().Decode(data, nil, nil)
		m, ok := typed.(metav1.Object)
		if err != nil || !ok {
			return nil
		}
		o.Name, o.Labels, o.Annotations = m.GetName(), m.GetLabels(), m.GetAnnotations()
	} else if json.Unmarshal(data, o) != nil {
		return nil
	}
	if o.Name == "" {
		return nil
	}
	return o
}

func includes(all, some map[string]string) bool {
	for k, v := range some {
		if all[k] != v {
			return false
		}
	}
	return true
}
