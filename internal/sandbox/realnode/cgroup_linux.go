package realnode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	cgroupMount  = "/sys/fs/cgroup"
	cgroupPrefix = "soctalk-sandbox-"
)

var cgroups atomic.Int64

// makeCgroup makes the tree of control groups for one node's pods, and
// returns its path as the kubelet names it. The name holds the owner's
// process id for sweepCgroups.
func makeCgroup() (string, error) {
	name := fmt.Sprintf("%s%d-%d", cgroupPrefix, os.Getpid(), cgroups.Add(1))
	unified, hierarchies, err := cgroupHierarchies()
	if err != nil {
		return "", err
	}
	for _, dir := range hierarchies {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("make the node's control group: %w", err)
		}
	}
	if unified {
		for _, dir := range []string{cgroupMount, filepath.Join(cgroupMount, name)} {
			if err := enableControllers(dir); err != nil {
				return "", err
			}
		}
	}
	return "/" + name, nil
}

// cgroupHierarchies returns whether there is only one hierarchy, and the
// folders at the top of each.
func cgroupHierarchies() (bool, []string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(cgroupMount, &fs); err != nil {
		return false, nil, fmt.Errorf("find the control groups: %w", err)
	}
	if fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return true, []string{cgroupMount}, nil
	}
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return false, nil, fmt.Errorf("find the control groups: %w", err)
	}
	var dirs []string
	for _, entry := range entries {
		// Links such as cpu -> cpu,cpuacct name a hierarchy once more.
		if entry.IsDir() {
			dirs = append(dirs, filepath.Join(cgroupMount, entry.Name()))
		}
	}
	return false, dirs, nil
}

// enableControllers hands every controller that a folder of the one hierarchy
// has to the groups below it.
func enableControllers(dir string) error {
	controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("read the controllers of %s: %w", dir, err)
	}
	for _, controller := range strings.Fields(string(controllers)) {
		file := filepath.Join(dir, "cgroup.subtree_control")
		if err := os.WriteFile(file, []byte("+"+controller), 0); err != nil {
			return fmt.Errorf("enable the %s controller below %s: %w", controller, dir, err)
		}
	}
	return nil
}

// removeCgroup removes a tree of control groups without processes. The kernel
// empties a group a moment after its last process is gone.
func removeCgroup(path string) error {
	_, hierarchies, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	var problems []error
	for _, dir := range hierarchies {
		root := filepath.Join(dir, path)
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			err := removeGroups(root)
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
				problems = append(problems, fmt.Errorf("remove the control group: %w", err))
				break
			}
		}
	}
	return errors.Join(problems...)
}

// removeGroups removes a group after those below it. The files in it are not
// to be removed: they go with it.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeGroups(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

// sweepCgroups removes what nodes left whose owners died before they could.
// What cannot be removed yet is left to the next sweep.
func sweepCgroups() {
	_, hierarchies, err := cgroupHierarchies()
	if err != nil {
		return
	}
	for _, dir := range hierarchies {
		found, err := filepath.Glob(filepath.Join(dir, cgroupPrefix+"*"))
		if err != nil {
			continue
		}
		for _, group := range found {
			owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(group), cgroupPrefix), "-")
			pid, err := strconv.Atoi(owner)
			if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				_ = removeGroups(group)
			}
		}
	}
}
