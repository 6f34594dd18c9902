package sandbox

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A sandbox lives until it is stopped, not until nobody looks at it any more.
func TestOutlivesItsReferences(t *testing.T) {
	t.Parallel()
	start := func() weak.Pointer[Cluster] {
		c, err := Start(t.Context(), Options{Nodes: -1})
		if err != nil {
			t.Fatal(err)
		}
		return weak.Make(c)
	}
	left := start()
	runtime.GC()
	runtime.GC() // the first one only queues the clean-ups
	c := left.Value()
	if c == nil {
		t.Fatal("the garbage collector took a running sandbox")
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}

func TestTwoSandboxesSideBySide(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "second")
	clusters := make([]*Cluster, 2)
	failed := make(chan error)
	for i, o := range []Options{{Nodes: 1}, {Nodes: 1, Dir: dir}} {
		go func() {
			c, err := Start(t.Context(), o)
			clusters[i] = c
			failed <- err
		}()
	}
	if err := errors.Join(<-failed, <-failed); err != nil {
		t.Fatal(err)
	}
	first, second := clusters[0], clusters[1]
	defer func() { _ = second.Stop() }()
	defer func() { _ = first.Stop() }()

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "only-in-the-first"}}
	if _, err := client(t, first).CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, second).CoreV1().Namespaces().Get(t.Context(), namespace.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the second sandbox has the namespace of the first: %v", err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("a third sandbox in the directory of the second: got %v, want a refusal", err)
	}
	onLoopbackOnly(t, first)

	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of the stopped sandbox is still there: %v", err)
	}
	if _, err := client(t, second).Discovery().ServerVersion(); err != nil {
		t.Errorf("the second sandbox does not outlive the first: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := second.Wait(ctx); err != nil {
		t.Errorf("waiting for a sandbox that runs: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := second.processes[len(second.processes)-1].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(ctx); err == nil || !strings.Contains(err.Error(), "kwok ended: signal: killed") {
		t.Errorf("waiting for a sandbox whose server died: %v", err)
	}
}

func TestStartThatCannotSucceedSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := filepath.Join(dir, "kube")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho cannot run here >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := &Cluster{Binary: broken, Dir: filepath.Join(dir, "sandbox")}
	c.Kubeconfig = filepath.Join(c.Dir, kubeconfigFile)
	held, err := claim(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c.held = held
	err = c.start(t.Context(), 1)
	if err == nil || !strings.Contains(err.Error(), "cannot run here") {
		t.Errorf("got %v, want what the server wrote", err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(c.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// onLoopbackOnly fails the test if the sandbox answers at an address of the
// machine other than 127.0.0.1.
func onLoopbackOnly(t *testing.T, c *Cluster) {
	t.Helper()
	config, err := c.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	_, registry, err := net.SplitHostPort(c.Registry)
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		ip := address.(*net.IPNet).IP
		if ip.To4() == nil || ip.IsLoopback() {
			continue
		}
		for _, port := range []string{server.Port(), registry} {
			if conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second); err == nil {
				_ = conn.Close()
				t.Errorf("the sandbox answers at %s", conn.RemoteAddr())
			}
		}
	}
}

func client(t *testing.T, c *Cluster) kubernetes.Interface {
	t.Helper()
	config, err := c.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
