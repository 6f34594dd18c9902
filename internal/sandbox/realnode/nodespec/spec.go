// Package nodespec is what the real node's owner tells the node's first
// process.
package nodespec

// The places that exist only inside the node, in memory of its own, and are
// gone with it.
const (
	// ContainerdState holds containerd's socket and the state of its tasks.
	ContainerdState  = "/run/containerd"
	ContainerdSocket = ContainerdState + "/containerd.sock"
	// KubeletRoot is where the node sees Spec.KubeletDir: short, since
	// sockets below it have paths of at most 107 bytes.
	KubeletRoot = "/run/kubelet"
)

// Private names the folders of the machine that the node sees empty.
func Private() []string { return []string{"/run", "/var/log", "/var/lib/cni"} }

// Spec is a node.
type Spec struct {
	// KubeletDir is the kubelet's folder on the machine.
	KubeletDir string
	// Sysctls maps files below /proc/sys to what the node shall read there,
	// without a change of the machine.
	Sysctls map[string]string
	// Servers are started in this order. When one ends, the node ends.
	Servers []Server
}

// Server is a program that runs as long as the node.
type Server struct {
	Name string
	Args []string // the program's path first
	Log  string   // path
	// Socket, unless empty, is a unix socket that accepts connections before
	// the next server is started.
	Socket string
}
