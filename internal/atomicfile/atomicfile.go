// Package atomicfile replaces a file in one step: who reads it finds all of what
// was there, or all of what came.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write puts data into a file of that mode, whatever was there before. Behind a
// link, the file that it leads to is replaced; a pipe or a device is written to,
// since it cannot be. Its errors are an [fs.PathError] that names the file itself.
func Write(path string, data []byte, mode fs.FileMode) error {
	if err := write(path, data, mode); err != nil {
		// What lies beside it meanwhile means nothing to anybody.
		var beside *fs.PathError
		var renamed *os.LinkError
		switch {
		case errors.As(err, &beside):
			err = beside.Err
		case errors.As(err, &renamed):
			err = renamed.Err
		}
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

func write(path string, data []byte, mode fs.FileMode) (err error) {
	if info, err := os.Stat(path); strings.HasPrefix(path, "/dev/") || err == nil && !info.Mode().IsRegular() {
		return pass(path, data)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	// Beside it, since a file cannot be renamed to another file system.
	f, err := os.CreateTemp(filepath.Dir(path), ".soctalk-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync() // or a crash may leave the new name with nothing in it
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// pass writes to what is no file, or may stand for one that is open, as
// /dev/stdout does.
func pass(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
