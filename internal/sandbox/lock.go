package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock is an advisory lock on a file. The system drops it when its holder
// dies, so a free lock on an existing file means that the holder is gone.
type lock struct{ file *os.File }

// errLocked says that another process, or another part of this one, holds the lock.
var errLocked = errors.New("locked by another process")

// tryAcquire takes the lock on path, or returns errLocked at once.
func tryAcquire(path string) (*lock, error) {
	for {
		l, err := openLock(path)
		if err != nil {
			return nil, err
		}
		if err := l.try(); err != nil {
			l.release()
			return nil, err
		}
		// The last holder may have removed the file while it was being opened.
		ours, err := l.file.Stat()
		if err != nil {
			l.release()
			return nil, fmt.Errorf("look at the lock: %w", err)
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(ours, now) {
			return l, nil
		}
		l.release()
	}
}

// acquire waits for the lock on path until the context ends.
func acquire(ctx context.Context, path string) (*lock, error) {
	l, err := openLock(path)
	if err != nil {
		return nil, err
	}
	if err := l.wait(ctx); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func openLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	return &lock{file}, nil
}

func (l *lock) try() error {
	err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%s: %w", l.file.Name(), errLocked)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", l.file.Name(), err)
	}
	return nil
}

// wait polls, because a blocked flock cannot be interrupted.
func (l *lock) wait(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := l.try(); !errors.Is(err, errLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// release gives the lock up; the file stays.
func (l *lock) release() { _ = l.file.Close() }
