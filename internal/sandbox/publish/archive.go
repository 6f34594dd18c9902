package publish

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// Archive packages the chart in dir, with all that its .helmignore lets
// through. The bytes depend on the chart's files alone: the entries are
// sorted, carry no times and are stored instead of compressed, since Go's
// compressor may change from one version to the next.
func Archive(dir string) ([]byte, *chart.Metadata, error) {
	c, err := loader.LoadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("load the chart in %s: %w", dir, err)
	}
	if err := c.Validate(); err != nil {
		return nil, nil, fmt.Errorf("check the chart in %s: %w", dir, err)
	}
	files := slices.Clone(c.Raw)
	slices.SortFunc(files, func(a, b *chart.File) int { return strings.Compare(a.Name, b.Name) })

	var out bytes.Buffer
	if err := write(&out, c.Name(), files); err != nil {
		return nil, nil, fmt.Errorf("package the chart in %s: %w", dir, err)
	}
	return out.Bytes(), c.Metadata, nil
}

func write(out *bytes.Buffer, name string, files []*chart.File) error {
	stored, err := gzip.NewWriterLevel(out, gzip.NoCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(stored)
	for _, file := range files {
		header := &tar.Header{Name: path.Join(name, file.Name), Mode: 0o644, Size: int64(len(file.Data))}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(file.Data); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return stored.Close()
}
