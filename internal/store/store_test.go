package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/soctalk/fleet/internal/store"
)

// stores are a folder and a bucket of a real S3 server, with the folder in which
// each keeps its objects as files.
func stores(t *testing.T) map[string]opened {
	folder := t.TempDir()
	all := map[string]opened{"folder": {open(t, "file://"+folder), folder}}
	if !testing.Short() {
		url, dir := s3(t)
		all["s3"] = opened{open(t, url), dir}
	}
	return all
}

type opened struct {
	*store.Store
	dir string
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func each(t *testing.T, do func(t *testing.T, s opened)) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) { do(t, s) })
	}
}

func put(t *testing.T, s *store.Store, name string, data []byte) store.Object {
	t.Helper()
	o, err := s.Put(t.Context(), name, int64(len(data)), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWhatIsPutIsGot(t *testing.T) {
	each(t, func(t *testing.T, s opened) {
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 20<<20+3) // several parts
		_, _ = rand.Read(data)
		o := put(t, s.Store, "a/b.dump", data)
		if o.Size != int64(len(data)) || o.Name != "a/b.dump" {
			t.Errorf("put made %+v", o)
		}
		var got []byte
		err := s.Get(t.Context(), o, func(r io.Reader) (err error) {
			got, err = io.ReadAll(r)
			return err
		})
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("got %d bytes and %v", len(got), err)
		}
		if err := s.Delete(t.Context(), o.Name); err != nil {
			t.Error(err)
		}
		if err := s.Delete(t.Context(), o.Name); err != nil {
			t.Errorf("what is gone is not deleted: %v", err)
		}
		var gone *store.GoneError
		if err := s.Get(t.Context(), o, nil); !errors.As(err, &gone) {
			t.Errorf("what is gone is got: %v", err)
		}
	})
}

// Whoever reads only the beginning is told of a bad end all the same.
func TestWhatWasTamperedWithIsNotSound(t *testing.T) {
	each(t, func(t *testing.T, s opened) {
		o := put(t, s.Store, "x.dump", []byte("beginning and end"))
		for change, data := range map[string]string{"checksum": "beginning and END", "bytes": "beginning"} {
			put(t, s.Store, "x.dump", []byte(data))
			err := s.Get(t.Context(), o, func(r io.Reader) error {
				_, err := io.ReadFull(r, make([]byte, 3))
				return err
			})
			var tampered *store.TamperedError
			if !errors.As(err, &tampered) || !strings.Contains(err.Error(), change) {
				t.Errorf("%s: Get = %v", change, err)
			}
		}
	})
}

// What was not written to its end is not there at all.
func TestHalfOfSomethingIsNothing(t *testing.T) {
	each(t, func(t *testing.T, s opened) {
		broken := errors.New("the other end broke")
		_, err := s.Put(t.Context(), "half.dump", 0, func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 12<<20)); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Errorf("Put = %v", err)
		}
		if path := find(t, s.dir, "half.dump"); path != "" {
			t.Errorf("%s is there", path)
		}
	})
}

func TestFullDiskIsSaid(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("a small file system is mounted by root alone")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip(err)
	}
	defer func() { _ = syscall.Unmount(dir, 0) }()
	s := open(t, "file://"+dir)
	_, err := s.Put(t.Context(), "big.dump", 0, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 2<<20))
		return errors.Join(err, errors.New("exit code 1")) // as a program fails whose output is not taken
	})
	var full *store.Error
	if !errors.As(err, &full) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Put = %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStoresThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"file://" + file:           "not a directory",
		"file:///proc/nowhere":     "no such file",
		"s3://key:c4n4ry@bucket/x": "holds credentials",
		"ftp://somewhere":          "no store of kind ftp://",
		"s3://b?endpoint=http://127.0.0.1:1&region=x&use_path_style=true&anonymous=true": "connection refused",
	} {
		s, err := store.Open(t.Context(), url, t.TempDir())
		if err == nil {
			err = s.Check(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// TestReadOnlyStoresAreKnown writes to a folder that is mounted to be read, and to
// a bucket without the right to.
func TestReadOnlyStoresAreKnown(t *testing.T) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, "size=1m"); err != nil {
			t.Skipf("mount a file system: %v", err)
		}
		defer func() { _ = syscall.Unmount(dir, 0) }()
		var cannot *store.Error
		if err := open(t, "file://"+dir).Check(t.Context()); !errors.As(err, &cannot) || !errors.Is(err, syscall.EROFS) {
			t.Errorf("Check = %v", err)
		}
	})
	t.Run("s3", func(t *testing.T) {
		url, dir := s3(t)
		if err := open(t, url+"&anonymous=true").Check(t.Context()); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("Check = %v", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

func TestStoppedPutEnds(t *testing.T) {
	each(t, func(t *testing.T, s opened) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.Put(ctx, "stopped.dump", 0, func(w io.Writer) error {
			cancel()
			_, err := w.Write(make([]byte, 12<<20))
			return err
		})
		if err == nil {
			t.Error("a put whose context was cancelled ended well")
		}
		if path := find(t, s.dir, "stopped.dump"); path != "" {
			t.Errorf("%s is there", path)
		}
	})
}

// find returns the path of a file somewhere below a folder; empty: there is none.
func find(t *testing.T, dir, name string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == name {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
