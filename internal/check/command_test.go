package check_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/schema"
)

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "verify.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		ok     bool
		parts  []string
	}{
		"passes":      {`[ "$1" = "acme; true" ] && [ "$SOCTALK_CHECK_SLUG" = acme ] && [ "$SOCTALK_CHECK_RUN" = run-1 ] && [ "$SOCTALK_CHECK_NAMESPACE" = x ]`, true, []string{"exit code 0"}},
		"no variable": {`[ -z "$SOCTALK_VAR_token" ]`, true, nil},
		"folder":      {`[ -f fleet.hcl ]`, true, nil},
		"fails":       {"echo one; echo the token is c4n4ry-9d1e7b42 >&2; exit 3", false, []string{"exit code 3", "one", "(hidden)"}},
		"cut":         {"echo '" + strings.Repeat("word ", 22) + "c4n4ry-9d1e7b42'; exit 3", false, []string{"(hidden)"}},
		"killed":      {"kill -9 $$", false, []string{"was ended: signal: killed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := one(t, nowhere(t), "x", `command { argv = ["`+script(t, test.script)+`", "${self.slug}; true"] }`)
			holds(t, name, a, test.ok, test.parts...)
		})
	}
	holds(t, "absent", one(t, nowhere(t), "x", `command { argv = ["./not-there"] }`), false, "cannot be run")
}

// What a program has started ends with it when its time is over.
func TestCommandIsKilledWithItsGroup(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	f := load(t, "x", "", "check.it", `check "it" {
  command { argv = ["`+script(t, "sleep 1000 & echo $! > "+pid+"; wait")+`"] }
}`)
	s := check.New(f, map[string]*kube.Cluster{schema.DefaultCluster: nowhere(t)}, nil, "run-1", os.Environ())
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan apply.Answer)
	go func() { done <- s.Probe(ctx, apply.Question{Check: "it", Address: "tenant.acme", Within: within}) }()
	var child int
	sandboxtest.Eventually(t, func(context.Context) error {
		text, err := os.ReadFile(pid)
		if err == nil {
			child, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return err
	})
	cancel()
	holds(t, "killed", <-done, false, "was killed")
	sandboxtest.Eventually(t, func(context.Context) error {
		if gone(child) {
			return nil
		}
		return errors.New("the child still runs")
	})
}

// What a program leaves behind holds nobody up for long, and does not stay.
func TestCommandThatLeavesSomethingBehind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		ok     bool
		part   string
	}{
		"writing":         {"sleep 1000 & echo $! > PID; exit 0", true, "exit code 0"},
		"silent":          {"sleep 1000 > /dev/null 2>&1 & echo $! > PID; exit 0", true, "exit code 0"},
		"after a failure": {"sleep 1000 > /dev/null 2>&1 & echo $! > PID; exit 3", false, "exit code 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pid := filepath.Join(t.TempDir(), "pid")
			a := one(t, nowhere(t), "x", `command { argv = ["`+script(t, strings.ReplaceAll(test.script, "PID", pid))+`"] }`)
			holds(t, name, a, test.ok, test.part)
			text, err := os.ReadFile(pid)
			if err != nil {
				t.Fatal(err)
			}
			child, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			sandboxtest.Eventually(t, func(context.Context) error { // it is killed, but not waited for
				if gone(child) {
					return nil
				}
				return errors.New("the child still runs")
			})
		})
	}
}

// gone says whether a process has ended, perhaps without having been waited for.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}
