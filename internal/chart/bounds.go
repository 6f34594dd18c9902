package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
)

// perFile is what a file counts beside its bytes, so that empty ones are not
// without end.
const perFile = 512

// budget is how many bytes a chart may still have, every archive within it
// unpacked. Helm bounds each archive alone, and a chart may hold archives that
// hold archives.
type budget int64

func newBudget() *budget { b := budget(loader.MaxDecompressedChartSize); return &b }

func (b *budget) spend(n int64) error {
	if *b -= budget(n); *b < 0 {
		return fmt.Errorf("unpacked it is larger than %d MiB", loader.MaxDecompressedChartSize>>20)
	}
	return nil
}

// archive counts what an archive holds. What is wrong with it otherwise is for
// Helm to say.
func (b *budget) archive(packed io.Reader) error {
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		return nil
	}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if err != nil {
			return nil
		}
		var within bytes.Buffer
		keep := io.Discard
		if isArchive(header.Name) {
			keep = &within
		}
		n, _ := io.Copy(keep, io.LimitReader(files, int64(*b)+1))
		if err := b.spend(n + perFile); err != nil {
			return err
		}
		if err := b.archive(&within); err != nil {
			return err
		}
	}
}

func isArchive(name string) bool { return strings.HasSuffix(name, ".tgz") }

// folder counts what a chart's folder holds, links followed as Helm does, which
// never comes to an end where one leads to a folder that it is in.
func (b *budget) folder(root string) error {
	rules := ignore.Empty()
	if file := filepath.Join(root, ignore.HelmIgnore); exists(file) {
		own, err := ignore.ParseFile(file)
		if err != nil {
			return nil // Helm says what is wrong
		}
		rules = own
	}
	rules.AddDefaults()
	return b.within(root, "", rules, nil)
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// within counts one folder; above are those that it is in, links resolved.
func (b *budget) within(root, at string, rules *ignore.Rules, above []string) error {
	real, err := filepath.EvalSymlinks(filepath.Join(root, at))
	if err != nil {
		return nil
	}
	if slices.Contains(above, real) {
		return fmt.Errorf("%s is a link to a folder that it is in", at)
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := filepath.Join(at, e.Name())
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || rules.Ignore(filepath.ToSlash(name), info) {
			continue
		}
		if info.IsDir() {
			err = b.within(root, name, rules, append(above[:len(above):len(above)], real))
		} else {
			err = b.file(filepath.Join(root, name), info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *budget) file(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return nil // Helm refuses it
	}
	if err := b.spend(info.Size() + perFile); err != nil {
		return err
	}
	if !isArchive(path) {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	return b.archive(f)
}
