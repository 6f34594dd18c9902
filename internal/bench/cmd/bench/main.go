// Command bench measures soctalk plan in a sandbox; see `make bench`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/soctalk/fleet/internal/bench"
	"github.com/soctalk/fleet/internal/sandbox"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	bench.Options
	build         int
	profile, into string
	helmModule    string
}

func flags() (*settings, error) {
	s := &settings{Options: bench.Options{Log: os.Stderr}}
	sizes := flag.String("sizes", "200", "numbers of tenants, separated by spaces")
	flag.IntVar(&s.build, "build", 0, "only make this number of tenants live")
	flag.StringVar(&s.profile, "profile", "", "instead of measuring, write profiles of a plan of the first size into a `folder`")
	flag.StringVar(&s.into, "into", "build/bench.json", "`file` for the report")
	flag.StringVar(&s.helmModule, "helm", "internal/bench/helm", "`folder` of the module that builds the helm CLI")
	flag.StringVar(&s.Dir, "dir", "", "`folder` for the fleet's files; a temporary one otherwise")
	flag.StringVar(&s.Examples, "examples", "examples", "`folder` of the charts and the compatibility matrix")
	flag.StringVar(&s.Soctalk, "soctalk", "bin/soctalk", "the `program` to measure")
	flag.IntVar(&s.Revisions, "revisions", 4, "revisions of each release")
	flag.IntVar(&s.Sample, "sample", 50, "releases that the helm CLI's loops go over")
	flag.BoolVar(&s.Apply, "apply", true, "also upgrade the fleet and measure that; a sandbox that is kept cannot be measured again then")
	flag.IntVar(&s.Repeat, "repeat", 3, "how often each plan is timed")
	flag.Parse()
	for _, word := range strings.Fields(*sizes) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-sizes: %q is no number of tenants", word)
		}
		s.Sizes = append(s.Sizes, n)
	}
	if len(s.Sizes) == 0 || s.Revisions < 1 || s.Sample < 1 || s.Repeat < 1 {
		return nil, errors.New("-sizes, -revisions, -sample and -repeat must be at least 1")
	}
	for _, path := range []*string{&s.Soctalk, &s.Examples} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	return s, nil
}

func run(ctx context.Context) (err error) {
	s, err := flags()
	if err != nil {
		return err
	}
	dir := os.Getenv(sandbox.DirEnv)
	if dir == "" {
		return fmt.Errorf("%s names no sandbox: start this with `make bench`", sandbox.DirEnv)
	}
	c, err := sandbox.Open(dir)
	if err != nil {
		return err
	}
	s.Kubeconfig, s.Registry = c.Kubeconfig, c.Registry
	if s.build > 0 {
		return bench.Build(ctx, s.Options, s.build, os.Stderr)
	}
	if s.Dir == "" {
		if s.Dir, err = os.MkdirTemp("", "soctalk-bench-"); err != nil {
			return fmt.Errorf("make a folder for the fleet's files: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	}
	if s.profile != "" {
		if err := s.buildApart(ctx, s.Sizes[0]); err != nil {
			return err
		}
		return bench.Profile(s.Options, s.Sizes[0], s.profile)
	}
	if s.Helm, err = bench.BuildHelm(ctx, s.helmModule, s.Dir); err != nil {
		return err
	}
	report, err := bench.Run(ctx, s.Options, func(n int) error { return s.buildApart(ctx, n) })
	if err != nil {
		return err
	}
	if err := report.Print(os.Stdout); err != nil {
		return err
	}
	return report.Write(s.into)
}

// buildApart makes the fleet in another process. This one must stay small: the
// peak memory of a child cannot be told from that of its parent otherwise.
func (s *settings) buildApart(ctx context.Context, n int) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "-build", strconv.Itoa(n), "-dir", s.Dir, "-examples", s.Examples, "-revisions", strconv.Itoa(s.Revisions))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}
