// Command sandbox starts and stops a Kubernetes control plane on this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/soctalk/fleet/internal/sandbox"
)

const usage = `usage: sandbox <command>

  up [-dir .sandbox] [-charts folder] [-nodes 3]   start a sandbox that stays until it is stopped
  status [-dir .sandbox]                           say whether it runs
  stop [-dir .sandbox]                             end it and remove its directory
  exec [-charts folder] -- command …               run a command against a sandbox that lives as long as the command
  build                                            build the sandbox's Kubernetes, which the others do if need be
`

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	err := run(ctx, os.Args[1:])
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return errors.New("no command")
	}
	flags := flag.NewFlagSet("sandbox "+args[0], flag.ContinueOnError)
	var o options
	switch args[0] {
	case "up", "status", "stop", "supervise":
		flags.StringVar(&o.dir, "dir", ".sandbox", "`directory` of the sandbox")
	}
	switch args[0] {
	case "up", "exec":
		flags.StringVar(&o.charts, "charts", "", "`folder` of charts to publish, as <chart>/<version>/Chart.yaml")
	}
	switch args[0] {
	case "up", "exec", "supervise":
		flags.IntVar(&o.nodes, "nodes", 3, "`number` of simulated nodes")
	}
	commands := map[string]func() error{
		"up":        func() error { return up(ctx, o) },
		"status":    func() error { return status(o) },
		"stop":      func() error { return stop(ctx, o) },
		"exec":      func() error { return execute(ctx, o, flags.Args()) },
		"build":     func() error { return build(ctx) },
		"supervise": func() error { return supervise(ctx, o) },
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprint(os.Stderr, usage)
		return fmt.Errorf("unknown command %q", args[0])
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if args[0] != "exec" && flags.NArg() > 0 {
		return fmt.Errorf("%s takes no argument %q", args[0], flags.Arg(0))
	}
	return command()
}

// options are the flags of all commands.
type options struct {
	dir    string
	charts string
	nodes  int
}

func build(ctx context.Context) error {
	binary, err := sandbox.Binary(ctx, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println(binary)
	return nil
}

func status(o options) error {
	running, err := sandbox.Running(o.dir)
	if err != nil {
		return err
	}
	if !running {
		return fmt.Errorf("no sandbox runs in %s", o.dir)
	}
	c, err := sandbox.Open(o.dir)
	if err != nil {
		return fmt.Errorf("the sandbox in %s is not ready yet: %w", o.dir, err)
	}
	return describe(c)
}

func stop(ctx context.Context, o options) error {
	return sandbox.Shutdown(ctx, o.dir)
}

// describe tells a person how to use a running sandbox.
func describe(c *sandbox.Cluster) error {
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	fmt.Printf(`A sandbox is up in %[1]s.
  Kubernetes  %[2]s   export KUBECONFIG=%[3]s
  registry    oci://%[4]s   (plain HTTP)
  logs        %[1]s/logs
`, c.Dir, config.Host, c.Kubeconfig, c.Registry)
	return nil
}
