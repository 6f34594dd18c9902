package realnode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/soctalk/fleet/internal/sandbox"
	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
	"github.com/soctalk/fleet/internal/sandbox/realnode/nodespec"
)

// Node is a running real node.
type Node struct {
	dir      string
	cgroup   string
	network  *network
	process  *exec.Cmd // nodeinit
	messages bytes.Buffer
	lifeline *os.File
	ended    chan struct{} // closed once the node has ended
	closers  []io.Closer   // listening sockets
	cancel   context.CancelFunc
}

// Start joins a real node to a cluster, and returns when it is ready. The
// node lives until Stop is called, one of its servers ends, or the process
// ends. A cluster can have one.
func Start(ctx context.Context, c *sandbox.Cluster, o Options) (*Node, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	n := &Node{}
	if err := n.start(ctx, c, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start the real node: %w", err), n.Stop())
	}
	running.Store(n, true)
	return n, nil
}

// running holds what runs, so that the garbage collector closes no lifeline.
var running sync.Map

func (n *Node) start(ctx context.Context, c *sandbox.Cluster, o Options) error {
	dir := filepath.Join(c.Dir, "state", "real-node")
	for _, private := range nodespec.Private() {
		if strings.HasPrefix(dir+"/", private+"/") {
			return fmt.Errorf("a node cannot live in %s: choose a sandbox directory that is not below %s", dir, private)
		}
	}
	access, err := c.RESTConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	pause, err := images.Pause(ctx)
	if err != nil {
		return err
	}
	sweepCgroups()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("make the node's folder: %w", err)
	}
	n.dir = dir
	_, _ = fmt.Fprintln(o.Log, "starting a real node …")
	if err := n.launch(ctx); err != nil {
		return err
	}
	if n.cgroup, err = makeCgroup(); err != nil {
		return err
	}
	if err := n.configure(c, access, o.Tainted); err != nil {
		return err
	}
	if err := n.openDoors(access, c.Registry); err != nil {
		return err
	}
	if _, err := n.lifeline.Write([]byte{1}); err != nil {
		return fmt.Errorf("tell the node to start: %w", err)
	}
	if err := n.ImportImage(ctx, pause); err != nil {
		return err
	}
	if err := n.serve(client); err != nil {
		return err
	}
	if err := n.advertise(ctx, client, access); err != nil {
		return err
	}
	if err := n.ready(ctx, client); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.Log, "the real node %s is ready at %s\n", Name, n.network.node)
	return nil
}

// launch starts the node's first process, which waits until the rest of it is
// made, and connects it.
func (n *Node) launch(ctx context.Context) error {
	program := filepath.Join(n.dir, "nodeinit")
	if err := images.Program(ctx, "internal/sandbox/realnode/nodeinit", program); err != nil {
		return err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the node's lifeline: %w", err)
	}
	defer func() { _ = theirs.Close() }()
	n.lifeline = ours
	n.process = exec.Command(program, filepath.Join(n.dir, "node.json"))
	n.process.Stdin = theirs
	n.process.Stdout, n.process.Stderr = &n.messages, &n.messages
	n.process.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		// An interrupt from the keyboard goes to the owner alone.
		Setpgid: true,
	}
	if err := n.process.Start(); err != nil {
		n.process = nil
		return fmt.Errorf("start the node's first process: %w", err)
	}
	n.ended = make(chan struct{})
	go func() {
		_ = n.process.Wait()
		close(n.ended)
	}()
	n.network, err = connect(n.process.Process.Pid)
	return err
}

// configure writes the node's files.
func (n *Node) configure(c *sandbox.Cluster, access *rest.Config, tainted bool) error {
	configuration := &configuration{
		dir: n.dir, binary: c.Binary, kubeconfig: c.Kubeconfig, ca: access.CAData,
		cgroup: n.cgroup, network: n.network, tainted: tainted,
	}
	return configuration.write()
}

// openDoors lets the node reach what listens on the machine's loopback: the
// API server and the registry, at the same addresses; the API server also at
// the node's own address, for pods.
func (n *Node) openDoors(access *rest.Config, registry string) error {
	server, err := url.Parse(access.Host)
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	doors := [][2]string{
		{server.Host, server.Host},
		{net.JoinHostPort(n.network.node.String(), server.Port()), server.Host},
		{registry, registry},
	}
	for _, door := range doors {
		listener, err := n.network.listen(door[0])
		if err != nil {
			return fmt.Errorf("open the node's way to %s: %w", door[1], err)
		}
		n.closers = append(n.closers, listener)
		go forward(listener, door[1])
	}
	return nil
}

// ImportImage makes the images of an OCI or Docker archive known to the node.
func (n *Node) ImportImage(ctx context.Context, archive string) error {
	socket := filepath.Join("/proc", strconv.Itoa(n.process.Process.Pid), "root", nodespec.ContainerdSocket)
	if err := n.until(ctx, "containerd", func() error {
		connection, err := net.Dial("unix", socket)
		if err != nil {
			return err
		}
		return connection.Close()
	}); err != nil {
		return fmt.Errorf("import %s: %w", filepath.Base(archive), err)
	}
	cmd := exec.CommandContext(ctx, "ctr", "--address", socket, "--namespace", "k8s.io", "images", "import", archive)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("import %s: %w\n%s", filepath.Base(archive), err, output)
	}
	return nil
}

// until asks again and again until ready returns nil, the node ends or the
// context does.
func (n *Node) until(ctx context.Context, what string, ready func() error) error {
	const timeout = time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready after %s", timeout))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-n.ended:
			return fmt.Errorf("wait for %s: the node ended: %s", what, strings.TrimSpace(n.messages.String()))
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; at last: %w", what, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// Wait returns nil when the context ends, and an error when the node ends
// before.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.ended:
		return fmt.Errorf("the real node ended: %s", strings.TrimSpace(n.messages.String()))
	}
}

// Stop ends the node at once, with all that runs on it, and removes what it
// left. It does not tell the cluster, which is to be stopped afterwards: the
// node's folder is in the cluster's.
func (n *Node) Stop() error {
	running.Delete(n)
	if n.cancel != nil {
		n.cancel()
	}
	for _, closer := range n.closers {
		_ = closer.Close()
	}
	if n.lifeline != nil {
		_ = n.lifeline.Close()
	}
	if n.process != nil {
		_ = n.process.Process.Kill()
		<-n.ended
	}
	if n.network != nil {
		_ = n.network.namespace.Close()
	}
	var problems []error
	if n.cgroup != "" {
		problems = append(problems, removeCgroup(n.cgroup))
	}
	problems = append(problems, os.RemoveAll(n.dir))
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("stop the real node: %w", err)
	}
	return nil
}
