package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "plan")
	for _, c := range []struct {
		data string
		mode fs.FileMode
	}{{"the first, and longer", 0o644}, {"the second", 0o600}, {"", 0o644}} {
		if err := Write(path, []byte(c.data), c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.data {
			t.Errorf("it holds %q, want %q: %v", got, c.data, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != c.mode && runtime.GOOS != "windows" {
			t.Errorf("it has mode %v, want %v", info.Mode(), c.mode)
		}
	}
	alone(t, dir, "plan")
}

// What cannot be replaced stays, and the error names it and not what was tried
// beside it.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"no folder": filepath.Join(dir, "nowhere", "plan"), "a folder": full} {
		var at *fs.PathError
		err := Write(path, []byte("new"), 0o600)
		if !errors.As(err, &at) || at.Path != path || err.Error() != "write "+path+": "+at.Err.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
	alone(t, dir, "full")
	alone(t, full, "sub")
}

// alone makes sure that a folder holds one thing.
func alone(t *testing.T, dir, name string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil || len(all) != 1 || all[0].Name() != name {
		t.Errorf("%s holds %v: %v", dir, all, err)
	}
}
