package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Options say how to start a sandbox.
type Options struct {
	// Dir is the directory of the sandbox, which must be empty, not there yet
	// or left by a sandbox that died. If Dir is empty, a temporary one is
	// made.
	Dir string
	// Nodes is the number of simulated nodes; 0 means 3, and -1 means none,
	// for a cluster of real nodes.
	Nodes int
	// Log receives lines about the progress, for people. It may be nil.
	Log io.Writer
}

// Cluster is a running sandbox.
type Cluster struct {
	Dir        string // holds kubeconfig, registry and logs/
	Kubeconfig string // path of the cluster-admin's kubeconfig
	Registry   string // host:port of the OCI registry on 127.0.0.1, plain HTTP
	Binary     string // path of the multi-call binary of the servers

	held      *lock
	lifeline  *os.File // the owner's end; closing it ends every server
	processes []*process
	ports     []*os.File
	podLogs   *podLogs
}

// Start starts a sandbox, and builds its servers first if need be. It returns
// when the API server, the controllers, the default ServiceAccount and the
// simulated nodes are ready. The sandbox lives until Stop is called or the
// process ends, however that happens.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	binary, err := Binary(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Binary: binary}
	if o.Dir == "" {
		c.Dir, c.held, err = claimTemporary(ctx)
	} else if c.Dir, err = filepath.Abs(o.Dir); err == nil {
		c.held, err = claim(c.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	c.Kubeconfig = filepath.Join(c.Dir, kubeconfigFile)
	if err := c.start(ctx, o.Nodes); err != nil {
		return nil, errors.Join(fmt.Errorf("start the sandbox: %w", err), c.Stop())
	}
	running.Store(c, true)
	return c, nil
}

// running holds what runs. Were nobody else to hold a cluster, the garbage
// collector would close its lifeline, and its servers would end.
var running sync.Map

func (c *Cluster) start(ctx context.Context, nodes int) error {
	for _, name := range []string{logsDir, stateDir} {
		if err := os.MkdirAll(filepath.Join(c.Dir, name), 0o700); err != nil {
			return err
		}
	}
	k, err := makeKeys(filepath.Join(c.Dir, stateDir))
	if err != nil {
		return err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the servers' lifeline: %w", err)
	}
	defer func() { _ = theirs.Close() }()
	c.lifeline = ours
	l := &launch{binary: c.Binary, logs: filepath.Join(c.Dir, logsDir), home: filepath.Join(c.Dir, stateDir), lifeline: theirs}

	store, err := c.startStore(l)
	if err != nil {
		return err
	}
	server, err := c.startAPIServer(l, k, store)
	if err != nil {
		return err
	}
	if err := c.writeKubeconfig(k, server); err != nil {
		return err
	}
	if err := c.startRegistry(l); err != nil {
		return err
	}
	if err := c.populate(ctx, l, k, nodes); err != nil {
		return err
	}
	for name, text := range map[string]string{registryFile: c.Registry, binaryFile: c.Binary} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) writeKubeconfig(k *keys, server string) error {
	config := clientcmdapi.NewConfig()
	const name = "sandbox"
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: k.ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: k.token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, c.Kubeconfig); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	return nil
}

// Open returns the sandbox that another process runs in dir. Stop leaves it
// running.
func Open(dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the sandbox: %w", err)
	}
	c := &Cluster{Dir: dir, Kubeconfig: filepath.Join(dir, kubeconfigFile)}
	for name, into := range map[string]*string{registryFile: &c.Registry, binaryFile: &c.Binary} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("open the sandbox: %w", err)
		}
		*into = strings.TrimSpace(string(text))
	}
	return c, nil
}

// RESTConfig returns the cluster-admin's access to the API server, without
// limits on the rate of requests.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the sandbox's kubeconfig: %w", err)
	}
	config.QPS = -1
	return config, nil
}

// Wait returns nil when the context ends, and an error when a server ends
// before.
func (c *Cluster) Wait(ctx context.Context) error {
	ended := make(chan *process, len(c.processes))
	for _, p := range c.processes {
		go func() {
			select {
			case <-p.done:
				ended <- p
			case <-ctx.Done():
			}
		}()
	}
	select {
	case p := <-ended:
		return p.ended()
	case <-ctx.Done():
		return nil
	}
}

// Stop ends every server at once and removes what Start made.
func (c *Cluster) Stop() error {
	if c.held == nil {
		return nil
	}
	running.Delete(c)
	var problems []error
	if c.lifeline != nil {
		_ = c.lifeline.Close()
	}
	for _, p := range c.processes {
		_ = p.cmd.Process.Kill()
	}
	for _, p := range c.processes {
		problems = append(problems, p.gone())
	}
	for _, port := range c.ports {
		_ = port.Close()
	}
	if c.podLogs != nil {
		c.podLogs.close()
	}
	problems = append(problems, clearEntries(c.Dir, entries))
	c.held.release()
	c.held, c.lifeline, c.processes, c.ports, c.podLogs = nil, nil, nil, nil, nil
	_ = os.Remove(c.Dir) // stays if others put something there
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("stop the sandbox: %w", err)
	}
	return nil
}

// DirEnv is the environment variable that names the directory of a running
// sandbox for tests to use instead of starting their own.
const DirEnv = "SOCTALK_SANDBOX_DIR"
