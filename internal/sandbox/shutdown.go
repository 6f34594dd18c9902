package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Running says whether a process runs a sandbox in dir.
func Running(dir string) (bool, error) {
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	held, err := tryAcquire(path)
	if errors.Is(err, errLocked) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	held.release()
	return false, nil
}

// Shutdown ends the process that runs a sandbox in dir, if one does, and
// removes dir with all it holds.
func Shutdown(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s does not look like a sandbox: %w", dir, err)
	}
	// Opened first: the process removes the file before it ends.
	held, err := openLock(path)
	if err != nil {
		return fmt.Errorf("stop the sandbox in %s: %w", dir, err)
	}
	defer held.release()
	if err := held.try(); errors.Is(err, errLocked) {
		if err := terminate(ctx, held); err != nil {
			return fmt.Errorf("stop the sandbox in %s: %w", dir, err)
		}
	} else if err != nil {
		return fmt.Errorf("stop the sandbox in %s: %w", dir, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the sandbox's directory: %w", err)
	}
	return nil
}

// terminate asks the holder of a lock to end, and waits for the lock.
func terminate(ctx context.Context, held *lock) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("its process does not end"))
	defer cancel()
	text, err := io.ReadAll(held.file)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s does not hold the id of a process: %w", held.file.Name(), err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end process %d: %w", pid, err)
	}
	return held.wait(ctx)
}
