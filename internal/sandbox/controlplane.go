package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// startStore runs etcd and returns its client URL.
func (c *Cluster) startStore(l *launch) (string, error) {
	var urls [2]string // for clients, for peers
	for i := range urls {
		port, reserved, err := reservePort()
		if err != nil {
			return "", fmt.Errorf("start etcd: %w", err)
		}
		c.ports = append(c.ports, reserved)
		urls[i] = "http://127.0.0.1:" + strconv.Itoa(port)
	}
	return urls[0], c.run(l, "etcd", []string{
		"--data-dir=" + c.state("etcd"),
		"--listen-client-urls=" + urls[0], "--advertise-client-urls=" + urls[0],
		"--listen-peer-urls=" + urls[1], "--initial-advertise-peer-urls=" + urls[1],
		"--initial-cluster=default=" + urls[1],
		"--socket-reuse-port",
		"--unsafe-no-fsync", // nothing here has to survive a power cut
		"--log-level=warn",
	})
}

// startAPIServer runs kube-apiserver and returns its URL.
func (c *Cluster) startAPIServer(l *launch, k *keys, store string) (string, error) {
	port, reserved, err := reservePort()
	if err != nil {
		return "", fmt.Errorf("start kube-apiserver: %w", err)
	}
	c.ports = append(c.ports, reserved)
	return "https://127.0.0.1:" + strconv.Itoa(port), c.run(l, "kube-apiserver", []string{
		"--etcd-servers=" + store,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		"--permit-port-sharing",
		"--tls-cert-file=" + k.certFile, "--tls-private-key-file=" + k.keyFile,
		"--token-auth-file=" + k.tokensFile, "--authorization-mode=Node,RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + k.saKeyFile, "--service-account-signing-key-file=" + k.saKeyFile,
		"--service-cluster-ip-range=" + serviceCIDR,
		"--endpoint-reconciler-type=none", // loopback addresses are refused as endpoints
		"--kubelet-preferred-address-types=InternalIP,Hostname",
		"--kubelet-client-certificate=" + k.certFile, "--kubelet-client-key=" + k.keyFile,
		"--allow-privileged",
		"--profiling=false",
		// One user and no neighbours to be fair to; it saves start-up time.
		"--enable-priority-and-fairness=false", "--max-requests-inflight=1000", "--max-mutating-requests-inflight=500",
	})
}

// idleControllers are those with nothing to do in a sandbox.
var idleControllers = []string{
	"bootstrap-signer-controller",
	"certificatesigningrequest-approving-controller",
	"certificatesigningrequest-cleaner-controller",
	"certificatesigningrequest-signing-controller",
	"device-taint-eviction-controller",
	"legacy-serviceaccount-token-cleaner-controller",
	"node-ipam-controller",
	"persistentvolume-attach-detach-controller",
	"persistentvolume-expander-controller",
	"resourceclaim-controller",
	"service-cidr-controller",
	"storage-version-migrator-controller",
	"taint-eviction-controller",
	"token-cleaner-controller",
	"ttl-controller",
}

func (c *Cluster) startControllers(l *launch, k *keys) error {
	return c.run(l, "kube-controller-manager", []string{
		"--kubeconfig=" + c.Kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--service-account-private-key-file=" + k.saKeyFile, "--root-ca-file=" + k.caFile,
		"--use-service-account-credentials=false", // a token for each controller would cost seconds
		"--kube-api-qps=500", "--kube-api-burst=1000",
		"--profiling=false",
		"--controllers=*,-" + strings.Join(idleControllers, ",-"),
	})
}

func (c *Cluster) startScheduler(l *launch) error {
	return c.run(l, "kube-scheduler", []string{
		"--kubeconfig=" + c.Kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=500", "--kube-api-burst=1000",
		"--profiling=false",
	})
}

func (c *Cluster) startNodes(l *launch) error {
	stages, err := stageFile()
	if err != nil {
		return fmt.Errorf("start kwok: %w", err)
	}
	path := c.state("stages.yaml")
	if err := os.WriteFile(path, stages, 0o600); err != nil {
		return fmt.Errorf("start kwok: write its stages: %w", err)
	}
	return c.run(l, "kwok", []string{
		"--kubeconfig=" + c.Kubeconfig,
		"--config=" + path,
		"--manage-all-nodes=false", "--manage-nodes-with-annotation-selector=" + nodeAnnotation + "=fake",
		"--cidr=10.244.0.0/16", "--node-ip=127.0.0.1",
		"--node-lease-duration-seconds=40",
		"--v=WARN", // otherwise a line for each change of each pod
	})
}

// startRegistry runs the OCI registry on a socket that is opened here.
func (c *Cluster) startRegistry(l *launch) error {
	address, listener, err := listenFile()
	if err != nil {
		return fmt.Errorf("start registry: %w", err)
	}
	defer func() { _ = listener.Close() }()
	c.Registry = address
	if err := os.Mkdir(c.state("blobs"), 0o700); err != nil {
		return fmt.Errorf("start registry: %w", err)
	}
	return c.run(l, "registry", []string{"-listen-fd", strconv.Itoa(firstFile), "-blobs", c.state("blobs")}, listener)
}

func (c *Cluster) run(l *launch, name string, args []string, files ...*os.File) error {
	p, err := l.start(name, args, files...)
	if err != nil {
		return err
	}
	c.processes = append(c.processes, p)
	return nil
}

// state is the path of an entry of the servers' own directory.
func (c *Cluster) state(name string) string { return filepath.Join(c.Dir, stateDir, name) }
