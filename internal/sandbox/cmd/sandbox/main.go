// Command sandbox starts and stops a Kubernetes control plane on this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
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
	case err == nil:
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// options are the flags of all commands.
type options struct {
	dir    string
	charts string
	nodes  int
}

// commands holds what can be run, and the flags of each.
var commands = map[string]struct {
	flags string
	run   func(context.Context, options, []string) error
}{
	"up":        {"dir charts nodes", up},
	"status":    {"dir", status},
	"stop":      {"dir", stop},
	"exec":      {"charts nodes", execute},
	"build":     {"", build},
	"supervise": {"dir nodes", supervise},
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return errors.New("no command")
	}
	name := args[0]
	if name == "help" || name == "-h" || name == "--help" {
		fmt.Print(usage)
		return nil
	}
	command, ok := commands[name]
	if !ok {
		fmt.Fprint(os.Stderr, usage)
		return fmt.Errorf("unknown command %q", name)
	}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main says what is wrong
	var o options
	for _, known := range strings.Fields(command.flags) {
		switch known {
		case "dir":
			flags.StringVar(&o.dir, known, ".sandbox", "directory of the sandbox")
		case "charts":
			flags.StringVar(&o.charts, known, "", "folder of charts to publish")
		case "nodes":
			flags.IntVar(&o.nodes, known, 3, "number of simulated nodes")
		}
	}
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		fmt.Print(usage)
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if name != "exec" && flags.NArg() > 0 {
		return fmt.Errorf("%s takes no argument %q", name, flags.Arg(0))
	}
	return command.run(ctx, o, flags.Args())
}

func build(ctx context.Context, _ options, _ []string) error {
	binary, err := sandbox.Binary(ctx, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println(binary)
	return nil
}

func status(_ context.Context, o options, _ []string) error {
	running, err := sandbox.Running(o.dir)
	if err != nil {
		return err
	}
	if !running {
		if reason, err := os.ReadFile(filepath.Join(o.dir, deathNote)); err == nil {
			return fmt.Errorf("the sandbox in %s has died: %s", o.dir, strings.TrimSpace(string(reason)))
		}
		return fmt.Errorf("no sandbox runs in %s", o.dir)
	}
	c, err := sandbox.Open(o.dir)
	if err != nil {
		return fmt.Errorf("the sandbox in %s is not ready yet: %w", o.dir, err)
	}
	return describe(c)
}

func stop(ctx context.Context, o options, _ []string) error {
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
