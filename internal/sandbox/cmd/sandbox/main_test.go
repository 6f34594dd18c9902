package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

// programEnv makes the test binary the program itself.
const programEnv = "SOCTALK_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program runs the program and returns what it wrote and its exit code.
func program(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), programEnv+"=1")
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	_ = cmd.Run()
	return out.String(), errors.String(), cmd.ProcessState.ExitCode()
}

func TestUpAndStop(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sandbox")
	t.Cleanup(func() { _ = sandbox.Shutdown(context.Background(), dir) })
	if _, stderr, code := program(t, "status", "-dir", dir); code != 1 || !strings.Contains(stderr, "no sandbox runs in") {
		t.Errorf("status before: exit code %d, %s", code, stderr)
	}
	if _, stderr, code := program(t, "up", "-dir", dir, "-nodes", "1"); code != 0 {
		t.Fatalf("up: exit code %d, %s", code, stderr)
	}
	c, err := sandbox.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := program(t, "up", "-dir", dir)
	if code != 0 || !strings.Contains(stdout, c.Registry) {
		t.Errorf("up again: exit code %d, %s%s", code, stdout, stderr)
	}
	if stdout, stderr, code := program(t, "status", "-dir", dir); code != 0 || !strings.Contains(stdout, c.Kubeconfig) {
		t.Errorf("status: exit code %d, %s%s", code, stdout, stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, "fleet"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	killServer(t, dir)
	sandboxtest.Eventually(t, func(context.Context) error {
		running, err := sandbox.Running(dir)
		if running {
			err = errors.New("the sandbox outlives its API server")
		}
		return err
	})
	if _, stderr, code := program(t, "status", "-dir", dir); code != 1 || !strings.Contains(stderr, "has died: kube-apiserver ended") {
		t.Errorf("status of a dead sandbox: exit code %d, %s", code, stderr)
	}
	if _, stderr, code := program(t, "up", "-dir", dir, "-nodes", "1"); code != 0 {
		t.Errorf("up after a death: exit code %d, %s", code, stderr)
	}
	if _, stderr, code := program(t, "stop", "-dir", dir); code != 0 {
		t.Errorf("stop: exit code %d, %s", code, stderr)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if _, stderr, code := program(t, "stop", "-dir", dir); code != 0 {
		t.Errorf("stop again: exit code %d, %s", code, stderr)
	}
}

// killServer kills the API server of the sandbox in dir.
func killServer(t *testing.T, dir string) {
	t.Helper()
	processes, err := exec.Command("ps", "-axww", "-o", "pid=,args=").Output()
	if err != nil {
		t.Fatalf("list the processes: %v", err)
	}
	for line := range strings.Lines(string(processes)) {
		fields := strings.Fields(line)
		if !strings.Contains(line, dir) || len(fields) < 3 || fields[2] != "kube-apiserver" {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no process is the API server")
}

func TestExec(t *testing.T) {
	t.Parallel()
	script := `test -s "$SOCTALK_SANDBOX_DIR/kubeconfig" && echo "$SOCTALK_SANDBOX_DIR"; exit 7`
	stdout, stderr, code := program(t, "exec", "-nodes", "1", "--", "sh", "-c", script)
	dir := strings.TrimSpace(stdout)
	if code != 7 || dir == "" {
		t.Fatalf("exit code %d, %q, %s", code, stdout, stderr)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestBadUse(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no command":      {nil, "no command"},
		"unknown command": {[]string{"down"}, `unknown command "down"`},
		"argument":        {[]string{"status", "extra"}, `takes no argument "extra"`},
		"no program":      {[]string{"exec"}, "exec needs a command"},
		"supervise":       {[]string{"supervise", "-dir", full}, "is for sandbox up alone"},
		"full directory":  {[]string{"up", "-dir", full}, "is not empty and holds no sandbox"},
		"stop elsewhere":  {[]string{"stop", "-dir", full}, "does not look like a sandbox"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stderr, code := program(t, test.args...)
			if code != 1 || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, %s", code, stderr)
			}
		})
	}
}
