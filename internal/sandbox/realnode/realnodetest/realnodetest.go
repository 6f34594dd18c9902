// Package realnodetest gives tests a sandbox with one real node and no
// simulated ones. A test asks for it with Cluster; a package whose tests do so
// has
//
//	func TestMain(m *testing.M) { realnodetest.Main(m) }
//
// Where a real node cannot run, such a test is skipped, unless RequireEnv is
// set.
package realnodetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox"
	"github.com/soctalk/fleet/internal/sandbox/realnode"
	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
)

// RequireEnv is the environment variable that makes tests fail, not skip,
// where a real node cannot run.
const RequireEnv = "SOCTALK_REQUIRE_REAL_NODE"

// shared is what this process started, once a test has asked for it.
var shared struct {
	sync.Mutex
	cluster *sandbox.Cluster
	node    *realnode.Node
	err     error
}

// Main runs the tests of a package and stops what they used.
func Main(m *testing.M) {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Require skips the test where a real node cannot run, or fails it if
// RequireEnv says so.
func Require(t testing.TB) {
	t.Helper()
	err := realnode.Available()
	switch {
	case err == nil:
	case os.Getenv(RequireEnv) != "":
		t.Fatalf("%v (%s is set)", err, RequireEnv)
	default:
		t.Skip(err)
	}
}

// Cluster returns the sandbox that all tests of the process share. Its node
// has every image of package images.
func Cluster(t testing.TB) *sandbox.Cluster {
	t.Helper()
	Require(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.err = start(context.Background())
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// start leaves what it started to stop, also when it fails.
func start(ctx context.Context) (err error) {
	archive, err := images.Build(ctx, images.Versions()...)
	if err != nil {
		return err
	}
	shared.cluster, err = sandbox.Start(ctx, sandbox.Options{Nodes: -1, Log: os.Stderr})
	if err != nil {
		return err
	}
	shared.node, err = realnode.Start(ctx, shared.cluster, realnode.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	return shared.node.ImportImage(ctx, archive)
}

func stop() error {
	var problems []error
	if shared.node != nil {
		problems = append(problems, shared.node.Stop())
	}
	if shared.cluster != nil {
		problems = append(problems, shared.cluster.Stop())
	}
	return errors.Join(problems...)
}
