//go:build !unix

package check

import "os/exec"

// inGroup leaves it at killing the program itself.
func inGroup(*exec.Cmd) {}
