// Package atomicfile replaces a file in one step: who reads it finds all of what
// was there, or all of what came.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts data into a file of that mode, whatever was there before. Its errors
// are an [fs.PathError] that names the file itself.
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
