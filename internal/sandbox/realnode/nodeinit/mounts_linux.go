package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/soctalk/fleet/internal/sandbox/realnode/nodespec"
)

// isolate gives the node its own view of the machine's files.
func isolate(spec nodespec.Spec) error {
	// Nothing mounted here may reach the machine; containers of the node may
	// share mounts with it, as the kubelet expects.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share the mounts within the node: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, dir := range nodespec.Private() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make a private %s: %w", dir, err)
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("mount a private %s: %w", dir, err)
		}
	}
	if err := bind(spec.KubeletDir, nodespec.KubeletRoot); err != nil {
		return err
	}
	for name, value := range spec.Sysctls {
		if err := shadow(name, value); err != nil {
			return err
		}
	}
	return nil
}

// bind shows source at target, a folder.
func bind(source, target string) error {
	if err := os.MkdirAll(target, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", target, err)
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s at %s: %w", source, target, err)
	}
	return nil
}

// shadow makes a file below /proc/sys read as value; writes to it change
// nothing but this view. A kernel without the file needs no view of it.
func shadow(name, value string) error {
	target := filepath.Join("/proc/sys", name)
	if _, err := os.Stat(target); os.IsNotExist(err) {
		return nil
	}
	file := filepath.Join("/run/sysctl", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("make the node's view of %s: %w", target, err)
	}
	if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
		return fmt.Errorf("make the node's view of %s: %w", target, err)
	}
	if err := syscall.Mount(file, target, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the node's view of %s: %w", target, err)
	}
	return nil
}
