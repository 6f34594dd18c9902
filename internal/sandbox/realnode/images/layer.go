package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path"
	"sort"
	"strings"
)

// layer collects the files of one layer of an image. Paths are absolute.
type layer struct {
	entries map[string]entry
}

// entry is a folder unless it has a source, a link's target or data.
type entry struct {
	source string // path on this machine
	link   string
	data   []byte
	mode   int64
	owner  int // user and group
}

func newLayer() *layer { return &layer{entries: map[string]entry{}} }

func (l *layer) folder(name string, mode int64, owner int) {
	l.add(name, entry{mode: mode, owner: owner})
}

func (l *layer) text(name, data string) {
	l.add(name, entry{data: []byte(data), mode: 0o644})
}

func (l *layer) link(name, target string) {
	l.add(name, entry{link: target, mode: 0o777})
}

// copy takes a file of this machine, through symbolic links.
func (l *layer) copy(name, source string) error {
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("copy %s into the image: %w", source, err)
	}
	l.add(name, entry{source: source, mode: int64(info.Mode().Perm())})
	return nil
}

// add puts an entry in place, with the folders above it.
func (l *layer) add(name string, e entry) {
	l.entries[name] = e
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if _, ok := l.entries[dir]; !ok {
			l.entries[dir] = entry{mode: 0o755}
		}
	}
}

// tar writes the layer so that equal files make equal bytes.
func (l *layer) tar() ([]byte, error) {
	names := make([]string, 0, len(l.entries))
	for name := range l.entries {
		names = append(names, name)
	}
	sort.Strings(names)
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, name := range names {
		e := l.entries[name]
		header := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: e.mode, Uid: e.owner, Gid: e.owner}
		switch {
		case e.link != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.link
		case e.source != "":
			data, err := os.ReadFile(e.source)
			if err != nil {
				return nil, fmt.Errorf("copy into the image: %w", err)
			}
			e.data = data
			header.Typeflag = tar.TypeReg
		case e.data != nil:
			header.Typeflag = tar.TypeReg
		default:
			header.Typeflag = tar.TypeDir
			header.Name += "/"
		}
		header.Size = int64(len(e.data))
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		if _, err := archive.Write(e.data); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("end the layer: %w", err)
	}
	return out.Bytes(), nil
}
