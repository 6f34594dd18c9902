package realnode

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
	"github.com/soctalk/fleet/internal/sandbox/realnode/nodespec"
)

// configuration is what the files of one node are made of.
type configuration struct {
	dir        string // of the node
	binary     string // the multi-call binary of the sandbox
	kubeconfig string
	ca         []byte // who may be a client of the kubelet
	cgroup     string
	network    *network
	tainted    bool
}

// write writes the configuration files.
func (c *configuration) write() error {
	plugins, err := pluginDir()
	if err != nil {
		return err
	}
	snapshotter, err := snapshotter(c.dir)
	if err != nil {
		return err
	}
	for _, dir := range []string{"cni", "kubelet", "manifests", "volumes"} {
		if err := os.Mkdir(c.path(dir), 0o755); err != nil {
			return fmt.Errorf("make the node's folders: %w", err)
		}
	}
	spec, err := c.spec()
	if err != nil {
		return err
	}
	documents := map[string]any{
		"cni/pods.conflist": c.cni(),
		"kubelet.json":      c.kubelet(),
		"kube-proxy.json":   c.proxy(),
		"node.json":         spec,
	}
	files := map[string][]byte{
		"containerd.toml": []byte(c.containerd(plugins, snapshotter)),
		"resolv.conf":     []byte("nameserver " + c.network.node.String() + "\n"),
		"ca.crt":          c.ca,
	}
	for name, document := range documents {
		if files[name], err = json.MarshalIndent(document, "", "  "); err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
	}
	for name, data := range files {
		if err := os.WriteFile(c.path(name), data, 0o600); err != nil {
			return fmt.Errorf("configure the node: %w", err)
		}
	}
	return nil
}

func (c *configuration) path(name string) string { return filepath.Join(c.dir, name) }

// snapshotter chooses how containerd keeps images: layered, unless the
// folder is itself on layers, which do not stack.
func snapshotter(dir string) (string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return "", fmt.Errorf("find the file system of the node's folder: %w", err)
	}
	if fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native", nil
	}
	return "overlayfs", nil
}

// containerd is in format 2, which every release since 1.3 reads.
func (c *configuration) containerd(plugins, snapshotter string) string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = %q

[plugins."io.containerd.internal.v1.opt"]
  path = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  disable_apparmor = true
  # Lower scores than containerd's own would take CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = %q
  conf_dir = %q

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = %q

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`, c.path("containerd"), nodespec.ContainerdState, nodespec.ContainerdSocket, c.path("opt"), images.PauseName,
		plugins, c.path("cni"), snapshotter)
}

// cni connects each pod to the node by a link of its own. Unlike a bridge,
// this needs no module of the kernel for Services to work between pods.
func (c *configuration) cni() any {
	first, last := c.network.address(10), c.network.address(250)
	return map[string]any{
		"cniVersion": "1.0.0",
		"name":       "pods",
		"plugins": []any{
			map[string]any{
				"type": "ptp",
				"ipam": map[string]any{
					"type":    "host-local",
					"dataDir": c.path("addresses"),
					"ranges": []any{[]any{map[string]any{
						"subnet": c.network.pods.String(), "gateway": c.network.node.String(),
						"rangeStart": first.String(), "rangeEnd": last.String(),
					}}},
					"routes": []any{map[string]any{"dst": "0.0.0.0/0"}},
				},
			},
		},
	}
}

func (c *configuration) kubelet() any {
	configuration := map[string]any{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"address":                  c.network.node.String(),
		"containerRuntimeEndpoint": "unix://" + nodespec.ContainerdSocket,
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": false},
			"x509":      map[string]any{"clientCAFile": c.path("ca.crt")},
		},
		"authorization":               map[string]any{"mode": "AlwaysAllow"},
		"clusterDNS":                  []string{c.network.node.String()},
		"clusterDomain":               clusterDomain,
		"resolvConf":                  c.path("resolv.conf"),
		"staticPodPath":               c.path("manifests"),
		"volumePluginDir":             c.path("kubelet/volume-plugins"),
		"failCgroupV1":                false,
		"failSwapOn":                  false,
		"cgroupDriver":                "cgroupfs",
		"cgroupRoot":                  c.cgroup,
		"enforceNodeAllocatable":      []string{},
		"maxPods":                     200,
		"kubeAPIQPS":                  100,
		"kubeAPIBurst":                200,
		"serializeImagePulls":         false,
		"oomScoreAdj":                 0,
		"imageGCHighThresholdPercent": 100,
		"evictionHard":                map[string]string{"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
		// Some pods wait for the next look of the kubelet, not for an event.
		"syncFrequency": "10s",
	}
	if c.tainted {
		toleration := Toleration()
		configuration["registerWithTaints"] = []any{
			map[string]any{"key": toleration.Key, "value": toleration.Value, "effect": toleration.Effect},
		}
	}
	return configuration
}

func (c *configuration) proxy() any {
	return map[string]any{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"mode":             "iptables",
		"hostnameOverride": Name,
		"clientConnection": map[string]any{"kubeconfig": c.kubeconfig},
		// The limits of connection tracking are the machine's, not the node's.
		"conntrack": map[string]any{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
		"iptables":  map[string]any{"minSyncPeriod": "100ms"},
	}
}

func (c *configuration) spec() (nodespec.Spec, error) {
	containerd, err := exec.LookPath("containerd")
	if err != nil {
		return nodespec.Spec{}, fmt.Errorf("configure the node: %w", err)
	}
	return nodespec.Spec{
		KubeletDir: c.path("kubelet"),
		// What the kubelet would set on the whole machine otherwise.
		Sysctls: map[string]string{
			"kernel/keys/root_maxbytes": "25000000",
			"kernel/keys/root_maxkeys":  "1000000",
			"kernel/panic":              "10",
			"kernel/panic_on_oops":      "1",
			"vm/overcommit_memory":      "1",
			"vm/panic_on_oom":           "0",
		},
		Servers: []nodespec.Server{
			{
				Name: "containerd", Log: c.path("containerd.log"), Socket: nodespec.ContainerdSocket,
				Args: []string{containerd, "--config=" + c.path("containerd.toml")},
			},
			{
				Name: "kubelet", Log: c.path("kubelet.log"),
				Args: []string{
					c.binary, "kubelet", "--config=" + c.path("kubelet.json"), "--kubeconfig=" + c.kubeconfig,
					"--hostname-override=" + Name, "--node-ip=" + c.network.node.String(),
					"--root-dir=" + nodespec.KubeletRoot, "--cert-dir=" + nodespec.KubeletRoot + "/pki",
					"--node-labels=" + Label + "=" + LabelValue,
				},
			},
			{
				Name: "kube-proxy", Log: c.path("kube-proxy.log"),
				Args: []string{c.binary, "kube-proxy", "--config=" + c.path("kube-proxy.json")},
			},
		},
	}, nil
}
