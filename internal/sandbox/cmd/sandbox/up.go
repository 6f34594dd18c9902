package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/soctalk/fleet/internal/sandbox"
)

// up starts a supervisor that outlives this process, unless one runs already.
func up(ctx context.Context, o options, _ []string) error {
	running, err := sandbox.Running(o.dir)
	if err != nil {
		return err
	}
	if !running {
		// The build is done here, where it can be interrupted.
		if _, err := sandbox.Binary(ctx, os.Stderr); err != nil {
			return err
		}
		if err := detach(o); err != nil {
			return err
		}
	}
	c, err := sandbox.Open(o.dir)
	if err != nil {
		return err
	}
	if err := publishCharts(ctx, c, o.charts); err != nil {
		return err
	}
	return describe(c)
}

// detach starts the supervisor and waits until it is ready or gives up. Until
// then it writes its messages into a pipe, whose end says that it is done.
func detach(o options) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	messages, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = messages.Close() }()
	supervisor := exec.Command(self, "supervise", "-dir", o.dir, "-nodes", strconv.Itoa(o.nodes))
	supervisor.ExtraFiles = []*os.File{theirs}
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = supervisor.Start()
	_ = theirs.Close()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	if _, err := io.Copy(os.Stderr, messages); err != nil {
		return fmt.Errorf("follow the supervisor: %w", err)
	}
	running, err := sandbox.Running(o.dir)
	if err == nil && !running {
		err = errors.New("the sandbox did not start")
	}
	return err
}

// deathNote is where, in its directory, a sandbox that died left the reason.
const deathNote = "logs/supervisor.log"

// supervise runs a sandbox until a signal asks for its end. It is started by
// up, with a pipe for messages as file descriptor 3.
func supervise(ctx context.Context, o options, _ []string) error {
	signal.Ignore(syscall.SIGHUP)
	messages := os.NewFile(3, "messages")
	if info, err := messages.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return errors.New("supervise is for sandbox up alone")
	}
	c, err := sandbox.Start(ctx, sandbox.Options{Dir: o.dir, Nodes: o.nodes, Log: messages})
	if err != nil {
		_, _ = fmt.Fprintln(messages, "sandbox:", err)
		return err
	}
	_ = messages.Close()
	if err := c.Wait(ctx); err != nil {
		// The directory stays for whoever looks for the reason; the other
		// servers end with this process.
		return errors.Join(err, os.WriteFile(filepath.Join(c.Dir, deathNote), []byte(err.Error()+"\n"), 0o600))
	}
	return c.Stop()
}
