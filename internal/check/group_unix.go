//go:build unix

package check

import (
	"os/exec"
	"syscall"
)

// inGroup makes a program the head of a process group, which is killed as a
// whole.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
