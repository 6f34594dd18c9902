package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/soctalk/fleet/internal/sandbox"
)

// execute runs a command against a sandbox of its own.
func execute(ctx context.Context, o options, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("exec needs a command")
	}
	c, err := sandbox.Start(ctx, sandbox.Options{Nodes: o.nodes, Log: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if err := publishCharts(ctx, c, o.charts); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), sandbox.DirEnv+"="+c.Dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	return nil
}
