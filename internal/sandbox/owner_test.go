package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownerEnv makes the test binary the owner of a sandbox, for
// TestKilledOwnerLeavesNothing to kill.
const ownerEnv = "SOCTALK_TEST_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(ownerEnv) != "" {
		own()
	}
	os.Exit(m.Run())
}

// own starts a sandbox, writes its directory and the ids of its processes,
// and then does nothing.
func own() {
	c, err := Start(context.Background(), Options{Nodes: 1, Log: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.Dir)
	for _, p := range c.processes {
		fmt.Println(p.cmd.Process.Pid)
	}
	_ = os.Stdout.Close()
	select {}
}

func TestKilledOwnerLeavesNothing(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.Command(self)
	owner.Env = append(os.Environ(), ownerEnv+"=1")
	owner.Stderr = os.Stderr
	stdout, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Process.Kill() }()
	dir, pids := readOwner(t, stdout)

	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	deadline := time.Now().Add(5 * time.Second)
	for _, pid := range pids {
		for alive(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d outlives its owner", pid)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}

	other, held, err := claimTemporary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.release()
	defer func() { _ = os.RemoveAll(other) }()
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the next sandbox did not remove %s: %v", dir, err)
	}
}

func readOwner(t *testing.T, stdout io.Reader) (dir string, pids []int) {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if dir == "" {
			dir = lines.Text()
			continue
		}
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if want := 6; len(pids) != want {
		t.Fatalf("the owner started %d processes, want %d", len(pids), want)
	}
	return dir, pids
}

// alive says whether a process runs; one that has ended but was not waited
// for, as orphans in a container may stay, does not.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}
