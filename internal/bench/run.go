package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// usage is what a process cost.
type usage struct {
	wall, cpu time.Duration
	// peak is the most memory that it had at a time, in bytes.
	peak int64
	out  []byte
}

// command is a program to run, as often as wanted.
type command struct {
	dir  string
	env  []string // added to that of this process
	args []string
	// codes are the exit codes that are no failure, beside 0.
	codes []int
}

// run runs the command and waits for its end. The peak is that of the child
// alone as long as this process stays smaller than it: a child begins as a
// picture of its parent.
func (c command) run(ctx context.Context) (usage, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && c.allows(exit.ExitCode())) {
		return usage{}, fmt.Errorf("run %v: %w\n%s", c.args, err, tail(problems.Bytes()))
	}
	u := usage{wall: wall, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), out: out.Bytes()}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = int64(r.Maxrss)
		if runtime.GOOS != "darwin" {
			u.peak <<= 10 // kibibytes elsewhere
		}
	}
	return u, nil
}

func (c command) allows(code int) bool {
	for _, allowed := range c.codes {
		if allowed == code {
			return true
		}
	}
	return false
}

// tail keeps the end of what a program said.
func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }
