// Package sandboxtest gives tests a sandbox. A test asks for it with Cluster;
// a package whose tests do so has
//
//	func TestMain(m *testing.M) { sandboxtest.Main(m) }
package sandboxtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/soctalk/fleet/internal/sandbox"
)

// shared is the sandbox of this process, once a test has asked for it.
var shared struct {
	sync.Mutex
	cluster *sandbox.Cluster
	err     error

	snapshots    func() error // stops them
	snapshotsErr error
}

// Main runs the tests of a package and stops the sandbox that they used.
func Main(m *testing.M) {
	code := m.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// Cluster returns the sandbox that all tests of the process share: that which
// the environment variable SOCTALK_SANDBOX_DIR names, or one that the first
// caller starts.
func Cluster(t testing.TB) *sandbox.Cluster {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = open()
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

func open() (*sandbox.Cluster, error) {
	if dir := os.Getenv(sandbox.DirEnv); dir != "" {
		return sandbox.Open(dir)
	}
	return sandbox.Start(context.Background(), sandbox.Options{Log: os.Stderr})
}

// Snapshots gives the shared sandbox volume snapshots, once: see
// [sandbox.Cluster.StartSnapshots].
func Snapshots(t testing.TB) {
	t.Helper()
	c := Cluster(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.snapshots == nil && shared.snapshotsErr == nil {
		shared.snapshots, shared.snapshotsErr = c.StartSnapshots(context.Background(), os.Stderr)
	}
	if shared.snapshotsErr != nil {
		t.Fatal(shared.snapshotsErr)
	}
}

// Client returns a client of the shared sandbox with all rights.
func Client(t testing.TB) kubernetes.Interface {
	t.Helper()
	config, err := Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// Namespace creates a namespace for the test, named after it, and deletes it
// when the test is over, without waiting until it is gone.
func Namespace(t testing.TB) string {
	t.Helper()
	client := Client(t)
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	name = fmt.Sprintf("%.40s-%.8s", name, strings.ToLower(rand.Text()))
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatalf("create the namespace %s: %v", name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete the namespace %s: %v", name, err)
		}
	})
	return name
}

// patience is for machines that are busy with much else; only a failing test
// takes that long.
const patience = 5 * time.Minute

// Eventually tries again until the condition holds, that is, returns nil, and
// fails the test when it does not in a time that is long for any machine.
func Eventually(t testing.TB, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil { // what the deadline cut short says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %v", patience, last)
		case <-tick.C:
		}
	}
}

// Stop stops the sandbox that the tests used, for packages whose TestMain is
// not [Main].
func Stop() error {
	shared.Lock()
	defer shared.Unlock()
	var problems []error
	if shared.snapshots != nil {
		problems = append(problems, shared.snapshots())
	}
	if shared.cluster != nil {
		problems = append(problems, shared.cluster.Stop())
	}
	return errors.Join(problems...)
}
