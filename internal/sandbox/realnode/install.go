package realnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// packages are the Debian packages that a node and its images are made of.
var packages = []string{
	"containerd", "runc", "containernetworking-plugins", "iptables", "conntrack", "socat", "ethtool", "postgresql",
}

// Install installs what a real node needs, on Debian, as root. It changes the
// machine, so only call it where somebody asked for it: where services are
// managed, Debian also starts a containerd and a PostgreSQL, which the node
// does not use.
func Install(ctx context.Context, progress io.Writer) error {
	if progress == nil {
		progress = io.Discard
	}
	if os.Geteuid() != 0 {
		return errors.New("install the packages of a real node: not root")
	}
	for _, args := range [][]string{
		{"update", "-q"},
		append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...),
	} {
		_, _ = fmt.Fprintf(progress, "apt-get %s …\n", args[0])
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("install the packages of a real node: apt-get %s: %w\n%s", args[0], err, output)
		}
	}
	return nil
}
