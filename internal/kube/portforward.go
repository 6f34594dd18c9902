package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// DialPod connects to a port of a pod through the API server.
func (c *Cluster) DialPod(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
	if _, err := c.runningPod(ctx, namespace, pod); err != nil {
		return nil, err
	}
	dialer, err := c.podDialer(namespace, pod)
	if err != nil {
		return nil, c.Explain(err)
	}
	type result struct {
		conn net.Conn
		err  error
	}
	// The library's Dial knows no context.
	done := make(chan result, 1)
	go func() {
		conn, err := forward(dialer, port)
		done <- result{conn, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, fmt.Errorf("forwarding port %d of pod %s/%s: %w", port, namespace, pod, c.Explain(r.err))
		}
		return r.conn, nil
	case <-ctx.Done():
		go func() {
			if r := <-done; r.conn != nil {
				_ = r.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func (c *Cluster) podDialer(namespace, pod string) (httpstream.Dialer, error) {
	url := c.streaming.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	config := c.upgradeConfig()
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	older := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	websocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(websocket, older, noWebsocket), nil
}

// forward opens one connection to a port. Its streams know no deadlines, so
// that the caller gets one end of a pipe.
func forward(dialer httpstream.Dialer, port int) (net.Conn, error) {
	streams, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	problems, err := streams.CreateStream(headers)
	if err != nil {
		return nil, errors.Join(err, streams.Close())
	}
	_ = problems.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := streams.CreateStream(headers)
	if err != nil {
		return nil, errors.Join(err, streams.Close())
	}
	near, far := net.Pipe()
	f := &forwarded{Conn: near, over: make(chan struct{})}
	go func() {
		_, _ = io.Copy(data, far)
		// A pipe is closed for both directions: nobody reads any more.
		_ = data.Close()
		_ = streams.Close()
	}()
	go func() {
		_, _ = io.Copy(far, data)
		// What was not sent yet would keep the other stream from ending.
		_ = data.Reset()
		f.problem = problem(problems)
		close(f.over)
		_ = far.Close()
		_ = streams.Close()
	}()
	return f, nil
}

// lastWords is how long a node may take to say why it ended a connection.
const lastWords = 2 * time.Second

// problem reads what a node says of a connection.
func problem(problems io.Reader) error {
	said := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(io.LimitReader(problems, 4096))
		said <- strings.TrimSpace(string(text))
	}()
	t := time.NewTimer(lastWords)
	defer t.Stop()
	select {
	case text := <-said:
		if text != "" {
			return errors.New(text)
		}
	case <-t.C:
	}
	return nil
}

// forwarded is a connection whose end has a reason.
type forwarded struct {
	net.Conn
	over    chan struct{}
	problem error
}

// Read implements net.Conn.
func (f *forwarded) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if err == io.EOF {
		<-f.over
		if f.problem != nil {
			err = f.problem
		}
	}
	return n, err
}
