package realnode

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
)

// Available returns nil where a real node can run, and an *UnavailableError
// that names each reason elsewhere.
func Available() error {
	if os.Geteuid() != 0 {
		return &UnavailableError{Reasons: []string{"not root"}}
	}
	var reasons []string
	for _, program := range []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "iptables", "conntrack"} {
		if _, err := exec.LookPath(program); err != nil {
			reasons = append(reasons, program+" missing")
		}
	}
	if _, err := pluginDir(); err != nil {
		reasons = append(reasons, err.Error())
	}
	if _, err := images.PostgresBin(); err != nil {
		reasons = append(reasons, err.Error())
	}
	// The kubelet watches it for pods that run out of memory.
	if _, err := os.Stat("/dev/kmsg"); err != nil {
		reasons = append(reasons, "/dev/kmsg missing")
	}
	if len(reasons) > 0 {
		return &UnavailableError{Reasons: reasons}
	}
	return nil
}

// pluginDir finds the CNI plugins: where Debian puts them, or where they put
// themselves.
func pluginDir() (string, error) {
	for _, dir := range []string{"/usr/lib/cni", "/opt/cni/bin"} {
		if hasPlugins(dir) {
			return dir, nil
		}
	}
	return "", errors.New("CNI plugins missing")
}

func hasPlugins(dir string) bool {
	for _, plugin := range []string{"ptp", "host-local", "loopback"} {
		if _, err := os.Stat(filepath.Join(dir, plugin)); err != nil {
			return false
		}
	}
	return true
}
