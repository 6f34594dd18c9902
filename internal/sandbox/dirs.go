package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// The entries of a sandbox's directory.
const (
	lockFile       = "sandbox.lock" // held while the sandbox runs; contains the owner's process id
	kubeconfigFile = "kubeconfig"
	registryFile   = "registry" // host:port of the OCI registry
	binaryFile     = "binary"   // path of the multi-call binary
	logsDir        = "logs"
	stateDir       = "state" // what only the servers read: keys, etcd's data, the registry's blobs
)

// entries is everything that Start makes in a directory, the lock last: while
// that exists, what is left of a sandbox is recognised as such.
var entries = []string{kubeconfigFile, registryFile, binaryFile, logsDir, stateDir, lockFile}

// claim makes dir the home of a sandbox and returns its lock. It refuses a
// directory with other contents, and clears one whose sandbox died.
func claim(dir string) (*lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, lockFile)); errors.Is(err, fs.ErrNotExist) {
		present, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("read the sandbox's directory: %w", err)
		}
		if len(present) > 0 {
			return nil, fmt.Errorf("%s is not empty and holds no sandbox; choose another directory or empty it", dir)
		}
	}
	held, err := tryAcquire(filepath.Join(dir, lockFile))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("a sandbox is already running in %s: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	if err := clearEntries(dir, entries[:len(entries)-1]); err != nil {
		held.release()
		return nil, err
	}
	if err := errors.Join(held.file.Truncate(0), writeAt(held.file, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		held.release()
		return nil, fmt.Errorf("write the owner into %s: %w", lockFile, err)
	}
	return held, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// clearEntries removes what a sandbox made in dir.
func clearEntries(dir string, names []string) error {
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("remove the sandbox's %s: %w", name, err)
		}
	}
	return nil
}

// claimTemporary makes a directory that no other sandbox uses, and removes
// those whose owners died before they could.
func claimTemporary(ctx context.Context) (string, *lock, error) {
	parent := filepath.Join(os.TempDir(), "soctalk-sandbox-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", nil, fmt.Errorf("make the directory of temporary sandboxes: %w", err)
	}
	// Without this a sweep could take a directory that is made but not yet locked.
	sweeping, err := acquire(ctx, filepath.Join(parent, "sweep.lock"))
	if err != nil {
		return "", nil, err
	}
	defer sweeping.release()
	sweep(parent)

	dir, err := os.MkdirTemp(parent, "")
	if err != nil {
		return "", nil, fmt.Errorf("make a temporary directory for the sandbox: %w", err)
	}
	held, err := claim(dir)
	return dir, held, err
}

// sweep removes the temporary sandboxes in parent whose locks are free.
// Errors are left to the next sweep: servers of an owner that died this
// moment may still be writing.
func sweep(parent string) {
	dirs, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		dir := filepath.Join(parent, d.Name())
		held, err := tryAcquire(filepath.Join(dir, lockFile))
		if err != nil {
			continue
		}
		if clearEntries(dir, entries) == nil {
			_ = os.Remove(dir)
		}
		held.release()
	}
}
