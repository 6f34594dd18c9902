package schema

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxFile bounds one file, in bytes.
const maxFile = 32 << 20

// maxListed bounds how many directory entries one fileset call may look at.
const maxListed = 100_000

// sources reads the files of a configuration, each once, and remembers what
// was read.
type sources struct {
	root string
	read map[string]*source // by path as shown
	// byText finds the file that a text came from, for line numbers.
	byText map[string]string
}

type source struct {
	data []byte
	err  error
}

func newSources(root string) *sources {
	return &sources{root: root, read: map[string]*source{}, byText: map[string]string{}}
}

// absolute returns path as the operating system wants it; path is relative to
// the configuration's folder.
func (s *sources) absolute(path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.root, path)
}

// shown returns the name under which a file is recorded: slash-separated and,
// where possible, relative to the configuration's folder.
func (s *sources) shown(path string) string {
	if rel, err := filepath.Rel(s.root, s.absolute(path)); err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// file returns the content of a regular file.
func (s *sources) file(path string) ([]byte, error) {
	name := s.shown(path)
	if src, ok := s.read[name]; ok {
		return src.data, src.err
	}
	data, err := readRegular(s.absolute(path))
	if err != nil {
		err = fmt.Errorf("cannot read %s: %w", name, err)
	}
	s.read[name] = &source{data: data, err: err}
	return data, err
}

// ReadFile reads a regular file within the size that the language allows. Its
// errors do not name the path.
func ReadFile(path string) ([]byte, error) { return readRegular(path) }

func readRegular(path string) ([]byte, error) {
	if strings.ContainsRune(path, 0) {
		return nil, errors.New("the path contains a NUL byte")
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, reason(err)
	}
	switch {
	case info.IsDir():
		return nil, errors.New("it is a folder, not a file")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > maxFile:
		return nil, tooLarge(info.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, reason(err)
	}
	if len(data) > maxFile {
		return nil, tooLarge(int64(len(data)))
	}
	return data, nil
}

func tooLarge(n int64) error {
	return fmt.Errorf("it has %d MiB, and %d MiB is the limit", n>>20, maxFile>>20)
}

// reason takes the path out of an error, as the caller names it.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file")
	case errors.Is(err, syscall.ELOOP):
		return errors.New("its symbolic links form a loop")
	}
	return err
}

// countedFS is a folder whose listing is given up after too many entries.
type countedFS struct {
	fs.FS
	left *int
}

var errTooMany = fmt.Errorf("more than %d files and folders to look at; name a smaller folder", maxListed)

func (c countedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if *c.left <= 0 {
		return nil, errTooMany
	}
	entries, err := fs.ReadDir(c.FS, name)
	if *c.left -= len(entries) + 1; *c.left <= 0 && err == nil {
		err = errTooMany
	}
	return entries, err
}
