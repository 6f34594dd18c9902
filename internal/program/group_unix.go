//go:build unix

package program

import (
	"os/exec"
	"syscall"
)

// InGroup makes a program the head of a process group, which is killed as a
// whole when the program's context ends.
func InGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
